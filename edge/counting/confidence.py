"""The probability that a coach would judge a movement as the station does: a model of a set's strokes.

Each rep that the grammar keeps is either the set's own or something else that is done with the load: put down
and taken up again, or pulled once and quickly. The set's own have a range and a habit of pausing in common,
which nobody knows beforehand; what else is done has not. This is a hidden Markov model of two labels, summed
over what the set may have in common (forward-backward: Rabiner, Proc. IEEE 1989). Times and ranges are
log-normal, because lifters differ by ratios. Its log odds become a probability by a logistic map (Platt
1999), fitted to simulated sessions full of what looks like a rep (`python -m tests.accuracy.doubt --fit`).
What a rep *is* stays the grammar's: none is dropped for being doubtful.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import exp, log, pi, sqrt
from typing import NamedTuple


class Stroke(NamedTuple):
    """One rep as a movement there and back: times in seconds, `size` in the unit of the motion."""

    start_s: float
    end_s: float
    size: float
    lift_s: float  # the concentric
    dwell_s: float | None  # rest between the way there and the way back; None: it has not come back


class Spread(NamedTuple):
    """A log-normal distribution: its median, and the standard deviation of the logarithm."""

    median: float
    sigma: float

    def density(self, value: float) -> float:
        """Probability per unit of the logarithm."""
        return _normal(log(max(value, SHORTEST_S) / self.median), self.sigma)


# A rep of the set: 0.25 to 0.5 m at 0.2 to 0.8 m/s, at once or after a rest. What the set has in common is a
# range, and whether its reps follow each other at once or rest in between.
LIFT_S = Spread(1.1, 0.65)
DWELL_S = Spread(0.4, 1.1)
BREATH_S = Spread(4.0, 0.9)
PAUSES_S = ((0.85, Spread(0.4, 0.9)), (0.15, BREATH_S))  # and the share of such sets
BREATHS = 0.05  # share of the pauses in any set that are a breath: before its last reps, between clusters
RANGE_SIGMA = 0.1  # of the logarithm: steady lifters' ranges differ by 3 %, a set's first and last by more
PER_E_FOLD = 0.6  # density of any range, per unit of its logarithm: they lie between 0.15 and 0.8 m
PARTIAL = 0.08  # share of reps that fall short of the set's range by anything
# What is no rep: put down and taken up again, or pulled once, as quickly as nobody lifts in a set.
PUT_DOWN, PUT_DOWN_S, RESTED_S = 0.06, Spread(1.4, 0.45), Spread(6.0, 0.4)  # share, lift, rest before it
PULLED, PULLED_S, TURNED_S = 0.04, Spread(0.35, 0.4), Spread(0.1, 1.0)
APART_S = Spread(7.0, 0.6)  # between it and what comes before or after
WITHIN = 0.05  # it comes before the set; after a rep of it by so much more seldom
SHORTEST_S = 0.05  # shorter rests are as good as none

TINY = 1e-300  # where all is improbable, nothing is divided by 0
SUREST = 4.0  # log odds: more is a matter of tails that nobody knows
NEAR_BORDER = 0.08  # of the least range: by so much a range and the set's median are unsure together
# The map: shift and slope of the log odds, what a range at the border takes off, and the log odds that what
# is too short to count is rightly not counted.
SHIFT, SLOPE, BORDER, TOO_SHORT = -4.00, 2.39, -3.05, 4.12


class Evidence(NamedTuple):
    """What is known of one rep."""

    odds: float  # log odds that it is the set's own, by the model
    border: float  # 1 where its range is just the least that counts, 0 far from it
    short: bool  # of what counts


def confidences(strokes: Sequence[Stroke], least: float) -> list[float]:
    """The probability, for each rep of a set by start, that its judgement is right; `least`: its minimum."""
    return [1.0 / (1.0 + exp(-log_odds(evidence))) for evidence in gather(strokes, least)]


def log_odds(evidence: Evidence) -> float:
    """Of the judgement being right."""
    odds, border, short = evidence
    return (TOO_SHORT if short else SHIFT + SLOPE * odds) + BORDER * border


def gather(strokes: Sequence[Stroke], least: float) -> list[Evidence]:
    """The evidence for the judgement of each rep of a set, by start.

    One too short to count is right not to count if it is no rep, too: only its range speaks against that.
    """
    return [
        Evidence(odds, exp(-0.5 * (log(stroke.size / least) / NEAR_BORDER) ** 2), stroke.size < least)
        for stroke, odds in zip(strokes, own_odds(strokes), strict=True)
    ]


def own_odds(strokes: Sequence[Stroke]) -> list[float]:
    """Log odds, for each rep of a set by start, that it is one of the set's own and not something else."""
    other = [_as_other(stroke) for stroke in strokes]
    pauses_s = [after.start_s - before.end_s for before, after in pairwise(strokes)]
    apart = [APART_S.density(s) for s in pauses_s]
    own_sum, other_sum = [TINY] * len(strokes), [TINY] * len(strokes)
    chains = []
    # What the set may have in common: the range of one of its reps, and a habit of pausing.
    for step in {round(log(stroke.size) / RANGE_SIGMA) for stroke in strokes}:
        own = [_as_own(stroke, RANGE_SIGMA * step) for stroke in strokes]
        for share, habit in PAUSES_S:
            among = [(1.0 - BREATHS) * habit.density(s) + BREATHS * BREATH_S.density(s) for s in pauses_s]
            chains.append((share, *_chain(own, other, among, apart)))
    most = max((evidence for _, _, evidence in chains), default=0.0)
    for share, shares_own, evidence in sorted(chains):
        weight = share * exp(evidence - most)
        for k, own_share in enumerate(shares_own):
            own_sum[k] += weight * own_share
            other_sum[k] += weight * (1.0 - own_share)
    return [min(SUREST, max(-SUREST, log(a / b))) for a, b in zip(own_sum, other_sum, strict=True)]


