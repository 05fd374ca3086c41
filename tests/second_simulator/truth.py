"""Boundaries and numbers of a rep on the noise-free motion, by the words of the definitions.

A boundary is where v crosses w = max(v0, 8 % of the phase's peak speed), in the lowest or highest 15 % of the
range, carried on from there to v0 along v ~ tau^2 through the crossings of w and 3 w, by 0.15 s at most.
Bottom: the eccentric ends with the first rise above -w, the concentric begins with the last rise above +w.
Top: the concentric ends with the first fall below +w, the eccentric begins with the last fall below -w before
it leaves.
Two boundaries that leave no room for a pause meet in their middle, and the pause is 0.
"""

from dataclasses import dataclass, field
from math import sqrt

import numpy as np

from tests.second_simulator.strokes import DT_S, Floats
from tests.second_simulator.track import Meant

_ZONE, _SHARE, _MOST_S = 0.15, 0.08, 0.15
# How two people may read the same definition, and by how much a boundary may differ between them.
_READINGS = ((0.12, 0.08), (0.18, 0.08), (0.15, 0.072), (0.15, 0.088))
_SAME_S = 0.06
_REACH = 80  # samples beyond a mark: where it touches and goes, rounding moves the turn by some


@dataclass
class TrueRep:
    """What was lifted. Numbers that nobody can be sure of are absent."""

    counts: bool
    set_number: int
    start_s: float
    end_s: float
    lift_s: tuple[float, float]  # the concentric
    numbers: dict[str, float] = field(default_factory=dict)
    let_go: bool = False
    asked: bool = True


@dataclass
class Phase:
    """One stroke's two boundaries, seconds, and whether two readings agree on each."""

    start_s: float
    end_s: float
    sure: tuple[bool, bool]


def phase(place: Floats, first: int, last: int, v0: float, *, up: bool, share: float = _SHARE) -> Phase:
    """The boundaries of the stroke between two samples at rest before and after it."""
    here = _read(place, first, last, v0, up=up, zone=_ZONE, share=share)
    others = [_read(place, first, last, v0, up=up, zone=z, share=s) for z, s in _READINGS]
    spread = np.max(np.abs(np.array(others) - np.array(here)), axis=0)
    return Phase(here[0], here[1], (bool(spread[0] < _SAME_S), bool(spread[1] < _SAME_S)))


def _read(
    place: Floats, first: int, last: int, v0: float, *, up: bool, zone: float, share: float
) -> tuple[float, float]:
    s = place[first : last + 1]
    v = np.gradient(s, DT_S)
    if not up:  # a lowering is a lift of the mirrored motion
        s, v = -s, -v
    span = s.max() - s.min()
    low, high = s.min() + zone * span, s.max() - zone * span
    w = max(v0, share * v.max())
    rises, falls = _rises(v, w), _rises(-v, -w)
    # A lift: the last rise above w at the bottom; the first fall below at the top. A lowering, mirrored: the
    # last fall below -w on leaving the top; the first rise above -w at the bottom. The same words.
    starts, ends = rises[_at(s, rises) <= low], falls[_at(s, falls) >= high]
    if not len(starts) or not len(ends):
        return float("nan"), float("nan")
    start, end = float(starts[-1]), float(ends[0])
    steep = _rises(v, 3.0 * w)
    steep = steep[steep > start]
    if len(steep) and w > v0:
        start -= _carried_on(float(steep[0]) - start, w, v0)
    steep = _rises(-v, -3.0 * w)
    steep = steep[steep < end]
    if len(steep) and w > v0:
        end += _carried_on(end - float(steep[-1]), w, v0)
    return (first + start) * DT_S, (first + end) * DT_S


def _carried_on(between: float, w: float, v0: float) -> float:
    """Samples from the crossing of w to that of v0, along v ~ tau^2 through w and, `between` later, 3 w."""
    since_zero = between / (sqrt(3.0) - 1.0)
    return min(_MOST_S / DT_S, since_zero * (1.0 - sqrt(v0 / w)))


def _rises(v: Floats, level: float) -> Floats:
    """Where v rises above a level, in samples and parts of them."""
    i = np.flatnonzero((v[:-1] < level) & (v[1:] >= level))
    return np.asarray(i + (level - v[i]) / (v[i + 1] - v[i]))


def _at(s: Floats, where: Floats) -> Floats:
    return np.interp(where, np.arange(len(s)), s)


