"""What a client listens to: every station, but for topics that somebody floods; pure.

A broker sends a client all it listens to in one queue, and drops what a slow reader leaves no room for,
whoever's it is. However fast we read, two processes that share a core with the broker can be faster. So a
topic that is flooded is left for a while, and the stations that are known are listened to one by one. What a
station in order would have said there waits in its outbox, or is said again.
"""

from collections.abc import Sequence, Set

from station.errors import MessageError
from station.topics import Address, parse_topic

LEAVE_S = 10.0  # the first time; twice as long each time it goes on
LONGEST_S = 320.0
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
        self._left: dict[str, tuple[float, float]] = {}  # topic: until when, after how long

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
        """Do not listen to a topic for a while; again and again, for longer each time."""
        until_s, after_s = self._left.get(topic, (now_s, 0.0))
        if now_s < until_s:
            return  # what was under way before the broker knew
        after_s = min(LONGEST_S, max(LEAVE_S, 2 * after_s))
        self._left[topic] = (now_s + after_s, after_s)

    def left(self, now_s: float) -> list[str]:
        """Topics that are not listened to now."""
        for topic, (until_s, after_s) in list(self._left.items()):
            if now_s > until_s + after_s:
                del self._left[topic]  # it was quiet for as long: forgiven
        return [topic for topic, (until_s, _) in self._left.items() if now_s < until_s]

    def wanted(self, now_s: float) -> set[str]:
        """The filters to be subscribed to now."""
        left = self.left(now_s)
        narrowed = {topic.rpartition("/")[2] for topic in left}
        found = {Address(*self._every, leaf).topic for leaf in self._leaves if leaf not in narrowed}
        for leaf in narrowed.intersection(self._leaves):
            found.update(Address(*known, leaf).topic for known in list(self._stations))
        return found.difference(left)