def _chain(
    own: list[float], other: list[float], among: list[float], apart: list[float]
) -> tuple[list[float], float]:
    """How probable it is of each rep to be the set's own, and the logarithm of how probable all of them are.

    Parameters
    ----------
    own, other : densities of each rep as the set's own, and as something else
    among, apart : of the pause after it, but for the last: among the set's own, and otherwise
    """
    x, y, evidence = own[0], other[0], 0.0
    ahead = []  # what is known of each rep from those before it
    for k in range(len(own)):
        if k:
            x, y = x * among[k - 1] + y * apart[k - 1], (WITHIN * x + y) * apart[k - 1]
            x, y = x * own[k], y * other[k]
        total = x + y + TINY
        x, y, evidence = x / total, y / total, evidence + log(total)
        ahead.append((x, y))
    shares = [x]
    x = y = 1.0  # and from those after it
    for k in range(len(own) - 1, 0, -1):
        x, y = x * own[k], y * other[k] * apart[k - 1]
        x, y = x * among[k - 1] + WITHIN * y, x * apart[k - 1] + y
        total = x + y + TINY
        x, y = x / total, y / total
        before = ahead[k - 1]
        shares.append(before[0] * x / (before[0] * x + before[1] * y + TINY))
    return shares[::-1], evidence


def _as_own(stroke: Stroke, log_range: float) -> float:
    """How probable a rep is as one of the set's own, where that has this range."""
    beyond = log(stroke.size) - log_range
    by_size = (1.0 - PARTIAL) * _normal(beyond, RANGE_SIGMA) + (PARTIAL * PER_E_FOLD if beyond < 0.0 else 0.0)
    share = (1.0 - PUT_DOWN - PULLED) * by_size * LIFT_S.density(stroke.lift_s)
    return share if stroke.dwell_s is None else share * DWELL_S.density(stroke.dwell_s)


def _as_other(stroke: Stroke) -> float:
    """How probable it is as something that is done with the load and is no rep."""
    put_down = PUT_DOWN * PUT_DOWN_S.density(stroke.lift_s)
    pulled = PULLED * PULLED_S.density(stroke.lift_s)
    if stroke.dwell_s is not None:
        put_down *= RESTED_S.density(stroke.dwell_s)
        pulled *= TURNED_S.density(stroke.dwell_s)
    return PER_E_FOLD * (put_down + pulled)


def _normal(off: float, sigma: float) -> float:
    z = off / sigma
    return exp(-0.5 * z * z) / (sigma * sqrt(2.0 * pi))
