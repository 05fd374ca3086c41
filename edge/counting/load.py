"""The lifted load, measured by load cells: in the cable, at the bar, or under the lifter.

Force is m (g + a), and the mean of a is the speed gained over the time, for the impulse is the change of
momentum: phases begin and end at v0, up or down, so the mean force gives the mass. A bar is weighed over the
whole rep or, where it is put down at the bottom, on its way up alone or while it is held at the top: what the
floor stops does not come to rest in the lifter's hands. A stack is pulled over sheaves whose friction adds on
the way up and takes off on the way down: the geometric mean of both ways is free of it. A platform carries
the lifter too, who is weighed before the set.
"""

from collections.abc import Sequence
from math import log, sqrt

import numpy as np

from edge.counting.cells import PLATFORM, Cells, Floats
from station.config import StationFile
from station.exercises import Profile
from station.records import Rep
from station.weighing import Weighed

G_MPS2 = 9.80665  # standard gravity, CGPM 1901
BEFORE_S = 30.0  # how long before a set the cells without the load are looked for
STEADY_S = 0.5  # so long a level without the load is steady,
STEADY_N = 12.0  # within this: noise of a good cell, or
STEADY_SHARE = 0.03  # a lifter's sway
CELL_S = 0.1
UNLOADED_N = 40.0  # a cell that is farther off is loaded, or wants to be tared
LIFTER_N = 250.0  # lighter is nobody
LEAST_KG = 3.0  # a stick
# Of the weight, at the bottom: what turns there asks for more, unless a floor bears a part of it.
CARRIED = 1.0 - STEADY_SHARE
LAID_S = 0.2  # so long at the bottom, or as long as the pause there is
# A bar bends by a centimetre or two before its plates leave the floor: for so long, at most, all of it is
# missing; half of that is the best guess, and what it may be off by.
LIFT_OFF_S = 0.02
SLACK_S = 0.02  # with the stack down, tension is not its weight
# Standard uncertainties: of a cell's scale (residual of its calibration, local gravity); of zero, where it
# was seen and where it was not; of the speed at a rep's ends; of what of the friction differs up and down.
SCALE_SHARE = 0.005
ZERO_N, UNSEEN_ZERO_N = 1.0, 4.0
ENDS_MPS = 0.03
FRICTION_SHARE = 0.05


class Scales:
    """Measures the load of each rep of one station. Pure.

    State: what the cells said without the load, and when.
    """

    def __init__(self, station: StationFile, cells: Cells) -> None:
        self._cells = cells
        self._ratio = station.geometry.travel_ratio
        self._level_n: float | None = None
        self._of: tuple[tuple[str, ...], float] = ((), 0.0)  # channels, and the start of their set

    def weigh(self, rep: Rep, profile: Profile, set_start_s: float, known_s: float) -> Weighed | None:
        """The load of a rep; None where no cell measures it. Readings after `known_s` are left out."""
        cells, of_stack = self._cells, profile.load == "cable"
        channels = ("force_n",) if cells.heard("force_n") else PLATFORM
        if profile.load not in ("mass", "cable") or (of_stack and channels is PLATFORM):
            return None
        edges_s = _edges_s(rep)
        if edges_s is None or not cells.heard(*channels):
            return None
        level_n = self._unloaded_n(channels, set_start_s, known_s)
        if level_n is None and channels is PLATFORM:
            return None  # nobody knows what the lifter weighs
        zero_n = level_n or 0.0
        sigma_n = UNSEEN_ZERO_N if level_n is None else ZERO_N * sqrt(len(channels))

        def read(at_s: Floats, *, lines: bool = False) -> Floats:
            means = [cells.means(name, at_s, known_s, lines=lines) for name in channels]
            return np.asarray(np.sum(means, axis=0)) - zero_n

        means_n, seconds = read(edges_s), np.diff(edges_s)
        if of_stack:
            return self._of_stack(rep, means_n, seconds, sigma_n)
        turn_s = edges_s[-1] + 0.5 * LAID_S  # of a bar that is lifted first
        if len(seconds) == 3 and rep.start_s != rep.concentric_start_s:
            turn_s = 0.5 * (edges_s[1] + edges_s[2])
        wide_s = max(LAID_S, float(seconds[1])) if len(seconds) == 3 else LAID_S
        (bottom_n,) = read(turn_s + wide_s * np.array([-0.5, 0.5]))
        lines_n = read(edges_s, lines=True)
        return _of_bar(rep, means_n, lines_n, seconds, float(bottom_n), zero_n, sigma_n, profile.v0_mps)

    def _of_stack(self, rep: Rep, means_n: Floats, seconds: Floats, sigma_n: float) -> Weighed | None:
        first_n, last_n = float(means_n[0]), float(means_n[-1])
        if rep.eccentric_s is None or rep.slack_s is None or rep.slack_s > SLACK_S:
            return None
        if not (first_n > 0.0 and last_n > 0.0):  # NaN is not
            return None
        kg = self._ratio * sqrt(first_n * last_n) / G_MPS2
        parts = (
            SCALE_SHARE * kg,
            self._ratio * sigma_n / G_MPS2,
            kg * ENDS_MPS / (self._ratio * G_MPS2 * float(seconds[0] + seconds[-1])),
            kg * FRICTION_SHARE * abs(log(first_n / last_n)) / 2.0,
        )
        return _at_least(_weighed(kg, parts))

    def _unloaded_n(self, channels: tuple[str, ...], before_s: float, known_s: float) -> float | None:
        """What the cells said without the load before a set; within one, whoever stands holds the bar."""
        if self._of == (channels, before_s):
            return self._level_n
        self._of = channels, before_s
        edges_s = before_s - CELL_S * np.arange(float(round(BEFORE_S / CELL_S)), -1.0, -1.0)
        level_n = np.sum([self._cells.means(name, edges_s, known_s) for name in channels], axis=0)
        windows = np.lib.stride_tricks.sliding_window_view(level_n, round(STEADY_S / CELL_S))
        middle, spread = windows.mean(axis=1), np.ptp(windows, axis=1)
        if channels is PLATFORM:
            there = middle[(middle >= LIFTER_N) & (spread <= STEADY_SHARE * middle)]
        else:
            there = middle[(np.abs(middle) <= UNLOADED_N) & (spread <= STEADY_N)]
        # A hand on the bar only adds; the least of many means is low by their noise, and these lie around it.
        around = there[there <= there.min() + STEADY_N / 4.0] if len(there) else there
        self._level_n = float(np.median(around)) if len(there) else None
        return self._level_n