def true_reps(
    place: Floats, aside: Floats | None, reps: list[Meant], *, v0: float, lengths: bool, up_first: bool
) -> list[TrueRep]:
    """The truth of all reps of a track, in order. lengths: whether s is a length; else it is a tension."""
    spans = [place[r.end] - place[r.turn] if not up_first else place[r.turn] - place[r.top] for r in reps]
    if not lengths:
        v0 = 0.07 * float(np.median(np.abs(spans))) if spans else 1.0
    found = []
    for rep in reps:
        before, after = max(0, rep.top - _REACH), min(len(place) - 1, rep.end + _REACH)
        if up_first:
            lift = phase(place, before, rep.turn, v0, up=True)
            down = None if rep.let_go else phase(place, rep.turn, after, v0, up=False)
        else:
            down = phase(place, before, rep.turn + _REACH, v0, up=False)
            lift = phase(place, rep.turn - _REACH, rep.end, v0, up=True)
        found.append((rep, down, lift))
    truths = []
    for n, (rep, down, lift) in enumerate(found):
        if down is not None:
            _meet((lift, down) if up_first else (down, lift))
        truths.append(_numbers(place, aside, rep, down, lift, lengths=lengths, up_first=up_first))
        following = found[n + 1] if n + 1 < len(found) else None
        if following and following[0].set_number == rep.set_number:
            _between(truths[-1], rep, (down, lift), following, up_first=up_first)
    return truths


def _meet(two: tuple[Phase, Phase]) -> None:
    """Boundaries that would cross meet half-way."""
    before, after = two
    if before.end_s > after.start_s:
        before.end_s = after.start_s = (before.end_s + after.start_s) / 2.0


def _numbers(
    place: Floats,
    aside: Floats | None,
    rep: Meant,
    down: Phase | None,
    lift: Phase,
    *,
    lengths: bool,
    up_first: bool,
) -> TrueRep:
    start_s = lift.start_s if up_first or down is None else down.start_s
    end_s = down.end_s if up_first and down is not None else lift.end_s
    if np.isnan([start_s, end_s, lift.start_s, lift.end_s]).any():  # no lockout by the words: a count alone
        edges = (rep.top * DT_S, rep.end * DT_S)
        half = ((rep.top if up_first else rep.turn) * DT_S, (rep.turn if up_first else rep.end) * DT_S)
        return TrueRep(rep.counts, rep.set_number, *edges, half, {}, rep.let_go, asked=False)
    truth = TrueRep(
        rep.counts, rep.set_number, start_s, end_s, (lift.start_s, lift.end_s), {}, rep.let_go, rep.asked
    )
    if not rep.asked:
        return truth
    numbers = truth.numbers
    lift_sure = all(lift.sure)
    i0, i1 = lift.start_s / DT_S, lift.end_s / DT_S
    grid = np.arange(len(place))
    s0, s1 = np.interp([i0, i1], grid, place)
    inside = slice(round(start_s / DT_S), round(end_s / DT_S) + 1)
    if lift_sure:
        numbers["concentric_s"] = lift.end_s - lift.start_s
    if down is not None and all(down.sure):
        numbers["eccentric_s"] = down.end_s - down.start_s
    if down is not None and not up_first and down.sure[1] and lift.sure[0]:
        numbers["bottom_pause_s"] = lift.start_s - down.end_s
    if down is not None and up_first and lift.sure[1] and down.sure[0]:
        numbers["top_pause_s"] = down.start_s - lift.end_s
    if not lengths:
        return truth
    if lift_sure:
        numbers["mean_concentric_velocity_mps"] = float(s1 - s0) / (lift.end_s - lift.start_s)
        v = np.gradient(place[int(i0) : int(i1) + 2], DT_S)
        numbers["peak_concentric_velocity_mps"] = float(v.max())
        numbers["rom_m"] = float(s1 - place[inside].min())
    if aside is not None and lift_sure and (down is None or all(down.sure)):
        numbers["path_deviation_m"] = _deviation(aside, place, inside)
    return truth


def _deviation(path: Floats, place: Floats, inside: slice) -> float:
    """A bar's largest distance from where it started; a handle's, (2, n), from the line of top and bottom."""
    here = path[..., inside]
    if path.ndim == 1:
        return float(np.abs(here - here[0]).max())
    top, low = here[:, int(np.argmax(place[inside]))], here[:, int(np.argmin(place[inside]))]
    along = (top - low) / np.hypot(*(top - low))
    return float(np.abs((here[0] - low[0]) * along[1] - (here[1] - low[1]) * along[0]).max())


def _between(
    truth: TrueRep,
    rep: Meant,
    phases: tuple[Phase | None, Phase],
    following: tuple[Meant, Phase | None, Phase],
    *,
    up_first: bool,
) -> None:
    """The pause until the next rep."""
    down, lift = phases
    after, next_down, next_lift = following
    if not (rep.asked and after.asked and after.counts and rep.counts):
        return
    if up_first and down is not None and down.sure[1] and next_lift.sure[0]:
        truth.numbers["bottom_pause_s"] = max(0.0, next_lift.start_s - down.end_s)
    elif not up_first and next_down is not None and lift.sure[1] and next_down.sure[0]:
        truth.numbers["top_pause_s"] = max(0.0, next_down.start_s - lift.end_s)
