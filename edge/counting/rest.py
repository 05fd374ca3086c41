"""Automatic zeroing of a load cell: at proven rest only, and by a little at a time.

A cell drifts with its temperature and creeps after a heavy load, by newtons in an hour. Rest is proven when,
for long enough and without a break,

    no set is running,
    every tether or stack stands still and says so,
    the force is steady, and as near to zero as nothing that is trained with would leave it.

A missing value proves nothing: a silent, stuck or saturated sensor is not at rest. A station with a load cell
alone has no second witness, and must rest longer.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.link.drivers import Samples
from station.weighing import median

LENGTHS = ("position_m", "position_2_m")
BLOCK_S = 1.0
REST_S = 20.0  # longer than a set's gap
REST_ALONE_S = 60.0
STILL_M = 0.003  # an encoder's tick or two, and a tether that sways
SPREAD_N = 12.0  # within a block: a sensor that is well varies by 1 N, one standard deviation
STEADY_N = 1.0  # from block to block; a cell that still creeps is not at rest
NEAR_N = 5.0  # half a kilogram: less than any plate, handle or band
LEAST_N = 0.3  # not worth a change
STEP_N = 2.0  # at most, each time
TOTAL_N = 20.0  # at most, since the cell was tared or calibrated


class RestZero:
    """Decide when, and by how much, the load cell's zero of one station moves. Pure; bounded memory.

    Parameters
    ----------
    needs_motion : whether there is a tether or a stack that has to stand still as well
    """

    def __init__(self, *, needs_motion: bool) -> None:
        self.count = 0  # how often the zero was moved
        self.moved_n = 0.0  # since the cell was tared
        self._needs_motion = needs_motion
        self._begun_s: float | None = None  # of the block, session time
        self._forces: list[NDArray[np.float64]] = []
        self._lengths: dict[str, list[NDArray[np.float64]]] = {}  # of every length this station has
        self._places: dict[str, tuple[float, float]] = {}  # lowest and highest since rest began
        self._steady: list[float] = []  # median force of each block since rest began

    @property
    def exhausted(self) -> bool:
        """Whether the zero has moved as far as it may without a person's tare."""
        return abs(self.moved_n) >= TOTAL_N

    def tared(self) -> None:
        """A person has set the zero."""
        self.moved_n = 0.0
        self._restart()

    def feed(self, samples: Sequence[Samples], zero_n: float, set_running: bool) -> float:
        """Take new samples; return by how much the zero is to move now, mostly 0.

        The forces in `samples` are those before `zero_n`, the zero in use, is taken off.
        """
        if set_running:
            self._begun_s, self._forces = None, []
            self._lengths = {name: [] for name in self._lengths}
            self._restart()
            return 0.0
        newest_s: float | None = None
        for channel, time_s, value in samples:
            if channel == "force_n":
                self._forces.append(value)
                newest_s = float(time_s[-1])
                if self._begun_s is None:
                    self._begun_s = float(time_s[0])
            elif channel in LENGTHS:
                self._lengths.setdefault(channel, []).append(value)
        if newest_s is None or self._begun_s is None or newest_s - self._begun_s < BLOCK_S:
            return 0.0
        # Looked at once a block: a few array operations for every read would cost more than counting.
        gap = newest_s - self._begun_s > 2.0 * BLOCK_S
        force_n = np.sort(np.concatenate(self._forces))  # NaN comes last
        lengths = {name: np.concatenate([*parts, np.empty(0)]) for name, parts in self._lengths.items()}
        self._begun_s, self._forces = newest_s, []
        self._lengths = {name: [] for name in lengths}
        if gap or not self._rests(force_n, lengths, zero_n):
            self._restart()
            return 0.0
        if len(self._steady) * BLOCK_S < (REST_S if self._needs_motion else REST_ALONE_S):
            return 0.0
        change_n = median(self._steady) - zero_n
        self._restart()
        return self._move(change_n)

    def _move(self, change_n: float) -> float:
        if abs(change_n) < LEAST_N:
            return 0.0
        change_n = min(max(change_n, -STEP_N), STEP_N)
        change_n = min(max(change_n, -TOTAL_N - self.moved_n), TOTAL_N - self.moved_n)
        if change_n:
            self.count += 1
            self.moved_n += change_n
        return change_n

    def _rests(
        self, force_n: NDArray[np.float64], lengths: dict[str, NDArray[np.float64]], zero_n: float
    ) -> bool:
        """Whether the block that has ended goes on with the rest; NaN makes every comparison false."""
        if (self._needs_motion and not lengths) or not all(map(len, lengths.values())):
            return False
        for name, value in lengths.items():
            low, high = self._places.get(name, (np.inf, -np.inf))
            self._places[name] = (min(low, float(value.min())), max(high, float(value.max())))
            if not float(np.ptp(value)) <= STILL_M:
                return False
        here_n = float(force_n[len(force_n) // 2])
        self._steady.append(here_n)
        return bool(
            all(high - low <= STILL_M for low, high in self._places.values())
            and force_n[-1] - force_n[0] <= SPREAD_N
            and abs(here_n - self._steady[0]) <= STEADY_N
            and abs(here_n - zero_n) <= NEAR_N
        )

    def _restart(self) -> None:
        """Rest begins with the next block at the earliest."""
        self._places, self._steady = {}, []
