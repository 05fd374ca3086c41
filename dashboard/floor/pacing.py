"""The tempo as a moving target: where the lifter is in the range, and where the prescription would be now.

The target starts with every rep, when the motion itself starts, and then keeps its own time: who is late
sees it leave. Both places are shares of the range, 0 at the bottom and 1 at the top.
"""

import math
from collections.abc import Sequence

import msgspec

from station.messages import TempoTarget
from station.records import Live, Phase

LEAST_RANGE_M = 0.10  # of a guess from the motion alone: standing still is no range
_WORDS: dict[Phase, str] = {"eccentric": "down", "bottom": "hold", "concentric": "up", "top": "top"}


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """The current position against the prescribed tempo. None: unknown, or no tempo prescribed."""

    phase: Phase | None = None
    elapsed_s: float = 0.0  # in this phase
    asked_s: float | None = None  # for this phase
    place: float | None = None
    target: float | None = None
    rep_began_s: float | None = None  # session time; None where no rep began within the trace
    rep_s: float = 0.0  # since then

    @property
    def word(self) -> str:
        """The current phase in one word."""
        return _WORDS[self.phase] if self.phase else ""

    @property
    def left_s(self) -> float | None:
        """Seconds until this phase should be over; negative when it should be by now."""
        return None if self.asked_s is None else self.asked_s - self.elapsed_s


def pace(
    trace: Sequence[Live], asked_s: TempoTarget, range_m: float | None, concentric_first: bool = False
) -> Pace:
    """Compare the newest live value with a tempo.

    Parameters
    ----------
    trace : ascending in session time, oldest first.
    asked_s : the tempo in the order eccentric, bottom, concentric, top.
    range_m : of a usual rep, metres; None guesses it from the motion.
    concentric_first : the rep starts at the bottom.
    """
    if not trace or trace[-1].phase is None:
        return Pace()
    newest = trace[-1]
    phase = newest.phase
    assert phase is not None
    order: list[Phase] = ["eccentric", "bottom", "concentric", "top"]
    start = _phase_start(trace, len(trace) - 1)
    asked = asked_s[order.index(phase)]
    lead: Phase = "concentric" if concentric_first else "eccentric"
    rep = _last_start(trace, lead)
    low, high = _range(trace, rep, range_m, lead)
    place = None
    if newest.position_m is not None and low is not None and high is not None and high > low:
        place = min(1.0, max(0.0, (newest.position_m - low) / (high - low)))
    target = None
    if rep is not None:
        target = _target(newest.session_s - trace[rep].session_s, asked_s, concentric_first)
    return Pace(
        phase=phase,
        elapsed_s=newest.session_s - trace[start].session_s,
        asked_s=asked,
        place=place,
        target=target,
        rep_began_s=None if rep is None else trace[rep].session_s,
        rep_s=0.0 if rep is None else newest.session_s - trace[rep].session_s,
    )


def beats(asked_s: TempoTarget, concentric_first: bool = False) -> list[tuple[float, bool]]:
    """When a metronome of the tempo sounds: seconds after a rep began, and whether the phase turns there.

    A beat for each whole second within a phase and one at its end, up to the first phase without a target.
    """
    found: dict[float, bool] = {}
    at_s = 0.0
    for seconds, _, _ in _phases(asked_s, concentric_first):
        if seconds is None:
            break
        found |= {at_s + second: False for second in range(1, math.ceil(seconds))}
        at_s += seconds
        if seconds > 0.0:
            found[at_s] = True
    return sorted(found.items())


def _phase_start(trace: Sequence[Live], index: int) -> int:
    """The first value of the phase that value `index` is in."""
    while index and trace[index - 1].phase == trace[index].phase:
        index -= 1
    return index


def _last_start(trace: Sequence[Live], lead: Phase) -> int | None:
    """Where the newest rep began; None where no rep began within the trace."""
    for index in range(len(trace) - 1, 0, -1):
        before, after = trace[index - 1].phase, trace[index].phase
        # From the turn before, or from standing: a stall within the phase begins nothing new.
        if after == lead and before not in (lead, None) and _comes_from_rest(trace, index, lead):
            return index
    return None


def _comes_from_rest(trace: Sequence[Live], index: int, lead: Phase) -> bool:
    """Whether the other direction, or the beginning, lies before value `index` rather than the same one."""
    other: Phase = "eccentric" if lead == "concentric" else "concentric"
    for value in reversed(trace[:index]):
        if value.phase in (other, lead):
            return value.phase == other
    return True


def _range(
    trace: Sequence[Live], rep: int | None, range_m: float | None, lead: Phase
) -> tuple[float | None, float | None]:
    seen = [value.position_m for value in trace if value.position_m is not None]
    if rep is not None and range_m is not None and range_m > 0.0:
        start_m = trace[rep].position_m
        if start_m is not None:
            return (start_m - range_m, start_m) if lead == "eccentric" else (start_m, start_m + range_m)
    if not seen or max(seen) - min(seen) < LEAST_RANGE_M:
        return None, None
    return min(seen), max(seen)


def _target(since_s: float, asked_s: TempoTarget, concentric_first: bool) -> float | None:
    """The share of the range after `since_s` of a rep; None where a phase before it has no target."""
    ordered = _phases(asked_s, concentric_first)
    end = ordered[-1][2]
    for seconds, first, last in ordered:
        if seconds is None:
            return None
        if since_s < seconds:
            return first + (last - first) * since_s / seconds
        since_s -= seconds
    return end


def _phases(asked_s: TempoTarget, concentric_first: bool) -> list[tuple[float | None, float, float]]:
    """The phases of a rep in their order: seconds asked for, and the shares of the range it goes between."""
    down, bottom, up, top = asked_s
    lowering: list[tuple[float | None, float, float]] = [(down, 1.0, 0.0), (bottom, 0.0, 0.0)]
    lifting: list[tuple[float | None, float, float]] = [(up, 0.0, 1.0), (top, 1.0, 1.0)]
    return [*lifting, *lowering] if concentric_first else [*lowering, *lifting]
