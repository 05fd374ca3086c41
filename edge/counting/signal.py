"""Quality of the motion's signal: rate, missing samples, noise of the readings about the motion.

Noise is what the fourth difference of neighbouring readings sees, which voluntary motion hardly enters; the
largest quarter of the differences is left out, for those are spikes, which are counted by the kernel. Only
while something moves: a sensor that looks at a rack says nothing of how it sees a bar.
"""

from collections import deque
from collections.abc import Sequence
from copy import copy
from itertools import pairwise
from math import ceil, floor, sqrt

import numpy as np

from edge.counting.cells import Floats
from edge.link.drivers import Samples
from station.records import SignalQuality

# The channel that carries the motion of each kind of station.
MOTION_CHANNEL = {"barbell": "position_m", "cable": "position_m", "band": "force_n"}
BLOCK = 1024  # readings looked at together; what comes out does not depend on how they were cut into reads
SOME_BLOCKS = 8  # of readings: after so many, a part of one more says nothing new
LEAST = 32  # readings say something of the signal
CARRY = 4  # a fourth difference reaches over so many before its own
MOVES_M = 0.03
GAP_INTERVALS = 4.0  # a time without readings longer than this and the next is missing,
GAP_S = 0.1
# Of the readings' fourth differences, their mean size without the largest quarter: of white noise of 1.
KEPT_SHARE = 0.75
OF_WHITE_NOISE = 0.515 * sqrt(70.0)
KEPT_S = 85.0  # the longest rep that the kernels hold, and some
CELLS_HZ = 10.0  # of a phase of half a second the readings of four fifths are in cells that lie in it whole
# Beyond these neither boundaries nor velocities are what they seem: a centimetre at 25 Hz is 0.05 m/s of a
# fast rep's peak; one spike in thirty readings lies in every phase; at 8 Hz half a quick phase is not seen.
MOST_NOISE_M, MOST_SPIKES_PCT, MOST_MISSING_PCT, LEAST_RATE_HZ = 0.010, 3.0, 25.0, 8.0

BELOW_REEL = (
    "its lengths are too short for where the reel is, so the zero is off and no length is said: let the"
    " tether in and restart the sensor, or survey the reel's place again"
)

MARKS = 11  # of the health's period, a second
SHORTEST_S = 1.0  # a rate over less would jump

# A size in a byte, to a sixteenth of itself: of a float32 of its micrometres five bits of the exponent,
# counted from what is less than any sensor resolves, and three of the mantissa.
_SHIFT, _LEAST_BITS = 20, int(np.float32(2.0**-8).view(np.int32))


