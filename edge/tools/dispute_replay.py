"""A dispute through the same drivers, watch and pipeline as the node's, and whether it comes out the same."""

import heapq
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.counting.dispute import Change, CountingState, Dispute, Verdict
from edge.counting.pipeline import Event, StationPipeline
from edge.counting.watch import SensorWatch
from edge.link.alignment import Alignment
from edge.link.capture import Capture, Received
from edge.link.drivers import Driver, Samples, make_driver
from edge.node.dispute_store import DISPUTE
from station.config import StationFile
from station.errors import RecordingError
from station.records import Rep, RepEvent

SAME_REP_S = 0.6  # as far apart as two lockouts of one rep may be
TOLERANCE = 1e-4  # where the filters had not the whole session to settle in


@dataclass(eq=False)
class Replayed:
    """The outcome of a replay."""

    reps: list[RepEvent]  # in their newest revision, by start
    trace: NDArray[np.float64]  # rows: session time, place; shape (2, n)


def read_dispute(folder: Path) -> Dispute:
    """Read a dispute. Raises RecordingError for a folder that holds none."""
    path = folder / DISPUTE
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)  # root may look at what the node's user owns
        with os.fdopen(number, "rb") as file:
            return msgspec.json.decode(file.read(), type=Dispute)
    except OSError as error:
        raise RecordingError(
            f"{path}: {error.strerror}; give a folder that `plumbline disputes` lists"
        ) from error
    except msgspec.DecodeError as error:
        raise RecordingError(
            f"{path}: no dispute of this Plumbline ({error}); was it copied whole, or changed?"
        ) from error


def replay(folder: Path, dispute: Dispute) -> Replayed:
    """Count a dispute's captures again. Raises RecordingError where they are missing."""
    captures = [Capture(path) for path in sorted(folder.glob("port-*.plc")) if not path.is_symlink()]
    if not captures:
        raise RecordingError(f"{folder}: holds no port-0.plc; was it copied whole?")
    counting = _Counting(dispute, captures)
    streams = [[(one, number) for one in capture] for number, capture in enumerate(captures)]
    for received, number in heapq.merge(*streams, key=lambda one: one[0].received_s):
        counting.take(received, number)
    return counting.finish()


def driver_of(capture: Capture, station: StationFile) -> Driver:
    """The driver that a capture's bytes are for, its clock where theirs begins. Raises RecordingError."""
    driver = make_driver(capture.port(station), station)
    if capture.info.clock is not None:
        driver.clock.go_on(capture.info.clock)
    driver.opened()
    return driver


def differences(dispute: Dispute, replayed: Replayed) -> list[str]:
    """The differences between a replay and what the station published, a line each."""
    found = []
    free = list(replayed.reps)
    for verdict in dispute.verdicts:
        if verdict.added or verdict.measured_state == "rejected":
            continue
        match = nearest(free, verdict.rep)
        if match is None:
            found.append(f"{verdict.event_id}: not found")
            continue
        free.remove(match)
        found += [f"{verdict.event_id}: {line}" for line in _apart(dispute, verdict, match.rep)]
    for extra in free:
        if extra.state != "rejected" and dispute.from_s <= extra.rep.start_s < dispute.to_s:
            found.append(f"a rep at {extra.rep.start_s:.2f} s that was not said")
    return found


def nearest(events: list[RepEvent], rep: Rep) -> RepEvent | None:
    """The event about the same movement."""
    at_s = _lockout_s(rep)
    match = min(events, key=lambda one: abs(_lockout_s(one.rep) - at_s), default=None)
    return match if match is not None and abs(_lockout_s(match.rep) - at_s) <= SAME_REP_S else None


def _lockout_s(rep: Rep) -> float:
    return rep.end_s if rep.concentric_end_s is None else rep.concentric_end_s