def _of_bar(
    rep: Rep,
    means_n: Floats,
    lines_n: Floats,
    seconds: Floats,
    bottom_n: float,
    zero_n: float,
    sigma_n: float,
    v0_mps: float,
) -> Weighed | None:
    """`means_n`, `lines_n`, `seconds`: of the phases and of the pause between; `bottom_n`: at the bottom."""
    lifted_first = rep.start_s == rep.concentric_start_s
    speeds = v0_mps * np.array([1.0, 1.0, -1.0, -1.0] if lifted_first else [-1.0, -1.0, 1.0, 1.0])
    if len(seconds) == 1:  # let fall
        speeds = speeds[:2]

    def weigh(parts: Sequence[int], lift_off_s: float = 0.0) -> Weighed:
        """By these parts of the rep, one after the other."""
        over = [part for part in parts if seconds[part] > 0.0]
        weighed_s = float(seconds[over].sum())
        weight_n, line_n = (float(np.average(of[over], weights=seconds[over])) for of in (means_n, lines_n))
        gained_mps2 = float(speeds[over[-1] + 1] - speeds[over[0]]) / weighed_s
        kg = weight_n / (G_MPS2 + gained_mps2) * (1.0 + 0.5 * lift_off_s / weighed_s)
        return _weighed(
            kg,
            (
                SCALE_SHARE * kg,
                sigma_n / G_MPS2,
                (kg + zero_n / G_MPS2) * ENDS_MPS / (G_MPS2 * weighed_s),
                0.5 * kg * lift_off_s / weighed_s,
                (line_n - weight_n) / G_MPS2,  # few readings
            ),
        )

    if len(seconds) == 1:
        return _at_least(weigh([0], LIFT_OFF_S))
    whole = weigh([0, 1, 2])
    # What a floor stops is not carried to rest, and what lies there is not carried.
    if bottom_n > CARRIED * whole.kg * G_MPS2:
        return _at_least(whole)
    if not lifted_first:
        return _at_least(weigh([2], LIFT_OFF_S))
    found = weigh([0, 1], LIFT_OFF_S)
    if seconds[1] > 0.0:
        found = min(found, weigh([1]), key=lambda one: one.sigma_kg)
    return _at_least(found)


def _weighed(kg: float, parts: tuple[float, ...]) -> Weighed:
    return Weighed(kg, sqrt(sum(part**2 for part in parts)))


def _at_least(one: Weighed) -> Weighed | None:
    return one if one.kg >= LEAST_KG else None  # NaN is not


def _edges_s(rep: Rep) -> Floats | None:
    """Where the phases and the pause between them begin and end: 4 times, 2 where there is no eccentric."""
    if rep.concentric_start_s is None or rep.concentric_end_s is None:
        return None
    edges_s = [rep.concentric_start_s, rep.concentric_end_s]
    if rep.eccentric_end_s is not None and rep.eccentric_s is not None:
        edges_s += [rep.eccentric_end_s - rep.eccentric_s, rep.eccentric_end_s]
    return np.sort(edges_s)
