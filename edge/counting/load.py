"""The lifted load, measured by load cells: in the cable, at the bar, or under the lifter.

Force is m (g + a), and from rest to rest the mean of a is 0, for the impulse is the change of momentum: so
the mean force is the weight. A bar is weighed over the whole rep or, where it is put down at the bottom, on
its way up alone: what the floor stops does not come to rest in the lifter's hands. A stack is pulled over
sheaves whose friction adds on the way up and takes off on the way down: the geometric mean of both ways is
free of it. A platform carries the lifter too, who is weighed before the set.
"""

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
CARRIED = 0.9  # of the mean: with less at the bottom the bar lay there
LAID_S = 0.2  # after a rep that ends at the bottom, when that is seen
# A bar bends by a centimetre or two before its plates leave the floor: for so long all of it is missing.
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
        edges_s = np.append(edges_s, edges_s[-1] + LAID_S)
        *means_n, after_n = (
            np.sum([cells.means(name, edges_s, known_s) for name in channels], axis=0) - zero_n
        )
        seconds = np.diff(edges_s[:-1])
        if of_stack:
            return self._of_stack(rep, np.array(means_n), seconds, sigma_n)
        return _of_bar(rep, np.array(means_n), seconds, float(after_n), zero_n, sigma_n)

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
        return _weighed(kg, parts)

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
    rep: Rep, means_n: Floats, seconds: Floats, after_n: float, zero_n: float, sigma_n: float
) -> Weighed | None:
    """`means_n` and `seconds`: of the phases and the pause between them; `after_n`: when they are over."""
    carried = seconds > 0.0
    lift_off_s = LIFT_OFF_S if len(seconds) == 1 else 0.0  # let fall
    if len(seconds) == 3:
        first = rep.start_s == rep.concentric_start_s  # the pause between is at the top, where a bar is held
        bottom_n = after_n if first else means_n[1]
        # What a floor stops is not carried to rest, and what lies there is not carried.
        if (first or carried[1]) and not bottom_n > CARRIED * np.average(means_n, weights=seconds):
            carried = np.array([first, first, not first]) & carried
            lift_off_s = LIFT_OFF_S
    weighed_s = float(seconds[carried].sum())
    weight_n = float(np.average(means_n[carried], weights=seconds[carried]))
    kg, moved_kg = weight_n / G_MPS2, (weight_n + zero_n) / G_MPS2
    parts = (
        SCALE_SHARE * kg,
        sigma_n / G_MPS2,
        moved_kg * ENDS_MPS / (G_MPS2 * weighed_s),
        kg * lift_off_s / weighed_s,
    )
    return _weighed(kg, parts)


def _weighed(kg: float, parts: tuple[float, ...]) -> Weighed | None:
    return Weighed(kg, sqrt(sum(part**2 for part in parts))) if kg >= LEAST_KG else None  # NaN is not


def _edges_s(rep: Rep) -> Floats | None:
    """Where the phases and the pause between them begin and end: 4 times, 2 where there is no eccentric."""
    if rep.concentric_start_s is None or rep.concentric_end_s is None:
        return None
    edges_s = [rep.concentric_start_s, rep.concentric_end_s]
    if rep.eccentric_end_s is not None and rep.eccentric_s is not None:
        edges_s += [rep.eccentric_end_s - rep.eccentric_s, rep.eccentric_end_s]
    return np.sort(edges_s)
