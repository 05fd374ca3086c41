"""The probability that a coach would judge a movement as the station does.

Seven observations of a rep among the others of its set, each 0 where nothing speaks against it and growing
with the logarithm of what is odd. Weighted and added they are log odds (logistic regression, Cox 1958), and a
map of two slopes makes them those of being right (beta calibration, Kull, Silva Filho and Flach 2017). Both
are fitted to simulated sessions full of what looks like a rep (`python -m tests.accuracy.doubt --fit`). What
a rep *is* stays the grammar's: none is dropped for being doubtful.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from math import exp, log, log1p
from typing import NamedTuple

SHORTEST_DWELL_S = 2.0  # shorter rests at the turn are as good as none: nobody lets go and takes up again
SHORTEST_PAUSE_S = 2.0  # and between reps
LONGER_PAUSE = 1.5  # lifters' own pauses differ by as much
SLOWEST_QUICK_S = 0.5  # lifters' quickest concentrics take 0.4 s, pulls that are no reps 0.25
NEAR_BORDER = 0.08  # of the least range: by so much a range and the set's median are unsure together
FULLY_ODD = 0.2  # a range or a pause a fifth beyond the others' is as odd as any


class Stroke(NamedTuple):
    """One rep as a movement there and back: times in seconds, `size` in the unit of the motion."""

    start_s: float
    end_s: float
    size: float
    lift_s: float  # the concentric
    dwell_s: float  # rest at the bottom, where that is between the way there and the way back


class Evidence(NamedTuple):
    """Observations that speak against one rep; each 0 for a typical rep."""

    dwell: float  # it rests at the bottom as a load does that is put down and taken up again
    speed: float  # it is faster than the set's other reps, as a pull that is another exercise's
    size: float  # its range is not theirs
    apart: float  # it lies apart from them
    ahead: float  # it is the first, and apart: what is done with the load before a set
    border: float  # its range is about the least that counts
    quick: float  # its concentric is as short as a knock


WEIGHTS = Evidence(dwell=-5.67, speed=-1.85, size=-3.89, apart=-9.07, ahead=-12.06, border=-1.46, quick=-3.95)
ALL_USUAL = Evidence(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
NOTHING_ODD = 3.26  # log odds of a rep that nothing speaks against
# The map's shift, and its slopes far below and far above even odds.
SHAPES = (-0.30, 1.32, 1.31)


def confidences(strokes: Sequence[Stroke], least: float) -> list[float]:
    """The probability, for each rep of a set by start, that its judgement is right; `least`: its minimum."""
    return [_probability(evidence) for evidence in gather(strokes, least)]


def log_odds(evidence: Evidence) -> float:
    """Weighted sum of the evidence, before calibration."""
    return NOTHING_ODD + sum(weight * seen for weight, seen in zip(WEIGHTS, evidence, strict=True))


def _probability(evidence: Evidence) -> float:
    odds = log_odds(evidence)
    shift, of_right, of_wrong = SHAPES
    return 1.0 / (1.0 + exp(-shift + of_right * log1p(exp(-odds)) - of_wrong * log1p(exp(odds))))


def gather(strokes: Sequence[Stroke], least: float) -> list[Evidence]:
    """The evidence against the judgement of each rep of a set, by start.

    One too short to count is right not to count if it is no rep, too: only its range speaks against that.
    """
    alone = len(strokes) == 1
    sizes = _Others([stroke.size for stroke in strokes])
    speeds = _Others([stroke.size / stroke.lift_s for stroke in strokes])
    dwells = _Others([stroke.dwell_s for stroke in strokes])
    pauses = [after.start_s - before.end_s for before, after in pairwise(strokes)]
    usual_pauses = _Others(pauses)
    found = []
    for place, stroke in enumerate(strokes):
        dwell_s = SHORTEST_DWELL_S if alone else max(SHORTEST_DWELL_S, dwells.median(stroke.dwell_s))
        nearest_s = min(pauses[max(0, place - 1) : place + 1], default=0.0)
        usual_s = usual_pauses.median(nearest_s) if len(pauses) > 1 else 0.0
        speed = stroke.size / stroke.lift_s
        apart = min(FULLY_ODD, _beyond(nearest_s, max(SHORTEST_PAUSE_S, LONGER_PAUSE * usual_s)))
        border = exp(-0.5 * (log(stroke.size / least) / NEAR_BORDER) ** 2)
        if stroke.size < least:
            found.append(ALL_USUAL._replace(border=border))
            continue
        found.append(
            Evidence(
                dwell=_beyond(stroke.dwell_s, dwell_s),
                speed=0.0 if alone else _beyond(speed, speeds.median(speed)),
                size=0.0 if alone else min(FULLY_ODD, abs(log(stroke.size / sizes.median(stroke.size)))),
                apart=apart,
                ahead=apart if place == 0 else 0.0,
                border=border,
                quick=_beyond(SLOWEST_QUICK_S, stroke.lift_s),
            )
        )
    return found


def _beyond(value: float, usual: float) -> float:
    """By how much a value is more than is usual, as a logarithm; 0 where it is not."""
    return log(value / usual) if value > usual else 0.0


class _Others:
    """The median of a set's numbers but for one of them."""

    def __init__(self, numbers: Sequence[float]) -> None:
        self._sorted = sorted(numbers)

    def median(self, without: float) -> float:
        at = bisect_left(self._sorted, without)
        count = len(self._sorted) - 1
        middle = [k + (k >= at) for k in ((count - 1) // 2, count // 2)]
        return (self._sorted[middle[0]] + self._sorted[middle[1]]) / 2.0