class _Sizes:
    """How large the fourth differences of the newest readings are, by the cell of time that each ends in.

    Cells are of the session's time, so a stretch is the same from wherever on the readings were taken.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()  # one for each
        self._cells: deque[int] = deque()
        self._counts: deque[int] = deque()  # how many each cell has

    def put(self, time_s: Floats, size_m: Floats) -> None:
        """Append: float64, shape (n,) each."""
        bits = (1e6 * size_m).astype(np.float32).view(np.int32) - _LEAST_BITS
        self._bytes += np.minimum(np.maximum(bits, 0) >> _SHIFT, 255).astype(np.uint8).tobytes()
        cell = (time_s * CELLS_HZ).astype(np.int64)
        edges = [0, *((cell[1:] > cell[:-1]).nonzero()[0] + 1).tolist(), len(cell)]
        self._cells += cell[edges[:-1]].tolist()
        self._counts += [last - first for first, last in pairwise(edges)]

    def between(self, start_s: float, end_s: float) -> Floats:
        """Of the cells that lie in [start, end) whole."""
        first_cell, end_cell = ceil(start_s * CELLS_HZ), floor(end_s * CELLS_HZ)
        first = last = len(self._bytes)
        for cell, count in zip(reversed(self._cells), reversed(self._counts), strict=True):
            if cell < first_cell:
                break
            first -= count
            if cell >= end_cell:
                last = first
        bits = np.frombuffer(bytes(self._bytes[first:last]), np.uint8).astype(np.int32) << _SHIFT
        return 1e-6 * (bits + (_LEAST_BITS + (1 << _SHIFT - 1))).view(np.float32).astype(np.float64)

    def forget(self) -> None:
        """Let go of what is older than KEPT_S."""
        while self._cells and self._cells[0] < self._cells[-1] - KEPT_S * CELLS_HZ:
            self._cells.popleft()
            del self._bytes[: self._counts.popleft()]


class SignalMeter:
    """Measures the signal quality of a station's motion channel. Pure; bounded memory.

    Parameters
    ----------
    channel : which
    metres : whether its readings are lengths; noise is not told of a tension
    """

    def __init__(self, channel: str, *, metres: bool) -> None:
        self._channel = channel
        self._metres = metres
        self._newest: list[tuple[Floats, Floats]] = [(np.empty(0), np.empty(0))]  # less than a block
        self._count = 0  # of their readings
        self._sizes = _Sizes()
        self._before = (np.empty(0), np.empty(0))  # the last CARRY of the block before
        self._readings = 0
        self._seconds = 0.0
        self._missing_s = 0.0
        self._square_m2 = 0.0
        self._moving = 0  # readings while something moved

    def feed(self, samples: Sequence[Samples]) -> None:
        """Take new readings."""
        for name, time_s, value in samples:
            if name == self._channel:
                self._newest.append((time_s, value))
                self._count += len(time_s)
        if self._count >= BLOCK:
            self._sizes.forget()  # not of these: somebody asks about the rep that they complete
            time_s, value = self._rest()
            whole = self._count - self._count % BLOCK
            for first in range(0, whole, BLOCK):
                part = slice(first, first + BLOCK)
                self._look(time_s[part], value[part])
            self._newest = [(time_s[whole:].copy(), value[whole:].copy())]
            self._count -= whole

    def noise_m(self, start_s: float, end_s: float) -> float | None:
        """Standard deviation of the readings of [start, end) about the motion; None: no lengths, too few."""
        if not (self._metres and start_s < end_s):
            return None
        rest = copy(self)
        rest._sizes = _Sizes()
        rest._look(*self._rest())
        parts = [one._sizes.between(start_s, end_s) for one in (self, rest)]
        size_m = np.concatenate(parts)[CARRY:]  # the first reach back to before the start
        return _noise(size_m) if len(size_m) >= LEAST // 2 - CARRY else None

    def quality(
        self, taken: int, repaired: int, spikes: int, *, below_reel: bool = False
    ) -> SignalQuality | None:
        """The quality so far; None with too few samples.

        taken, repaired, spikes: readings that the kernel used as they came, that it did not, and of those
        the ones that jumped. below_reel: the latest rep was lower over its reel than any bar hangs.
        """
        rest = copy(self)
        if self._count and self._readings < SOME_BLOCKS * BLOCK:
            rest._sizes = _Sizes()
            rest._look(*self._rest())
        if rest._readings < LEAST or rest._seconds <= 0.0:
            return None
        seen_s = rest._seconds - rest._missing_s
        rate_hz = rest._readings / seen_s * taken / max(1, taken + repaired) if seen_s > 0.0 else None
        noise_m = sqrt(rest._square_m2 / rest._moving) if rest._moving and self._metres else None
        every = max(1, taken + repaired)
        missing_pct = 100.0 * rest._missing_s / rest._seconds
        reason = BELOW_REEL if below_reel else _unfit(noise_m, 100.0 * spikes / every, missing_pct, rate_hz)
        return SignalQuality(
            fit=reason is None,
            rate_hz=rate_hz,
            noise_m=noise_m,
            repaired_pct=100.0 * repaired / every,
            missing_pct=missing_pct,
            reason=reason,
        )

    def _rest(self) -> tuple[Floats, Floats]:
        """The readings since the last block."""
        time_s, value = (np.concatenate(parts) for parts in zip(*self._newest, strict=True))
        return time_s, value

    def _look(self, time_s: Floats, value: Floats) -> None:
        """A block of readings."""
        there = ~np.isnan(value)
        if not there.all():
            time_s, value = time_s[there], value[there]
        before = len(self._before[0])
        time_s = np.concatenate((self._before[0], time_s))
        value = np.concatenate((self._before[1], value))
        self._before = time_s[-CARRY:], value[-CARRY:]
        step_s = (time_s[1:] - time_s[:-1])[max(0, before - 1) :]
        if not len(step_s):
            return
        self._readings += len(step_s)
        self._seconds += float(step_s.sum())
        if step_s.max() > GAP_S:
            usual_s = float(np.partition(step_s, len(step_s) // 2)[len(step_s) // 2])
            long_s = step_s[step_s > max(GAP_S, GAP_INTERVALS * usual_s)]
            self._missing_s += float(long_s.sum()) - usual_s * len(long_s)
        if not self._metres or len(value) <= CARRY:
            return
        size_m = _fourth_differences(value)
        self._sizes.put(time_s[CARRY:], size_m)
        if float(value.max() - value.min()) >= MOVES_M:
            self._square_m2 += len(size_m) * _noise(size_m) ** 2
            self._moving += len(size_m)


def _fourth_differences(value: Floats) -> Floats:
    """Their sizes; of more than CARRY readings in a row."""
    step = value[1:] - value[:-1]
    bend = step[1:] - step[:-1]
    return np.abs(bend[2:] - 2.0 * bend[1:-1] + bend[:-2])


def _noise(size: Floats) -> float:
    """Standard deviation of readings about the motion in them, by the sizes of their fourth differences."""
    kept = max(1, int(KEPT_SHARE * len(size)))
    return float(np.partition(size, kept - 1)[:kept].sum()) / (kept * OF_WHITE_NOISE)


def troubles(adrift: tuple[str, float] | None, quality: SignalQuality | None) -> list[str]:
    """Problems of the signal with what to do. adrift: the channel whose zero has shifted, and by how much."""
    said = []
    if adrift is not None:
        channel, step = adrift
        unit = "rad" if channel.endswith("_rad") else "m"
        said.append(
            f"{channel}: its zero has jumped by {step:+.2f} {unit}; let the load rest a second, or send zero"
        )
    if quality is not None and not quality.fit:
        said.append(f"the motion's signal is unfit: {quality.reason}; look at the sensor, and what it sees")
    return said


def _unfit(noise_m: float | None, spikes_pct: float, missing_pct: float, rate_hz: float | None) -> str | None:
    """Why velocities and boundaries are not to be believed, with the figure; None where they are."""
    if noise_m is not None and noise_m > MOST_NOISE_M:
        return f"readings vary by {1000 * noise_m:.0f} mm about the motion, {1000 * MOST_NOISE_M:.0f} at most"
    if spikes_pct > MOST_SPIKES_PCT:
        return f"{spikes_pct:.0f} % of the readings jump, {MOST_SPIKES_PCT:.0f} % at most"
    if missing_pct > MOST_MISSING_PCT:
        return f"{missing_pct:.0f} % of the time is without readings, {MOST_MISSING_PCT:.0f} % at most"
    if rate_hz is not None and rate_hz < LEAST_RATE_HZ:
        return f"{rate_hz:.1f} new readings a second, {LEAST_RATE_HZ:.0f} at least"
    return None


class Rates:
    """Counts samples and computes rates between calls. Pure; bounded memory."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._marks: deque[tuple[float, dict[str, int]]] = deque(maxlen=MARKS)

    def feed(self, samples: Sequence[Samples]) -> None:
        """Count new samples."""
        for part in samples:
            self._counts[part.channel] = self._counts.get(part.channel, 0) + len(part.time_s)

    def measured_hz(self, session_s: float) -> dict[str, float]:
        """Sample rate of each channel over the last calls; empty at first.

        `session_s` is the newest sample's.
        """
        self._marks.append((session_s, dict(self._counts)))
        start_s, before = self._marks[0]
        span_s = session_s - start_s
        if span_s < SHORTEST_S:
            return {}
        return {name: (count - before.get(name, 0)) / span_s for name, count in self._counts.items()}
