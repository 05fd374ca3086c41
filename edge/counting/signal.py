"""Quality of the motion's signal: rate, missing samples, noise of the readings about the motion.

Noise is what the fourth difference of neighbouring readings sees, which voluntary motion hardly enters; the
largest quarter of the differences is left out, for those are spikes, which are counted by the kernel. Only
while something moves: a sensor that looks at a rack says nothing of how it sees a bar.
"""

import zlib
from collections import deque
from collections.abc import Sequence
from copy import copy
from math import ceil, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.counting.cells import Floats
from edge.link.drivers import Samples
from station.records import SignalQuality

# The channel that carries the motion of each kind of station.
MOTION_CHANNEL = {"barbell": "position_m", "cable": "position_m", "band": "force_n"}
BLOCK = 512  # readings looked at together; what comes out does not depend on how they were cut into reads
SOME_BLOCKS = 8  # of readings: after so many, a part of one more says nothing new
LEAST = 32  # readings say something of the signal
CARRY = 4  # a fourth difference reaches over so many from the block before
MOVES_M = 0.03
GAP_INTERVALS = 4.0  # a time without readings longer than this and the next is missing,
GAP_S = 0.1
# Of the readings' fourth differences, their mean size without the largest quarter: of white noise of 1.
KEPT_SHARE = 0.75
OF_WHITE_NOISE = 0.515 * sqrt(70.0)
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


class _Kept(NamedTuple):
    """A block of readings, packed: to the microsecond and the micrometre, less than any sensor resolves."""

    first_us: int
    last_us: int
    first_um: int
    off_us: bytes  # int8 or int64: each one's time less the one it had if they came evenly; b"": they did
    step_um: bytes  # int16: from each to the next; where that does not hold them, float32 of the readings

    def between(self, start_us: int, end_us: int) -> Floats:
        """The readings of [start, end), in micrometres."""
        time_us, step_um = _evenly(self.first_us, self.last_us, BLOCK), zlib.decompress(self.step_um)
        if self.off_us:
            off_us = zlib.decompress(self.off_us)
            time_us += np.frombuffer(off_us, f"i{len(off_us) // BLOCK}")
        part = slice(*np.searchsorted(time_us, [start_us, end_us]))
        if len(step_um) == BLOCK * 4:
            return np.frombuffer(step_um, np.float32)[part].astype(np.float64)
        steps = np.frombuffer(step_um, np.int16).astype(np.float64)
        return np.cumsum(np.concatenate(([self.first_um], steps)))[part]


def _kept(time_s: Floats, value: Floats) -> _Kept:
    time_us, value_um = _whole_us(time_s), _whole_um(value)
    first_us, last_us = int(time_us[0]), int(time_us[-1])
    off_us = time_us - _evenly(first_us, last_us, BLOCK)
    far = np.abs(off_us).max()
    off = _packed(off_us.astype(np.int8 if far < 128 else np.int64)) if far else b""
    step_um = value_um[1:] - value_um[:-1]
    if step_um.min() > -(2**15) and step_um.max() < 2**15:  # not so where a value is missing
        return _Kept(first_us, last_us, int(value_um[0]), off, _packed(step_um.astype(np.int16)))
    return _Kept(first_us, last_us, 0, off, _packed(value_um.astype(np.float32)))  # whole up to 16 m


def _packed(array: NDArray[Any]) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 10, 5)  # of a kilobyte: no larger tables than it needs
    return packer.compress(array.tobytes()) + packer.flush()


def _evenly(first_us: int, last_us: int, count: int) -> NDArray[np.int64]:
    return first_us + np.arange(count) * (last_us - first_us) // max(1, count - 1)


def _whole_us(time_s: Floats) -> NDArray[np.int64]:
    return np.floor(1e6 * time_s).astype(np.int64)


def _whole_um(value_m: Floats) -> Floats:
    return np.rint(1e6 * value_m)


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
        self._blocks: deque[_Kept] = deque()
        self._before = (np.empty(0), np.empty(0))  # the last of the block before
        self._readings = 0
        self._seconds = 0.0
        self._missing_s = 0.0
        self._square_m2 = 0.0
        self._moving = 0  # readings while something moved

    def feed(self, samples: Sequence[Samples]) -> None:
        """Take new readings."""
        while self._blocks and self._blocks[0].last_us < self._blocks[-1].last_us - 1e6 * KEPT_S:
            self._blocks.popleft()
        for name, time_s, value in samples:
            if name == self._channel:
                self._newest.append((time_s, value))
                self._count += len(time_s)
        if self._count >= BLOCK:
            time_s, value = self._rest()
            whole = self._count - self._count % BLOCK
            for first in range(0, whole, BLOCK):
                part = slice(first, first + BLOCK)
                self._look(time_s[part], value[part])
                if self._metres:
                    self._blocks.append(_kept(time_s[part], value[part]))
            self._newest = [(time_s[whole:].copy(), value[whole:].copy())]
            self._count -= whole

    def noise_m(self, start_s: float, end_s: float) -> float | None:
        """Standard deviation of the readings about the motion; None: too few of them, or no lengths."""
        if not (self._metres and start_s < end_s):
            return None
        start_us, end_us = ceil(1e6 * start_s), ceil(1e6 * end_s)
        parts = [
            block.between(start_us, end_us)
            for block in self._blocks
            if block.last_us >= start_us and block.first_us < end_us
        ]
        time_s, value = self._rest()
        part = slice(*np.searchsorted(_whole_us(time_s), [start_us, end_us]))
        parts.append(_whole_um(value[part]))  # as if it had been kept: no cut is to change anything
        value_um = np.concatenate(parts)[:BLOCK]
        value_um = value_um[~np.isnan(value_um)]
        return 1e-6 * noise_of(value_um) if len(value_um) >= LEAST // 2 else None

    def quality(
        self, taken: int, repaired: int, spikes: int, *, below_reel: bool = False
    ) -> SignalQuality | None:
        """The quality so far; None with too few samples.

        taken, repaired, spikes: readings that the kernel used as they came, that it did not, and of those
        the ones that jumped. below_reel: the latest rep was lower over its reel than any bar hangs.
        """
        rest = copy(self)
        if self._count and self._readings < SOME_BLOCKS * BLOCK:
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
        time_s = np.concatenate((self._before[0], time_s))
        value = np.concatenate((self._before[1], value))
        if len(time_s) <= CARRY:
            self._before = time_s, value
            return
        new = len(time_s) - len(self._before[0])
        step_s = np.diff(time_s)[-new:]
        usual_s = float(np.sort(step_s)[len(step_s) // 2])
        long_s = step_s[step_s > max(GAP_S, GAP_INTERVALS * usual_s)]
        self._readings += len(step_s)
        self._seconds += float(step_s.sum())
        self._missing_s += float(long_s.sum()) - usual_s * len(long_s)
        if self._metres and float(value.max() - value.min()) >= MOVES_M:
            self._square_m2 += new * noise_of(value) ** 2
            self._moving += new
        self._before = time_s[-CARRY:], value[-CARRY:]


def noise_of(value: Floats) -> float:
    """Standard deviation of readings about the motion in them; more than CARRY of them, in a row."""
    step = value[1:] - value[:-1]
    bend = step[1:] - step[:-1]
    size = np.sort(np.abs(bend[2:] - 2.0 * bend[1:-1] + bend[:-2]))
    return float(size[: max(1, int(KEPT_SHARE * len(size)))].mean()) / OF_WHITE_NOISE


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
