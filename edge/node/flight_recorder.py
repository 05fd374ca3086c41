"""The flight recorder of a station: the last ten minutes of its bytes, and what of them goes to disk.

A stretch is kept where a person marks, uncounts or adds a rep, where a rep is doubtful, and where a board was
reset. The ports' threads put bytes in and never wait; the commit thread writes.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from edge.counting.dispute import Change, CountingState, Dispute, Verdict, Why
from edge.link.capture import CaptureInfo
from edge.link.drivers import Driver
from edge.link.raw_ring import KEEP_S, RawRing
from edge.node.dispute_store import DisputeStore
from station.config import Port, StationFile
from station.exercises import Profile
from station.messages import now_utc
from station.records import RepEvent

DOUBTFUL = 0.8  # contract: a rep less sure than this is shown as doubtful
PORT_BYTES = 4 << 20  # ten minutes of a board of three channels at 1 kHz, packed
NODE_BYTES = 6 << 20  # of all ports of a node; sixteen boards' of a tether and a cell: two minutes
LEAD_S = 30.0  # before the set that came before it: in one whole set a replay settles as the node had
AFTER_S = 15.0  # what was under way has ended, and the set's gap of most exercises has passed
MOST_WAIT_S = 120.0  # for a running set to end
SETS_KEPT = 64

View = Callable[[str], tuple[list[Verdict], bool]]  # of a set: its reps, and whether it is running


class _Pending(msgspec.Struct, eq=False):
    """A dispute that waits for what comes after."""

    why: set[Why]
    since_s: float  # host's monotonic clock
    due_s: float
    from_s: float  # session time
    to_s: float


class _Line(msgspec.Struct, eq=False):
    port: Port
    driver: Driver
    ring: RawRing
    resets: int = 0


class _Span(msgspec.Struct, eq=False):
    """Where a set lies, session time."""

    from_s: float
    to_s: float
    disputed: set[Why] = msgspec.field(default_factory=set)


class FlightRecorder:
    """The flight recorder of one session.

    Parameters
    ----------
    station, software : as written into each dispute
    session : its id, which the names of disputes begin with
    profile_of : by an exercise's name
    store : where they go
    ports : how many the whole node has, for their share of the memory
    """

    def __init__(
        self,
        station: StationFile,
        session: str,
        software: str,
        profile_of: Callable[[str], Profile],
        store: DisputeStore,
        ports: int,
    ) -> None:
        self.problem: str | None = None
        self._station = msgspec.structs.replace(station, mqtt=None)
        self._session, self._software = session, software
        self._profile_of, self._store = profile_of, store
        self._port_bytes = min(PORT_BYTES, NODE_BYTES // max(ports, 1))
        self._lines: list[_Line] = []
        self._changes: deque[Change] = deque()
        self._sets: dict[str, _Span] = {}
        self._pending: dict[str, _Pending] = {}
        self._now_s = 0.0
        self._session_s = 0.0
        self._lock = threading.Lock()

    def tap(self, port: Port, driver: Driver) -> Callable[[float, bytes], None]:
        """The callback for a port's thread, called with each read before the driver."""
        line = _Line(port, driver, RawRing(self._port_bytes))
        self._lines.append(line)

        def take(received_s: float, data: bytes) -> None:
            line.ring.take(received_s, data, driver.clock)
            if driver.stats.resets != line.resets:
                line.resets = driver.stats.resets
                self._reset(received_s)

        return take

    def after(self, received_s: float, session_s: float, state: CountingState | None) -> None:
        """Record the counting state after a step of the session; None: as it was."""
        with self._lock:
            self._now_s, self._session_s = received_s, session_s
            if state is not None and (not self._changes or self._changes[-1].state != state):
                self._changes.append(Change(received_s=received_s, session_s=session_s, state=state))
                while len(self._changes) > 1 and self._changes[1].received_s < received_s - KEEP_S:
                    self._changes.popleft()

    def said(self, events: Sequence[object]) -> None:
        """Record what was counted: the sets' times, and which reps are doubtful."""
        with self._lock:
            for event in events:
                if not isinstance(event, RepEvent):
                    continue
                rep, span = event.rep, self._sets.get(event.set_event_id)
                if span is None:
                    span = self._sets[event.set_event_id] = _Span(rep.start_s, rep.end_s)
                    if len(self._sets) > SETS_KEPT:
                        del self._sets[next(iter(self._sets))]
                span.from_s, span.to_s = min(span.from_s, rep.start_s), max(span.to_s, rep.end_s)
                doubtful = rep.confidence is not None and rep.confidence < DOUBTFUL
                if doubtful and event.state == "confirmed" and "doubtful" not in span.disputed:
                    self._dispute(event.set_event_id, "doubtful")

    def disputed(self, set_event_id: str, why: Why) -> None:
        """A person has corrected a set."""
        with self._lock:
            self._dispute(set_event_id, why)

    def write(self, now_s: float, view: View, *, last: bool = False) -> None:
        """Write the stretches that are due, or all of them in the `last` call. On the commit thread."""
        with self._lock:
            due = [name for name, one in self._pending.items() if last or now_s >= one.due_s]
        for name in due:
            verdicts, running = view(name)
            with self._lock:
                pending = self._pending[name]
                if running and not last and now_s - pending.since_s < MOST_WAIT_S:
                    pending.due_s = now_s + 1.0
                    continue
                del self._pending[name]
                span = self._sets.get(name)
                if span is not None:
                    pending.from_s, pending.to_s = span.from_s, span.to_s
            try:
                self._write(name, pending, verdicts)
                self.problem = None
            except OSError as error:
                self.problem = f"a dispute cannot be kept: {error.strerror or error}"

    @property
    def size_bytes(self) -> int:
        """What is held in memory."""
        return sum(line.ring.size_bytes for line in self._lines)

    def _begin_s(self, from_s: float) -> float:
        """Session time from which on a replay is to count, to have settled by `from_s` as the node had."""
        with self._lock:
            before = [span.from_s for span in self._sets.values() if span.from_s < from_s]
        return max(before, default=from_s) - LEAD_S

    def _reset(self, received_s: float) -> None:
        with self._lock:
            name = f"reset-{self._session_s:.0f}"
            self._pending[name] = _Pending(
                {"reset"}, received_s, received_s + AFTER_S, self._session_s, self._session_s + AFTER_S
            )

    def _dispute(self, name: str, why: Why) -> None:
        span = self._sets.get(name)
        if span is None:
            return
        span.disputed.add(why)
        pending = self._pending.get(name)
        if pending is None:
            now_s = self._now_s
            pending = _Pending(set(span.disputed), now_s, now_s, span.from_s, span.to_s)
            self._pending[name] = pending
        pending.why.add(why)
        pending.due_s = self._now_s + AFTER_S

    def _write(self, name: str, pending: _Pending, verdicts: list[Verdict]) -> None:
        """Raises OSError."""
        first, *others = self._lines
        blocks = first.ring.stretch(self._begin_s(pending.from_s))
        if not blocks or not self._changes:
            return
        end_s = pending.to_s + AFTER_S
        blocks = [one for one in blocks if one[1] is None or one[1].session_us / 1e6 <= end_s]
        start_s, clock, _ = blocks[0]
        if clock is not None and clock.session_us / 1e6 > pending.from_s:
            return  # its bytes have been let go
        with self._lock:
            changes = list(self._changes)
        begun = max((n for n, one in enumerate(changes) if one.received_s <= start_s), default=0)
        changes = [one for one in changes[begun:] if one.session_s <= end_s]
        stretches = [blocks, *(line.ring.since(start_s) for line in others)]
        captures = [
            (
                CaptureInfo(
                    station=self._station.station.id,
                    url=line.port.url,
                    driver=line.port.driver,
                    baud=line.port.baud,
                    started_utc=now_utc(),
                    clock=stretch[0][1] if stretch else None,
                ),
                b"".join(records for _, _, records in stretch),
            )
            for line, stretch in zip(self._lines, stretches, strict=True)
        ]
        names = {change.state.exercise for change in changes}
        dispute = Dispute(
            name=f"{self._station.station.id}-{self._session[:8]}-{name}",
            why=sorted(pending.why),
            at_utc=now_utc(),
            software=self._software,
            station=self._station,
            profiles={name: self._profile_of(name) for name in sorted(names)},
            changes=changes,
            whole=clock is None,
            from_s=pending.from_s,
            to_s=pending.to_s,
            verdicts=verdicts,
        )
        self._store.put(dispute, captures)