def _apart(dispute: Dispute, verdict: Verdict, rep: Rep) -> list[str]:
    disputed = any(one.mark is not None or one.added for one in dispute.verdicts)
    left_out = {"number", "reason", "velocity_loss_pct", "curve"}  # a curve shows what the numbers say
    if disputed:  # the pause to the next rep is another where that one is none
        first = next(iter(dispute.profiles.values())).starts_with
        pause = "top_pause" if first == "eccentric" else "bottom_pause"
        left_out |= {f"{pause}_s", f"{pause}_sigma_s", "confidence"}  # which is by the set's other reps
    if verdict.mark is not None:
        left_out |= {"counted", "reason_code"}
    lines = []
    for name in set(Rep.__struct_fields__) - left_out:
        said, now = getattr(verdict.rep, name), getattr(rep, name)
        near = isinstance(said, float) and isinstance(now, float) and not dispute.whole
        if said != now and not (near and abs(said - now) <= TOLERANCE * max(1.0, abs(said))):
            lines.append(f"{name} was {said}, is {now}")
    return sorted(lines)


class _Counting:
    """The node's own way from bytes to reps, with what was set meanwhile."""

    def __init__(self, dispute: Dispute, captures: list[Capture]) -> None:
        self._dispute = dispute
        self._changes = list(dispute.changes)
        first = self._changes.pop(0)
        self._state = first.state
        self._pipeline = StationPipeline(dispute.station, dispute.profiles[first.state.exercise], live_s=0.0)
        self._pipeline.set_load(first.state.load_kg)
        self._pipeline.set_full_range(first.state.full_range_m)
        self._pipeline.cell.move(first.state.zero_n)
        self._watch = SensorWatch()
        self._reps: dict[str, RepEvent] = {}
        self._trace: list[NDArray[np.float64]] = []
        self._seen_s = 0.0
        self._drivers: list[Driver] = []
        self._onto: list[Alignment | None] = []
        for capture in captures:
            driver = driver_of(capture, dispute.station)
            self._drivers.append(driver)
            lead = self._drivers[0].clock
            self._onto.append(None if len(self._drivers) == 1 else Alignment(driver.clock, lead))

    def take(self, received: Received, number: int) -> None:
        """What one read of one port returned."""
        while self._changes and self._changes[0].received_s < received.received_s:
            self._change(self._changes.pop(0))
        samples: list[Samples] = self._drivers[number].feed(received.data, received.received_s)
        onto = self._onto[number]
        samples = samples if onto is None else onto.onto(samples)
        if samples:
            self._keep(self._pipeline.feed(self._watch.feed(samples, received.received_s)))
            piece = self._pipeline.counter.trace(self._seen_s)
            if piece.shape[1]:
                self._trace.append(piece[:2])
                self._seen_s = float(piece[0, -1]) + 0.0075  # into the next grid sample

    def finish(self) -> Replayed:
        for change in self._changes:
            self._change(change)
        self._keep(self._pipeline.finish())
        reps = sorted(self._reps.values(), key=lambda one: one.rep.start_s)
        trace = np.concatenate(self._trace, axis=1) if self._trace else np.empty((2, 0))
        return Replayed(reps, trace)

    def _change(self, change: Change) -> None:
        old, new = self._state, change.state
        self._state = new
        if new.counter != old.counter:
            self._keep(self._pipeline.set_profile(self._dispute.profiles[new.exercise], None))
        elif new.line > old.line:
            self._keep(self._pipeline.end_set(None))
        elif new.line < old.line:
            self._pipeline.reopen_set(self._pipeline.sets.section)
        self._set(old, new)
        if new.idle and not old.idle:
            self._keep(self._pipeline.idle(change.session_s))

    def _set(self, old: CountingState, new: CountingState) -> None:
        if new.load_kg != old.load_kg:
            self._pipeline.set_load(new.load_kg)
        if new.full_range_m != old.full_range_m:
            self._pipeline.set_full_range(new.full_range_m)
        if new.zero_n != old.zero_n:
            self._pipeline.cell.move(new.zero_n - old.zero_n)

    def _keep(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, RepEvent):
                self._reps[event.event_id] = event
