"""Reps into sets: numbers, what counts, velocity loss, pauses between reps, and each rep's life.

Every rep of the running set is judged again whenever one of them changes, because a rep is partial by the
set's own median range. What changed becomes a new revision.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import msgspec

from station.exercises import Profile
from station.records import Rejected, Rep, RepEvent, RepState, SetEvent, SetSummary

PARTIAL_SHARE = 0.6  # README, "What counts": below 60 % of the full range a rep is partial
# A bar put down and picked up again looks like a deep rep with a rest at the bottom. Ranges within a set
# vary by some 15 %, so a rep this much longer is not one if it also rested, longer than the set's others do.
SET_DOWN_SHARE = 1.4
SET_DOWN_PAUSE_S = 1.5
SET_DOWN_LONGER = 2.0
GRACE_S = 2.0  # a rep begun within the set's gap has moved by then


@dataclass
class _Entry:
    """A rep of the running set."""

    index: int
    rep: Rep
    size: float  # range in the unit of the motion coordinate
    state: RepState
    event_id: str
    said: RepEvent | None = None
    reason: str | None = None  # why it was rejected


class SetTracker:
    """The running set of one station. Pure: times come in with the reps."""

    def __init__(self, profile: Profile, first_number: int = 1) -> None:
        self.full_range_m: float | None = None  # of the athlete; without it the set's median is taken for it
        self._profile = profile
        self._entries: list[_Entry] = []
        self._set_number = first_number
        self._rep_ids = 0
        self._ended: tuple[list[_Entry], int] | None = None  # the set before, and its rep ids

    @property
    def set_number(self) -> int:
        return self._set_number

    @property
    def running(self) -> bool:
        """Whether a set has begun and not ended."""
        return bool(self._entries)

    def rep(
        self, index: int, rep: Rep, size: float, state: RepState, known_s: float
    ) -> list[RepEvent | SetEvent | Rejected]:
        """Take a measured rep, new or again. `index` tells which; `size` is its range."""
        events: list[RepEvent | SetEvent | Rejected] = []
        entry = next((entry for entry in self._entries if entry.index == index), None)
        if entry is None:
            if self._entries and rep.start_s - self._entries[-1].rep.end_s > self._profile.set_gap_s:
                events += self.end(known_s)
            self._rep_ids += 1
            entry = _Entry(index, rep, size, state, f"s{self._set_number}-r{self._rep_ids}")
            self._entries.append(entry)
        entry.rep, entry.size = rep, size
        if entry.state == "pending":
            entry.state = state
        return events + self._judge(known_s)

    def take_back(self, index: int, reason: str, known_s: float) -> list[RepEvent | SetEvent | Rejected]:
        """An announced rep turned out to be none."""
        for entry in self._entries:
            if entry.index == index:
                entry.state, entry.reason = "rejected", reason
        return self._judge(known_s)

    def due(self, now_s: float, busy: bool) -> bool:
        """Whether the set's gap has passed with nothing going on."""
        if not self._entries or busy:
            return False
        return now_s - self._entries[-1].rep.end_s > self._profile.set_gap_s + GRACE_S

    def end(self, known_s: float) -> list[RepEvent | SetEvent | Rejected]:
        """The set is over: what is pending is confirmed, the summary is said, the next number begins."""
        if not self._entries:
            return []
        for entry in self._entries:
            if entry.state == "pending":
                entry.state = "confirmed"
        events = self._judge(known_s, ended=True)
        reps = [entry.rep for entry in self._entries if entry.state != "rejected"]
        self._ended = (self._entries, self._rep_ids) if reps else None
        self._entries = []
        if not reps:
            return events
        events.append(
            SetEvent(
                event_id=f"s{self._set_number}",
                revision=1,
                exercise=self._profile.name,
                known_s=known_s,
                summary=summarise(self._set_number, reps),
            )
        )
        self._set_number += 1
        self._rep_ids = 0
        return events

    def reopen(self, now_s: float) -> bool:
        """Go on with the set that ended last; False where the next has begun or its gap has passed."""
        if self._entries or self._ended is None:
            return False
        entries, rep_ids = self._ended
        if now_s - entries[-1].rep.end_s > self._profile.set_gap_s:
            return False
        self._entries, self._rep_ids, self._ended = entries, rep_ids, None
        self._set_number -= 1
        return True

    def _judge(self, known_s: float, ended: bool = False) -> list[RepEvent | SetEvent | Rejected]:
        events: list[RepEvent | SetEvent | Rejected] = []
        self._reject_set_downs(ended)
        standing = [entry for entry in self._entries if entry.state != "rejected"]
        typical = median(entry.size for entry in standing) if standing else 0.0
        fastest = 0.0
        for number, entry in enumerate(standing, 1):
            following = standing[number].rep if number < len(standing) else None
            reason = self._partial(entry, typical)
            counted = reason is None
            velocity = entry.rep.mean_concentric_velocity_mps
            loss = None
            if counted and velocity is not None and velocity > 0.0:
                fastest = max(fastest, velocity)
                loss = 100.0 * (1.0 - velocity / fastest)
            entry.rep = msgspec.structs.replace(
                entry.rep,
                number=number,
                counted=counted,
                reason=reason,
                velocity_loss_pct=loss,
                **self._pause(entry.rep, following),
            )
        for entry in self._entries:
            if entry.state == "rejected":
                entry.rep = msgspec.structs.replace(
                    entry.rep, counted=False, reason=entry.reason, velocity_loss_pct=None
                )
            event = RepEvent(
                event_id=entry.event_id,
                revision=entry.said.revision if entry.said else 0,
                state=entry.state,
                exercise=self._profile.name,
                set_number=self._set_number,
                known_s=entry.said.known_s if entry.said else known_s,
                rep=entry.rep,
            )
            if event != entry.said:
                entry.said = msgspec.structs.replace(event, revision=event.revision + 1, known_s=known_s)
                events.append(entry.said)
                if entry.state == "rejected":
                    events.append(Rejected(entry.rep.start_s, entry.rep.end_s, entry.reason or "no rep"))
        self._entries = [entry for entry in self._entries if entry.state != "rejected"]
        return events

    def _partial(self, entry: _Entry, typical: float) -> str | None:
        if entry.rep.rom_m is not None and entry.rep.rom_m < self._profile.min_rom_m:
            return f"range of {entry.rep.rom_m:.2f} m is below the least, {self._profile.min_rom_m:g} m"
        if self.full_range_m is not None and entry.rep.rom_m is not None:
            if entry.rep.rom_m < PARTIAL_SHARE * self.full_range_m:
                share_pct = 100.0 * entry.rep.rom_m / self.full_range_m
                return f"partial: {share_pct:.0f} % of the athlete's full range"
        elif entry.size < PARTIAL_SHARE * typical:
            return f"partial: {100.0 * entry.size / typical:.0f} % of the set's median range"
        return None

    def _reject_set_downs(self, ended: bool) -> None:
        """Once the set has gone on or ended: two long reps in a row are its own, the others were short."""
        if self._profile.starts_with != "eccentric" or len(self._entries) < 3:
            return
        typical = median(entry.size for entry in self._entries)
        pauses_s = [entry.rep.bottom_pause_s or 0.0 for entry in self._entries]
        rest_s = max(SET_DOWN_PAUSE_S, SET_DOWN_LONGER * median(pauses_s))
        suspects = [
            entry
            for entry, pause_s in zip(self._entries, pauses_s, strict=True)
            if entry.size > SET_DOWN_SHARE * typical and pause_s > rest_s
        ]
        if ended or self._entries[-1] not in suspects:
            for entry in suspects:
                entry.state, entry.reason = "rejected", "set-down and pick-up"

    def _pause(self, rep: Rep, following: Rep | None) -> dict[str, float | None]:
        """The pause between a rep and the next; null for the last of a set."""
        if self._profile.starts_with == "eccentric":
            return {"top_pause_s": max(0.0, following.start_s - rep.end_s) if following else None}
        if following is None or rep.eccentric_end_s is None:
            return {"bottom_pause_s": None}
        return {"bottom_pause_s": max(0.0, following.start_s - rep.end_s)}


def summarise(number: int, reps: list[Rep]) -> SetSummary:
    """A set's summary from its reps."""
    counted = [rep for rep in reps if rep.counted]
    velocities = _known(counted, lambda rep: rep.mean_concentric_velocity_mps)
    ranges = _known(counted, lambda rep: rep.rom_m)
    deviations = _known(counted, lambda rep: rep.path_deviation_m)
    fastest = max(velocities, default=None)
    return SetSummary(
        number=number,
        counted_reps=len(counted),
        partial_reps=len(reps) - len(counted),
        start_s=reps[0].start_s,
        end_s=reps[-1].end_s,
        fastest_mean_concentric_velocity_mps=fastest,
        last_mean_concentric_velocity_mps=velocities[-1] if velocities else None,
        velocity_loss_pct=100.0 * (1.0 - velocities[-1] / fastest) if fastest else None,
        median_rom_m=median(ranges) if ranges else None,
        largest_path_deviation_m=max(deviations, default=None),
    )


def _known(reps: list[Rep], value: Callable[[Rep], float | None]) -> list[float]:
    return [v for v in map(value, reps) if v is not None]
