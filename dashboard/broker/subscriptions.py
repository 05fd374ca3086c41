"""What a client listens to: every station, but for topics that somebody floods; pure.

However fast we read, a flood and a broker on the same cores can be faster, and the broker's queue for us is
full of it. So a topic that is flooded is left for a while, and the stations that are known are listened to
one by one. What a station in order would have said there waits in its outbox, or is said again.
"""

from collections.abc import Sequence, Set

from station.errors import MessageError
from station.program.flood import Flood
from station.topics import Address, parse_topic

MOST_STATIONS = 4096
MOST_TOPICS = 16 * MOST_STATIONS


class Subscriptions:
    """The topic filters of one client.

    Parameters
    ----------
    leaves : what is listened to
    site, station : of whom; None is every one
    """

    def __init__(self, leaves: Sequence[str], site: str | None = None, station: str | None = None) -> None:
        self._leaves = leaves
        self._every = (site or "+", station or "+")
        self._stations: set[tuple[str, str]] = set()  # site and id of those that are known
        self._heard: set[str] = set()
        self._floods: dict[str, Flood] = {}

    def heard(self, topics: Set[str]) -> None:
        """Know whose these are."""
        for topic in topics - self._heard:
            self._heard.add(topic)
            try:
                address = parse_topic(topic)
            except MessageError:
                continue  # counted where all are checked
            if len(self._stations) < MOST_STATIONS:
                self._stations.add((address.site, address.station))
        if len(self._heard) > MOST_TOPICS:
            self._heard.clear()

    def leave(self, topic: str, now_s: float) -> None:
        """Do not listen to a flooded topic for a while."""
        self._floods.setdefault(topic, Flood()).noticed(now_s)

    def left(self, now_s: float) -> list[str]:
        """Topics that are not listened to now."""
        self._floods = {topic: one for topic, one in self._floods.items() if not one.is_forgiven(now_s)}
        return [topic for topic, one in self._floods.items() if one.is_left(now_s)]

    def wanted(self, now_s: float) -> set[str]:
        """The filters to be subscribed to now."""
        left = self.left(now_s)
        narrowed = {topic.rpartition("/")[2] for topic in left}
        found = {Address(*self._every, leaf).topic for leaf in self._leaves if leaf not in narrowed}
        for leaf in narrowed.intersection(self._leaves):
            found.update(Address(*known, leaf).topic for known in list(self._stations))
        return found.difference(left)
