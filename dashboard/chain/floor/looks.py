"""What a floor over several gyms asks for and gets. Pure.

    chain.look.SITE    a WatchRequest as JSON, every LOOK_S for as long as somebody looks at that gym
    chain.floor.SITE   a FloorUpdate, JSON behind zlib: what the gym's stations have said since the one before

Neither is kept by the servers. While nobody looks nothing is said; live values, reps and sets are said of
stations alone whose screen is open somewhere. The site is in the subject, and the servers hold everybody
to theirs.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

import msgspec

from dashboard.broker.events import Packet
from dashboard.chain.batch import unpacked
from station.errors import MessageError
from station.messages import MAX_PAYLOAD_BYTES
from station.topics import NAME, RETAINED, parse_topic

LOOKS, FLOORS = "chain.look", "chain.floor"
LOOK_S = 2.0
LOOK_KEPT_S = 6.5  # three looks may be lost
FLOOR_S = 2.0  # of each station the newest, no more often
AGAIN_S = 20.0  # everything: the servers keep nothing, and a connection may have been lost meanwhile
LIVE_S = 0.25  # how long a live value waits for others
MOST_LOOKS = 64  # at one gym; of more the oldest is forgotten
MOST_KEPT = 1024  # topics of one gym: four of each station
MOST_EVENTS = 400  # live values, reps and sets in one LIVE_S; then the oldest go
MOST_BYTES = 600_000  # of an update before it is packed; beyond, another follows
MOST_UNPACKED = 4 * 2**20

Station = Annotated[str, msgspec.Meta(pattern=f"^{NAME.pattern}$")]
Leaf = Literal["state", "info", "health", "current", "live", "rep", "set"]
LEAVES: tuple[Leaf, ...] = ("state", "info", "health", "current", "live", "rep", "set")


class WatchRequest(msgspec.Struct, frozen=True, tag_field="schema", tag="plumbline/look/1"):
    """A screen asks for a gym's floor, and for the live values of one station."""

    looker: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    station: Station | None = None


class StationUpdate(msgspec.Struct, frozen=True, array_like=True):
    """A message of a station, as it was on its gym's broker."""

    station: Station
    leaf: Leaf
    age_s: Annotated[float, msgspec.Meta(ge=0.0)]
    payload: str


class FloorUpdate(msgspec.Struct, frozen=True, tag_field="schema", tag="plumbline/glance/1"):
    """What a gym's stations have said, oldest first; `problem`: why the relay does not hear them."""

    said: list[StationUpdate] = []
    problem: Annotated[str, msgspec.Meta(max_length=200)] | None = None


def unpack(payload: bytes) -> FloorUpdate:
    """The update of a payload. Raises MessageError."""
    return unpacked(payload, FloorUpdate, MOST_UNPACKED)


class FloorUpdates:
    """Gathers what a gym's stations say for the screens that watch; times are monotonic."""

    def __init__(self) -> None:
        self._looks: dict[str, tuple[float, str | None]] = {}  # by looker: until when, at which station
        self._newest: dict[tuple[str, Leaf], tuple[float, str]] = {}  # when it came, and what
        self._due: dict[tuple[str, Leaf], None] = {}
        self._events: list[tuple[str, Leaf, float, str]] = []
        self._next_s = self._again_s = 0.0

    def look(self, payload: bytes, now_s: float) -> None:
        """Take a look; whoever is new is told everything with the next update. Raises MessageError."""
        try:
            look = msgspec.json.decode(payload, type=WatchRequest)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise MessageError(f"no look: {str(error)[:200]}") from error
        if look.looker not in self._looks:
            self._due = dict.fromkeys(self._newest)
        self._looks.pop(look.looker, None)
        self._looks[look.looker] = now_s + LOOK_KEPT_S, look.station
        if len(self._looks) > MOST_LOOKS:
            del self._looks[next(iter(self._looks))]

    def watched(self, now_s: float) -> set[str] | None:
        """The stations that somebody looks at; None: nobody looks at the floor at all."""
        self._looks = {who: one for who, one in self._looks.items() if one[0] > now_s}
        return {at for _, at in self._looks.values() if at is not None} if self._looks else None

    def forget(self) -> None:
        """Nothing is listened to any more: what was heard will be out of date."""
        self._newest.clear()
        self._due.clear()
        self._events.clear()

    def heard(self, packets: Iterable[Packet], now_s: float) -> None:
        """Take what the gym's broker has brought."""
        watched = self.watched(now_s) or set()
        for packet in packets:
            try:
                address = parse_topic(packet.topic)
                text = packet.payload.decode()
            except (MessageError, UnicodeDecodeError):
                continue
            if address.leaf not in LEAVES or not 0 < len(packet.payload) <= MAX_PAYLOAD_BYTES:
                continue
            key: tuple[str, Leaf] = (address.station, address.leaf)
            if address.leaf not in RETAINED:
                if address.station in watched:
                    self._events.append((*key, packet.received_s, text))
            elif key in self._newest or len(self._newest) < MOST_KEPT:
                self._newest[key] = packet.received_s, text
                self._due[key] = None
        del self._events[:-MOST_EVENTS]

    def due(self, now_s: float, problem: str | None = None) -> Iterator[FloorUpdate]:
        """The updates for now: of stations that are watched at once, of the others when it is time."""
        watched = self.watched(now_s)
        if watched is None:
            return
        in_turn = now_s >= self._next_s
        if now_s >= self._again_s:
            self._again_s = now_s + AGAIN_S
            self._due = dict.fromkeys(self._newest)
        ready = [key for key in self._due if in_turn or key[0] in watched]
        for key in ready:
            del self._due[key]
        some = sorted([(*key, *self._newest[key]) for key in ready] + self._events, key=lambda one: one[2])
        self._events.clear()
        if in_turn:
            self._next_s = now_s + FLOOR_S
        if not some and not in_turn:
            return
        said: list[StationUpdate] = []
        size = 0
        for station, leaf, at_s, text in some:
            if said and size + len(text) > MOST_BYTES:
                yield FloorUpdate(said, problem)
                said, size = [], 0
            said.append(StationUpdate(station, leaf, max(0.0, now_s - at_s), text))
            size += len(text)
        yield FloorUpdate(said, problem)
