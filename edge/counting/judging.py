"""Judging the reps of one set together: their numbers, which of them count, velocity loss, pauses.

Every rep of a set is judged again whenever one of them changes, because a rep is partial by the set's own
median range. A person's mark goes before what was measured.
"""

from collections.abc import Sequence
from math import hypot
from typing import Any

import msgspec

from edge.counting.confidence import Stroke, confidences
from station.exercises import Profile
from station.messages import Mark
from station.records import MARKED, ReasonCode, Rep, RepEvent, RepState, sentence
from station.sets import PARTIAL_SHARE, numbered
from station.weighing import median

# A bar put down and picked up again looks like a deep rep with a rest at the bottom. Ranges within a set
# vary by some 15 %, so a rep this much longer is not one if it also rested, longer than the set's others do.
SET_DOWN_SHARE = 1.4
SET_DOWN_PAUSE_S = 1.5
SET_DOWN_LONGER = 2.0
AS_SURE = 0.03  # a confidence that moves by less is said as it was: every revision goes over the line


class Entry(msgspec.Struct, eq=False):
    """A rep in the book: as measured, as marked by a person, and as judged from both."""

    event_id: str
    measured: Rep  # nothing but times where a person has added it
    size: float  # range in the unit of the motion coordinate; NaN for an added one
    state: RepState  # by the kernel
    load_kg: float | None
    ends_sigma_s: tuple[float, float] | None = None  # standard uncertainties of its start and end
    reason_code: ReasonCode | None = None  # why the kernel withdrew it
    mark: Mark | None = None
    by: str = ""
    rep: Rep | None = None  # as judged last
    said: RepEvent | None = None  # as published last

    @property
    def standing(self) -> RepState:
        """Its state: a person's mark overrides the kernel's."""
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
    sure = _confidences(standing, profile, full_range_m, typical)
    judged = []
    for place, entry in enumerate(standing):
        following = standing[place + 1] if place + 1 < len(standing) else None
        code, reason = _reason(entry, profile, full_range_m, typical, void_by)
        paused = _pause(entry, following, profile)
        said: dict[str, Any] = {"counted": code is None, "reason": reason, "reason_code": code}
        if entry.mark is not None or void_by is not None:
            said["confidence"] = 1.0  # how sure it is what a coach would say: one has said it
        else:
            said["confidence"] = sure.get(entry.event_id)
        judged.append(msgspec.structs.replace(entry.measured, **said, **paused))
    for entry, rep in zip(standing, numbered(judged), strict=True):
        entry.rep = rep
    for entry in entries:
        if entry.standing == "rejected":
            code = ReasonCode.MARKED_FALSE if entry.mark == "false" else entry.reason_code
            entry.rep = msgspec.structs.replace(
                entry.rep or entry.measured,  # it keeps the number it had
                counted=False,
                reason=sentence(code, load=profile.load, by=entry.by) if code is not None else "no rep",
                reason_code=code,
                velocity_loss_pct=None,
            )


def _reason(  # noqa: PLR0911 - the first that applies
    entry: Entry, profile: Profile, full_range_m: float | None, typical: float, void_by: str | None
) -> tuple[ReasonCode | None, str | None]:
    """Why a standing rep is not counted; None for one that is."""
    if entry.mark == "counted":
        return None, None
    if entry.mark is not None:
        code = MARKED[entry.mark]
        return code, sentence(code, by=entry.by)
    if void_by is not None:
        return ReasonCode.SET_RESTARTED, sentence(ReasonCode.SET_RESTARTED, by=void_by)
    rom_m = entry.measured.rom_m
    size_m = entry.size if rom_m is None else rom_m  # too rough to say, and short all the same
    if size_m < profile.min_rom_m:
        code = ReasonCode.SHORT_OF_LEAST
        return code, sentence(code, rom_m=size_m, least_m=profile.min_rom_m)
    if full_range_m is not None and rom_m is not None:
        if rom_m < PARTIAL_SHARE * full_range_m:
            code = ReasonCode.SHORT_OF_ATHLETE
            return code, sentence(code, share_pct=100.0 * rom_m / full_range_m)
    elif entry.size < PARTIAL_SHARE * typical:
        code = ReasonCode.SHORT_OF_SET
        return code, sentence(code, share_pct=100.0 * entry.size / typical)
    return None, None


def _confidences(
    standing: Sequence[Entry], profile: Profile, full_range_m: float | None, typical: float
) -> dict[str, float]:
    """How sure the judgement of every measured rep is, to a hundredth; 1 is what a person has said."""
    measured = [entry for entry in standing if entry.size > 0.0 and entry.measured.concentric_s]
    length = any(entry.measured.rom_m is not None for entry in measured)
    least = PARTIAL_SHARE * (full_range_m if full_range_m is not None and length else typical)
    if length:
        least = max(least, profile.min_rom_m)
    sure = confidences([stroke_of(entry.measured, entry.size, profile) for entry in measured], least)
    return {
        entry.event_id: _steady(entry.rep.confidence if entry.rep else None, min(0.99, round(one, 2)))
        for entry, one in zip(measured, sure, strict=True)
    }


def _steady(said: float | None, now: float) -> float:
    return said if said is not None and said < 1.0 and abs(now - said) < AS_SURE else now


def stroke_of(rep: Rep, size: float, profile: Profile) -> Stroke:
    """A measured rep as a movement there and back; `size` in the unit of the motion."""
    dwell_s = rep.bottom_pause_s if profile.starts_with == "eccentric" else rep.top_pause_s
    back = profile.starts_with == "eccentric" or rep.eccentric_s is not None
    return Stroke(rep.start_s, rep.end_s, size, rep.concentric_s or 0.0, (dwell_s or 0.0) if back else None)


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


def _pause(entry: Entry, following: Entry | None, profile: Profile) -> dict[str, float | None]:
    """The pause between a rep and the next, never negative, and its sigma; null for the last of a set."""
    name = "top_pause" if profile.starts_with == "eccentric" else "bottom_pause"
    rep = entry.measured
    if following is None or (name == "bottom_pause" and rep.eccentric_end_s is None):
        return {f"{name}_s": None, f"{name}_sigma_s": None}
    sigma_s = None
    if entry.ends_sigma_s is not None and following.ends_sigma_s is not None:
        sigma_s = hypot(entry.ends_sigma_s[1], following.ends_sigma_s[0])
    return {f"{name}_s": max(0.0, following.measured.start_s - rep.end_s), f"{name}_sigma_s": sigma_s}
