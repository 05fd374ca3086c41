"""Detects gaps in the stations' streams that are not filled in time.

A station repeats what is not acknowledged, so a hole closes within seconds. One that stays was acknowledged
by another history: this one was restored from a copy, or a second record wrote elsewhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from dashboard.record.ranges import size
from station.messages import RepMessage, SetMessage, StreamAck

MOST_STREAMS = 4096
STAYS_S = 30.0  # a station sends again within a few seconds of being heard
StreamKey = tuple[str, str, str]  # site, station, stream


class Hole(NamedTuple):
    """Numbers that have not come, first and last, since when they are missed, and the events around them."""

    first_seq: int
    last_seq: int
    noticed_s: float
    before_utc: str | None  # None: it came before this record began
    after_utc: str | None = None  # as the history has it


class Holes:
    """Tracks the gaps of each stream, by the acknowledgements."""

    def __init__(self, stays_s: float = STAYS_S) -> None:
        self._stays_s = stays_s
        self._open: dict[StreamKey, list[Hole]] = {}
        self._committed: dict[StreamKey, int] = {}  # of each stream that this history knows
        self._ends: dict[StreamKey, Hole] = {}  # behind what is committed, and gone from the station

    def update(
        self,
        acks: Mapping[StreamKey, StreamAck],
        events: Iterable[tuple[StreamKey, RepMessage | SetMessage]],
        now_s: float,
    ) -> None:
        """Update with what is committed now and the events that have just arrived."""
        came = {(key, event.seq): event.at_utc for key, event in events}
        for key, ack in acks.items():
            self._committed[key] = ack.committed_seq
            if key in self._ends and self._ends[key].last_seq <= ack.committed_seq:
                del self._ends[key]
            before = self._open.pop(key, [])
            found = []
            for first, last in ack.missing:
                old = next((one for one in before if one.first_seq <= last and first <= one.last_seq), None)
                noticed_s, after = (old.noticed_s, old.before_utc) if old else (now_s, None)
                found.append(Hole(first, last, noticed_s, came.get((key, last + 1), after)))
            if found:
                self._open[key] = found

    def settled(self, site: str, station: str, settled: Mapping[str, int], now_s: float) -> None:
        """Note how far a station's streams have been acknowledged, by any record.

        A history that knows nothing of the station is a new one, and lacks nothing.
        """
        if not any(key[:2] == (site, station) for key in self._committed):
            return
        for stream, last in settled.items():
            key = (site, station, stream)
            first = self._committed.get(key, 0) + 1
            if first <= last:
                noticed_s = self._ends[key].noticed_s if key in self._ends else now_s
                self._ends[key] = Hole(first, last, noticed_s, None)
        while len(self._ends) > MOST_STREAMS:
            del self._ends[next(iter(self._ends))]

    def staying(self, now_s: float) -> dict[StreamKey, list[Hole]]:
        """The gaps that have lasted so long that no station will fill them."""
        found = {
            key: [
                one
                for one in (*self._open.get(key, ()), *filter(None, [self._ends.get(key)]))
                if now_s - one.noticed_s >= self._stays_s
            ]
            for key in (*self._open, *(key for key in self._ends if key not in self._open))
        }
        return {key: holes for key, holes in found.items() if holes}


def in_words(station: str, holes: Sequence[Hole]) -> str:
    """What a person reads."""
    count = size(tuple((one.first_seq, one.last_seq) for one in holes))
    return f"{station}: {count} events{span(holes)} are not in this history"


def span(holes: Sequence[Hole]) -> str:
    """Between which events holes lie, oldest first, as words behind a number; "" where nobody knows."""
    after = next((one.after_utc for one in holes if one.after_utc), None)
    before = next((one.before_utc for one in reversed(holes) if one.before_utc), None)
    return "".join(f" {word} {at[:19]}Z" for word, at in (("after", after), ("before", before)) if at)
