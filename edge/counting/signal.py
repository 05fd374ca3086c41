"""Quality of the motion's signal: rate, missing samples, noise of the readings about the motion.

Noise is what the fourth difference of neighbouring readings sees, which voluntary motion hardly enters; the
largest quarter of the differences is left out, for those are spikes, which are counted by the kernel. Only
while something moves: a sensor that looks at a rack says nothing of how it sees a bar.
"""

from collections import deque
from collections.abc import Sequence
from copy import copy
from math import sqrt

import numpy as np

from edge.counting.cells import Floats
from edge.link.drivers import Samples
from station.records import SignalQuality

# The channel that carries the motion of each kind of station.
MOTION_CHANNEL = {"barbell": "position_m", "cable": "position_m", "band": "force_n"}
BLOCK = 512  # readings looked at together; what comes out does not depend on how they were cut into reads
PART = 64  # of them have a noise of their own: three spikes lie within the quarter that is left out
SOME_BLOCKS = 8  # of readings: after so many, a part of one more says nothing new
LEAST = 32  # readings say something of the signal
MOVES_M = 0.03
GAP_INTERVALS = 4.0  # a time without readings longer than this and the next is missing,
GAP_S = 0.1
# Of the readings' fourth differences, their mean size without the largest quarter: of white noise of 1.
KEPT_SHARE = 0.75
OF_WHITE_NOISE = 0.515 * sqrt(70.0)
OF_PARTS = 0.95  # the same of several parts' noise, whose standard deviation is a fifth: its root mean square
KEPT_S = 85.0  # the longest rep that the kernels hold, and some
# Beyond these neither boundaries nor velocities are what they seem: a centimetre at 25 Hz is 0.05 m/s of a
# fast rep's peak; one spike in thirty readings lies in every phase; at 8 Hz half a quick phase is not seen.
MOST_NOISE_M, MOST_SPIKES_PCT, MOST_MISSING_PCT, LEAST_RATE_HZ = 0.010, 3.0, 25.0, 8.0

BELOW_REEL = (
    "its lengths are too short for where the reel is, so the zero is off and no length is said: let the"
    " tether in and restart the sensor, or survey the reel's place again"
)

MARKS = 11  # of the health's period, a second
SHORTEST_S = 1.0  # a rate over less would jump


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
        self._noise: deque[Floats] = deque()  # of each block's parts: shape (2, n), until when and how much
        self._last_s = np.empty(0)  # when the reading before the block was, if there was one
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
            time_s, value = self._rest()
            whole = self._count - self._count % BLOCK
            for first in range(0, whole, BLOCK):
                part = slice(first, first + BLOCK)
                self._noise.append(_noise_of_parts(time_s[part], value[part]))
                self._look(time_s[part], value[part], self._noise[-1][1])
            while self._noise[0][0, -1] < time_s[whole - 1] - KEPT_S:
                self._noise.popleft()
            self._newest = [(time_s[whole:].copy(), value[whole:].copy())]
            self._count -= whole

    def noise_m(self, start_s: float, end_s: float) -> float | None:
        """Standard deviation of the readings about the motion; None: too few of them, or no lengths.

        Of the parts that end in that time, or the last before, which were there when it ended: however the
        readings were cut into reads.
        """
        if not self._metres:
            return None
        parts = [_noise_of_parts(*self._rest())]
        for block in reversed(self._noise):
            parts.append(block)
            if block[0, -1] < start_s:
                break
        until_s, noise_m = np.concatenate(parts[::-1], axis=1)
        last = int(np.searchsorted(until_s, end_s, side="right"))
        first = min(int(np.searchsorted(until_s, start_s)), last - 1)
        return _together(noise_m[max(0, first) : last])

    def quality(
        self, taken: int, repaired: int, spikes: int, *, below_reel: bool = False
    ) -> SignalQuality | None:
        """The quality so far; None with too few samples.

        taken, repaired, spikes: readings that the kernel used as they came, that it did not, and of those
        the ones that jumped. below_reel: the latest rep was lower over its reel than any bar hangs.
        """
        rest = copy(self)
        if self._count and self._readings < SOME_BLOCKS * BLOCK:
            time_s, value = self._rest()
            rest._look(time_s, value, _noise_of_parts(time_s, value)[1])
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

    def _look(self, time_s: Floats, value: Floats, noise_m: Floats) -> None:
        """A block of readings, and its parts' noise."""
        there = ~np.isnan(value)
        if not there.all():
            time_s, value = time_s[there], value[there]
        step_s = np.diff(time_s, prepend=self._last_s)
        self._last_s = time_s[-1:] if len(time_s) else self._last_s
        if not len(step_s):
            return
        self._readings += len(step_s)
        self._seconds += float(step_s.sum())
        if step_s.max() > GAP_S:
            usual_s = float(np.partition(step_s, len(step_s) // 2)[len(step_s) // 2])
            long_s = step_s[step_s > max(GAP_S, GAP_INTERVALS * usual_s)]
            self._missing_s += float(long_s.sum()) - usual_s * len(long_s)
        if float(value.max() - value.min()) >= MOVES_M and (seen_m := _together(noise_m)) is not None:
            self._square_m2 += len(value) * seen_m**2
            self._moving += len(value)


def noise_of(value: Floats) -> Floats:
    """Standard deviation of readings about the motion in them; five of them or more, in a row.

    value: float64, shape (..., n); the result has the shape (...,).
    """
    step = value[..., 1:] - value[..., :-1]
    bend = step[..., 1:] - step[..., :-1]
    size = np.abs(bend[..., 2:] - 2.0 * bend[..., 1:-1] + bend[..., :-2])
    kept = max(1, int(KEPT_SHARE * size.shape[-1]))
    least = np.partition(size, kept - 1)[..., :kept]
    return np.asarray(least.sum(axis=-1) / (kept * OF_WHITE_NOISE))


def _noise_of_parts(time_s: Floats, value: Floats) -> Floats:
    """When each whole part of readings ends, and its noise; NaN where a quarter of it is missing."""
    whole = len(value) - len(value) % PART
    return np.array((time_s[PART - 1 : whole : PART], noise_of(value[:whole].reshape(-1, PART))))


def _together(noise_m: Floats) -> float | None:
    """The noise of several parts, without the largest quarter of them: these have more spikes yet."""
    seen_m = np.sort(noise_m[noise_m >= 0.0])  # NaN is not
    kept_m = seen_m[: max(1, int(KEPT_SHARE * len(seen_m)))]
    return sqrt(float((kept_m**2).sum()) / len(kept_m)) / OF_PARTS if len(kept_m) else None


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
