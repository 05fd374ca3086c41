"""The lifted load, measured by load cells: in the cable, at the bar, or under the lifter.

Force is m (g + a), and the mean of a is the speed gained over the time, for the impulse is the change of
momentum: phases begin and end at v0, up or down, so the mean force gives the mass. A bar is weighed over the
whole rep or, where it is put down at the bottom, on its way up alone or while it is held at the top: what the
floor stops does not come to rest in the lifter's hands. A stack is pulled over sheaves whose friction adds on
the way up and takes off on the way down: the geometric mean of both ways is free of it. A platform carries
the lifter too, who is weighed before the set.

A reading is a mean over its conversion, or of a moment, and nobody says which: of a bar they are taken as
what makes the ways down and up weigh alike. By what these still differ, few readings miss of a quick rep.
"""

from collections.abc import Callable, Sequence
from math import log, sqrt

import numpy as np

from edge.counting.cells import PLATFORM, Cells, Floats
from station.config import StationFile
from station.exercises import Profile
from station.records import Rep
from station.weighing import Weighed, known, median

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
# Peak over mean speed of the smoothest way (Flash & Hogan 1985): where it is more, it stood on the way.
SMOOTHEST = 1.875


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

        def read(at_s: Floats) -> list[Floats]:
            """The mean load between each two of these times: of readings that are means, and of moments."""
            both = [
                [cells.means(name, at_s, known_s, lines=lines) for name in channels]
                for lines in (False, True)
            ]
            return [np.asarray(np.sum(means, axis=0)) - zero_n for means in both]

        if of_stack:
            return self._of_stack(rep, read(edges_s), np.diff(edges_s), sigma_n)
        one_s = max(cells.interval_s(name, float(edges_s[0]), known_s) for name in channels)
        return _of_bar(rep, read, edges_s, one_s, (zero_n, sigma_n), profile.v0_mps)

    def _of_stack(
        self, rep: Rep, read_n: Sequence[Floats], seconds: Floats, sigma_n: float
    ) -> Weighed | None:
        if rep.eccentric_s is None or rep.slack_s is None or rep.slack_s > SLACK_S:
            return None
        if not all(min(of[0], of[-1]) > 0.0 for of in read_n):  # NaN is not
            return None
        kg, other_kg = (self._ratio * sqrt(of[0] * of[-1]) / G_MPS2 for of in read_n)
        friction = abs(log(read_n[0][0] / read_n[0][-1])) / 2.0
        mean_mps, peak_mps = rep.mean_concentric_velocity_mps, rep.peak_concentric_velocity_mps
        stood = max(0.0, 1.0 - SMOOTHEST * mean_mps / peak_mps) if mean_mps and peak_mps else 0.0
        parts = (
            SCALE_SHARE * kg,
            self._ratio * sigma_n / G_MPS2,
            kg * ENDS_MPS / (self._ratio * G_MPS2 * float(seconds[0] + seconds[-1])),
            kg * FRICTION_SHARE * friction,
            # while it stands, friction is anything from one way to the other
            kg * stood * friction / sqrt(3.0),
            other_kg - kg,  # few readings
        )
        return _known(_weighed(kg, parts))

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
        # Not NumPy's: that imports its masked arrays, which take as much memory as eight stations.
        self._level_n = median(around.tolist()) if len(there) else None
        return self._level_n


def _of_bar(
    rep: Rep,
    read: Callable[[Floats], list[Floats]],
    edges_s: Floats,
    one_s: float,
    zero_n: tuple[float, float],
    v0_mps: float,
) -> Weighed | None:
    """`edges_s`: of the phases and of the pause between; `one_s`: from one reading to the next."""
    lifted_first, seconds = rep.start_s == rep.concentric_start_s, np.diff(edges_s)
    speeds = v0_mps * np.array([1.0, 1.0, -1.0, -1.0] if lifted_first else [-1.0, -1.0, 1.0, 1.0])
    impulses_ns = [of * seconds for of in read(edges_s)]
    of_a_kg_ns = G_MPS2 * seconds + np.diff(speeds[: len(seconds) + 1])

    def weigh(parts: Sequence[int], lift_off_s: float = 0.0) -> Weighed:
        """By these parts of the rep, one after the other."""
        over = [part for part in parts if seconds[part] > 0.0]
        weighed_s, of_a_kg = float(seconds[over].sum()), of_a_kg_ns[over]
        found = []
        for impulse_ns in impulses_ns:
            kg = float(impulse_ns[over].sum() / of_a_kg.sum())
            apart_ns = impulse_ns[over] - kg * of_a_kg
            apart = float(apart_ns @ apart_ns) / max(1, len(over) - 1) * len(over)
            found.append((sqrt(apart) / float(of_a_kg.sum()), kg))
        (apart_kg, kg), (_, other_kg) = sorted(found, key=lambda one: one[0])
        missing = 0.5 * lift_off_s / weighed_s
        kg *= 1.0 + missing
        few_kg = other_kg * (1.0 + missing) - kg
        return sure(kg, weighed_s, kg * missing, apart_kg, few_kg)

    def sure(kg: float, weighed_s: float, *more_kg: float) -> Weighed:
        from_zero_n, sigma_n = zero_n
        ends_kg = (kg + from_zero_n / G_MPS2) * ENDS_MPS / (G_MPS2 * weighed_s)
        return _weighed(kg, (SCALE_SHARE * kg, sigma_n / G_MPS2, ends_kg, *more_kg))

    if len(seconds) == 1:  # let fall
        return _known(weigh([0], LIFT_OFF_S))
    whole = weigh([0, 1, 2])
    turn_s, wide_s = edges_s[3] + 0.5 * LAID_S, max(LAID_S, float(seconds[1]))
    if not lifted_first:
        turn_s = 0.5 * (edges_s[1] + edges_s[2])
    ((bottom_n,), _) = read(turn_s + wide_s * np.array([-0.5, 0.5]))
    # What a floor stops is not carried to rest, and what lies there is not carried.
    if bottom_n > CARRIED * whole.kg * G_MPS2:
        return _known(whole)
    if not lifted_first:
        return _known(weigh([2], LIFT_OFF_S))
    found = weigh([0, 1], LIFT_OFF_S)
    # What is read where the hold begins and ends is of its lift and its lowering, too.
    held_s = edges_s[1:3] + (one_s + (rep.top_pause_sigma_s or 0.0)) * np.array([1.0, -1.0])
    if held_s[1] > held_s[0]:
        kg, other_kg = (float(of[0]) / G_MPS2 for of in read(held_s))
        hold = sure(kg, float(held_s[1] - held_s[0]), other_kg - kg)
        found = min(found, hold, key=lambda one: one.sigma_kg)
    return _known(found)


def _weighed(kg: float, parts: tuple[float, ...]) -> Weighed:
    return Weighed(kg, sqrt(sum(part**2 for part in parts)))


def _known(one: Weighed) -> Weighed | None:
    return known(one) if one.kg >= LEAST_KG else None  # NaN is not


def _edges_s(rep: Rep) -> Floats | None:
    """Where the phases and the pause between them begin and end: 4 times, 2 where there is no eccentric."""
    if rep.concentric_start_s is None or rep.concentric_end_s is None:
        return None
    edges_s = [rep.concentric_start_s, rep.concentric_end_s]
    if rep.eccentric_end_s is not None and rep.eccentric_s is not None:
        edges_s += [rep.eccentric_end_s - rep.eccentric_s, rep.eccentric_end_s]
    return np.sort(edges_s)
