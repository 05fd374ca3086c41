"""One clock for a session: the board's own ticks, unwrapped, and how they lie on the host's clock.

Sample times come from the board alone, so an interval (and with it a velocity) never depends on when bytes
arrived. When bytes arrived only says where the session lies on the host's clock, and how far the session
went on while the board was resetting.
"""

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from math import copysign, inf
from typing import NamedTuple

from station.timing.hull import Point, add_to_lower_hull

LONGEST_GAP_S = 35 * 60.0  # u32 µs wrap after 71.6 min; beyond half of it a signed difference is ambiguous
BUCKET_S = 1.0  # one minimum of the delay per bucket, after FIELD trials with USB and FTDI links
BUCKETS = 300  # crystals wander with temperature over minutes, so older minima are forgotten
DRIFT_SPAN_S = 20.0  # shorter than this, delay noise says more than the drift does
LEAST_DELAY_S = 0.0005  # mean of a bucket's minimum behind a 16 ms latency timer; else a hundredth of it
FARTHEST = 0.03  # a device further off could not be read over a serial line at all
CRYSTALS = 60e-6  # by how much two crystals differ, one standard deviation; each is sold as ± 20 to ± 50 ppm


class ClockMark(NamedTuple):
    """Where a device's clock stood after some frame: enough to go on from there, to the microsecond."""

    boot_id: int
    t_us: int
    session_us: int
    received_s: float


class DeviceClock:
    """Follow a board's wrapping µs ticks. One thread feeds it; any may ask it.

    State: boot_id, tick, session time and receive time of the newest frame; up to 300 delay minima.
    """

    def __init__(self) -> None:
        self._started = False
        self._boot_id = 0
        self._t_us = 0
        self._session_us = 0
        self._received_s = 0.0
        self._minima: deque[tuple[float, float]] = deque(maxlen=BUCKETS)  # session_s, host - session
        self._line: tuple[float, float, float] | None = None  # session_s0, host - session there, slope

    @property
    def session_s(self) -> float | None:
        """Session time of the newest frame; None before the first."""
        return self._session_us / 1e6 if self._started else None

    @property
    def mark(self) -> ClockMark | None:
        """To go on from; None before the first frame."""
        if not self._started:
            return None
        return ClockMark(self._boot_id, self._t_us, self._session_us, self._received_s)

    def go_on(self, mark: ClockMark) -> None:
        """Begin where another clock of the same device stood; before the first frame."""
        self._started = True
        self._boot_id, self._t_us, self._session_us, self._received_s = mark

    def feed(
        self,
        boot_id: Sequence[int],
        t_us: Sequence[int],
        span_us: Sequence[int],
        received_s: float,
    ) -> list[int]:
        """Session time, µs, of the frames one read has completed.

        0 is the oldest sample of the first frame ever. A changed boot_id, a gap of over 35 minutes or a tick
        that runs backwards starts a new epoch: the session goes on by the time that went by on the host, and
        always past every sample before it.

        Parameters
        ----------
        boot_id, t_us, span_us : as the frame decoder gives them, one number a frame
        received_s : float
            Host's monotonic clock when the read returned.
        """
        if not t_us:
            return []
        if not self._started:
            self._started = True
            self._boot_id = boot_id[0]
            self._t_us = (t_us[0] - span_us[0]) & 0xFFFFFFFF
            self._received_s = received_s
        session_us: list[int] = []
        for boot, tick, span in zip(boot_id, t_us, span_us, strict=True):
            step_us = (tick - self._t_us + 0x80000000 & 0xFFFFFFFF) - 0x80000000
            # Frames of one read have one receive time, so only the first can have waited for the host.
            elapsed_s = 0.0 if session_us else received_s - self._received_s
            if boot != self._boot_id or step_us < 0 or elapsed_s > LONGEST_GAP_S:
                step_us = max(round(elapsed_s * 1e6), span + 1)
                self._minima.clear()
            self._boot_id, self._t_us = boot, tick
            self._session_us += step_us
            session_us.append(self._session_us)
        self._received_s = received_s
        self._pair(self._session_us / 1e6, received_s)
        return session_us

    def host_s(self, session_s: float) -> float | None:
        """Host's monotonic time of a session time, short of the link's least delay; None before a frame."""
        line = self._fit()
        if line is None:
            return None
        start_s, offset_s, slope = line
        return session_s + offset_s + slope * (session_s - start_s)

    def session_at(self, host_s: float) -> float | None:
        """Session time at a moment of the host's monotonic clock; None before a frame."""
        line = self._fit()
        if line is None:
            return None
        start_s, offset_s, slope = line
        return start_s + (host_s - offset_s - start_s) / (1.0 + slope)

    @property
    def drift_ppm(self) -> float | None:
        """How much faster the board's clock runs than the host's; None until 20 s are known."""
        line, minima = self._fit(), tuple(self._minima)
        if line is None or not minima or minima[-1][0] - minima[0][0] < DRIFT_SPAN_S:
            return None
        return (1.0 / (1.0 + line[2]) - 1.0) * 1e6

    def _pair(self, session_s: float, received_s: float) -> None:
        """Keep the least delay of each bucket: bytes arrive late by many accidents, never early."""
        offset_s = received_s - session_s
        same = self._minima and session_s // BUCKET_S == self._minima[-1][0] // BUCKET_S
        if same and offset_s >= self._minima[-1][1]:
            return
        if same:
            self._minima.pop()
        self._minima.append((session_s, offset_s))
        self._line = None

    def _fit(self) -> tuple[float, float, float] | None:
        """The likeliest line under all minima: near to them, and not steeper than crystals make it.

        For delays of exponential distribution that is the line that touches their lower convex hull where
        the sum of the distances to it (Moon, Skelly and Towsley 1999), in mean delays, and the square of its
        slope, in variances of the drift, balance. Beyond three standard deviations the second grows no
        steeper (Huber 1964): a ceramic resonator, 0.5 % off, is believed after some ten seconds. Bytes that
        had waited for the port to be opened look like a clock that runs away; none is believed to run so.
        """
        line, minima = self._line, tuple(self._minima)
        if line is None and minima:
            hull: list[Point] = []
            for point in minima:
                add_to_lower_hull(hull, point)
            mean_s = sum(session_s for session_s, _ in minima) / len(minima)
            pull = CRYSTALS**2 * len(minima) / LEAST_DELAY_S
            slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(hull)]
            # At a corner of the hull the line may have any slope between those of the edges beside it.
            for (at_s, offset_s), least, most in zip(hull, [-inf, *slopes], [*slopes, inf], strict=True):
                slope = pull * (mean_s - at_s)
                if abs(slope) > 3.0 * CRYSTALS:
                    slope = copysign(FARTHEST, slope)
                if slope <= most:
                    line = self._line = (at_s, offset_s, max(slope, least))
                    break
        return line
