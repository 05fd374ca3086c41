"""Sample times of a device that has no clock: a line under the receive times, over the index of the sample.

A sample is taken every `period`, arrives late by an accident of the link, and never early. So all points
(index, receive time) lie above a line whose slope is the device's own period: the edge of their lower convex
hull above the middle of the index (Moon, Skelly and Towsley 1999). Times follow that line and change pace by
10 % at most while it becomes better known, so that an interval is never what the link made of it.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from station.timing.hull import Point, add_to_lower_hull

LEARN_S = 2.0  # 16 ms of a latency timer are 0.8 % of it
WINDOW_S = 120.0  # an RC oscillator wanders with temperature over minutes
MAX_HULL = 256
LATE_S = 0.25  # later than any link that is well; the device has paused or bytes are gone
LATE_FOR_S = 0.3  # what was only held up comes at once when it comes
SLEW = 0.1


class RateLock:
    """Number the samples of a device and say when each was taken.

    State: index and time of the newest sample, the hull of at most 256 (index, receive time).

    Parameters
    ----------
    rate_hz : float or None
        Samples per second where it is known; otherwise learned within two seconds, and what comes before
        gets no time.
    crystal : bool
        The rate is exact: only pauses are taken from the receive times.
    """

    def __init__(self, rate_hz: float | None = None, *, crystal: bool = False) -> None:
        """Raises ValueError for a rate that is not above 0, and for a crystal without one."""
        if (rate_hz is None and crystal) or (rate_hz is not None and not rate_hz > 0.0):
            raise ValueError(f"need a rate above 0 Hz, got {rate_hz}")
        self._period_s = None if rate_hz is None else 1.0 / rate_hz
        self._crystal = crystal
        self._index = -1
        self._time_s: float | None = None  # of the newest sample
        self._hull: list[Point] = []  # index, receive time
        self._late_since_s: float | None = None
        self._seam = False

    @property
    def rate_hz(self) -> float | None:
        """Samples per second as known by now."""
        return None if self._period_s is None else 1.0 / self._period_s

    def seam(self) -> None:
        """The stream was cut here: what comes next was taken when it arrives, not when its turn was."""
        self._seam = True

    def feed(self, count: int, received_s: float) -> NDArray[np.float64]:
        """Times of the next `count` samples, float64, shape (count,), strictly increasing seconds on the
        host's monotonic clock short of the link's least delay; shape (0,) while the rate is being learned.

        received_s : when the read that completed the newest of them returned.
        """
        if count <= 0:
            return np.empty(0)
        self._index += count
        if self._seam or self._paused(received_s):
            self._seam, self._late_since_s = False, None
            self._hull = []  # the period stays
        self._add(self._index, received_s)
        line = self._line()
        if line is None:
            return np.empty(0)
        start, start_s, period_s = line
        self._period_s = period_s
        due_s = start_s + (self._index - start) * period_s
        span_s = count * period_s
        if self._time_s is None:
            self._time_s = due_s - span_s
        if len(self._hull) == 1:
            # Begun anew: samples of one read are a period apart, and after all before them.
            first_s = max(due_s - span_s, self._time_s)
            last_s = max(due_s, first_s + 0.5 * span_s)
        else:
            first_s = self._time_s
            error_s = 0.0 if self._crystal else due_s - first_s - span_s
            last_s = first_s + span_s + min(max(error_s, -SLEW * span_s), SLEW * span_s)
        self._time_s = last_s
        return first_s + (last_s - first_s) * np.arange(1, count + 1) / count

    def _paused(self, received_s: float) -> bool:
        """Whether samples have come too late for a while now: some were never taken, or are lost."""
        line = self._line()
        if line is None or not self._hull:
            return False
        start, start_s, period_s = line
        late_s = received_s - (start_s + (self._index - start) * period_s)
        if late_s <= max(LATE_S, 5.0 * period_s):
            self._late_since_s = None
        elif self._late_since_s is None:
            self._late_since_s = received_s
        return self._late_since_s is not None and received_s - self._late_since_s >= LATE_FOR_S

    def _add(self, index: int, received_s: float) -> None:
        """Keep the lower convex hull."""
        hull = self._hull
        add_to_lower_hull(hull, (index, received_s))
        while len(hull) > 2 and (received_s - hull[0][1] > WINDOW_S or len(hull) > MAX_HULL):
            hull.pop(0)

    def _line(self) -> tuple[float, float, float] | None:
        """A point of the line and its slope: index, seconds, seconds per sample."""
        hull = self._hull
        if not hull:
            return None
        if self._crystal or hull[-1][1] - hull[0][1] < LEARN_S or hull[-1][0] - hull[0][0] < 8:
            if self._period_s is None:
                return None
            period_s = self._period_s
            start, start_s = min(hull, key=lambda point: point[1] - point[0] * period_s)
            return start, start_s, period_s
        middle = (hull[0][0] + hull[-1][0]) / 2.0
        a, b = next(edge for edge in pairwise(hull) if edge[1][0] >= middle)
        return a[0], a[1], (b[1] - a[1]) / (b[0] - a[0])
