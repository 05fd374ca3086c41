"""What the reps of one set are, seen together: numbers, what counts, velocity loss, pauses.

Every rep of a set is judged again whenever one of them changes, because a rep is partial by the set's own
median range. A person's mark goes before what was measured.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import msgspec

from station.exercises import Profile
from station.messages import Mark
from station.records import ReasonCode, Rep, RepState, SetSummary, sentence

PARTIAL_SHARE = 0.6  # README, "What counts": below 60 % of the full range a rep is partial
# A bar put down and picked up again looks like a deep rep with a rest at the bottom. Ranges within a set
# vary by some 15 %, so a rep this much longer is not one if it also rested, longer than the set's others do.
SET_DOWN_SHARE = 1.4
SET_DOWN_PAUSE_S = 1.5
SET_DOWN_LONGER = 2.0

_MARKED = {
    "false": ReasonCode.MARKED_FALSE,
    "partial": ReasonCode.MARKED_PARTIAL,
    "failed": ReasonCode.MARKED_FAILED,
}


@dataclass(eq=False)
class Entry:
    """A rep in the book: as measured, what a person says of it, and what comes of both."""

    event_id: str
    measured: Rep  # nothing but times where a person has added it
    size: float  # range in the unit of the motion coordinate; NaN for an added one
    state: RepState  # by the kernel
    load_kg: float | None
    reason_code: ReasonCode | None = None  # why the kernel withdrew it
    mark: Mark | None = None
    by: str = ""
    rep: Rep | None = None  # as judged last

    @property
    def standing(self) -> RepState:
        """Its state once a person's mark is laid over the kernel's."""
        if self.mark == "false":
            return "rejected"
        return "confirmed" if self.mark is not None and self.state == "rejected" else self.state


def judge(
    entries: Sequence[Entry], profile: Profile, full_range_m: float | None, *, over: bool, void_by: str | None
) -> None:
    """Set `rep` of every entry of a set, by start. `void_by`: who has restarted it; None where nobody has."""
    _withdraw_set_downs(entries, profile, over)
    standing = [entry for entry in entries if entry.standing != "rejected"]
    sizes = [entry.size for entry in standing if entry.size == entry.size]
    typical = median(sizes) if sizes else 0.0
    fastest = 0.0
    for number, entry in enumerate(standing, 1):
        following = standing[number].measured if number < len(standing) else None
        code, reason = _reason(entry, profile, full_range_m, typical, void_by)
        velocity = entry.measured.mean_concentric_velocity_mps
        loss = None
        if code is None and velocity is not None and velocity > 0.0:
            fastest = max(fastest, velocity)
            loss = 100.0 * (1.0 - velocity / fastest)
        entry.rep = msgspec.structs.replace(
            entry.measured,
            number=number,
            counted=code is None,
            reason=reason,
            reason_code=code,
            velocity_loss_pct=loss,
            **_pause(entry.measured, following, profile),
        )
    for entry in entries:
        if entry.standing == "rejected":
            code = ReasonCode.MARKED_FALSE if entry.mark == "false" else entry.reason_code
            entry.rep = msgspec.structs.replace(
                entry.rep or entry.measured,  # it keeps the number it had
                counted=False,
                reason=sentence(code, by=entry.by) if code is not None else "no rep",
                reason_code=code,
                velocity_loss_pct=None,
            )


def summarise(number: int, reps: Sequence[Rep], start_s: float = 0.0) -> SetSummary:
    """A set's summary from its reps that stand; of none of them where all were withdrawn."""
    counted = [rep for rep in reps if rep.counted]
    velocities = _known(counted, lambda rep: rep.mean_concentric_velocity_mps)
    ranges = _known(counted, lambda rep: rep.rom_m)
    deviations = _known(counted, lambda rep: rep.path_deviation_m)
    fastest = max(velocities, default=None)
    return SetSummary(
        number=number,
        counted_reps=len(counted),
        partial_reps=len(reps) - len(counted),
        start_s=reps[0].start_s if reps else start_s,
        end_s=max((rep.end_s for rep in reps), default=start_s),
        fastest_mean_concentric_velocity_mps=fastest,
        last_mean_concentric_velocity_mps=velocities[-1] if velocities else None,
        velocity_loss_pct=100.0 * (1.0 - velocities[-1] / fastest) if fastest else None,
        median_rom_m=median(ranges) if ranges else None,
        largest_path_deviation_m=max(deviations, default=None),
    )


def _reason(  # noqa: PLR0911 - the first that applies
    entry: Entry, profile: Profile, full_range_m: float | None, typical: float, void_by: str | None
) -> tuple[ReasonCode | None, str | None]:
    """Why a standing rep is not counted; None for one that is."""
    if entry.mark == "counted":
        return None, None
    if entry.mark is not None:
        code = _MARKED[entry.mark]
        return code, sentence(code, by=entry.by)
    if void_by is not None:
        return ReasonCode.SET_RESTARTED, sentence(ReasonCode.SET_RESTARTED, by=void_by)
    rom_m = entry.measured.rom_m
    if rom_m is not None and rom_m < profile.min_rom_m:
        code = ReasonCode.SHORT_OF_LEAST
        return code, sentence(code, rom_m=rom_m, least_m=profile.min_rom_m)
    if full_range_m is not None and rom_m is not None:
        if rom_m < PARTIAL_SHARE * full_range_m:
            code = ReasonCode.SHORT_OF_ATHLETE
            return code, sentence(code, share_pct=100.0 * rom_m / full_range_m)
    elif entry.size < PARTIAL_SHARE * typical:
        code = ReasonCode.SHORT_OF_SET
        return code, sentence(code, share_pct=100.0 * entry.size / typical)
    return None, None


def _withdraw_set_downs(entries: Sequence[Entry], profile: Profile, over: bool) -> None:
    """Once the set has gone on or ended: two long reps in a row are its own, the others were short."""
    judged = [entry for entry in entries if entry.state != "rejected" and entry.size == entry.size]
    if profile.starts_with != "eccentric" or len(judged) < 3:
        return
    typical = median(entry.size for entry in judged)
    pauses_s = [entry.measured.bottom_pause_s or 0.0 for entry in judged]
    rest_s = max(SET_DOWN_PAUSE_S, SET_DOWN_LONGER * median(pauses_s))
    suspects = [
        entry
        for entry, pause_s in zip(judged, pauses_s, strict=True)
        if entry.size > SET_DOWN_SHARE * typical and pause_s > rest_s
    ]
    if over or judged[-1] not in suspects:
        for entry in suspects:
            entry.state, entry.reason_code = "rejected", ReasonCode.SET_DOWN_AND_PICK_UP


def _pause(rep: Rep, following: Rep | None, profile: Profile) -> dict[str, float | None]:
    """The pause between a rep and the next, never negative; null for the last of a set."""
    if profile.starts_with == "eccentric":
        return {"top_pause_s": max(0.0, following.start_s - rep.end_s) if following else None}
    if following is None or rep.eccentric_end_s is None:
        return {"bottom_pause_s": None}
    return {"bottom_pause_s": max(0.0, following.start_s - rep.end_s)}


def _known(reps: Sequence[Rep], value: Callable[[Rep], float | None]) -> list[float]:
    return [v for v in map(value, reps) if v is not None]
