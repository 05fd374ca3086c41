"""The curve of a rep: its place, and the bar's or the handle's path, packed to travel with it.

Whole millimetres say a motion to a third of one, less than any sensor here errs by, in a quarter of the bytes
of JSON numbers. Velocity is not carried: it is the slope of the place.
"""

import math
import struct
from collections.abc import Sequence

import msgspec

CURVE_HZ = 50.0  # ten samples of the fastest voluntary motion's period, 5 Hz
MOST_BYTES = 2048  # as JSON
NO_VALUE = -32768
_AROUND_BYTES = 80  # of the JSON beside the samples
_MM_PER_M = 1000.0
_SLOPE_HALF = 4  # samples on either side of a velocity: a quadratic over 0.18 s at 50 Hz
_MOST_SAMPLES = (MOST_BYTES - _AROUND_BYTES) * 3 // 8  # base64 writes 3 bytes as 4 signs


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """A rep's motion at even times; in JSON the samples are base64 of little-endian int16.

    Raises ValueError for samples that are no whole numbers of 16 bits, or whose counts differ.
    """

    hz: float  # CURVE_HZ; of a rep too long for MOST_BYTES a whole part of it
    start_s: float  # session time of the first sample
    s_mm: bytes  # the motion coordinate, mm; on tension alone 0.1 N
    x_mm: bytes | None = None  # horizontal place of bar or handle; None: not seen

    def __post_init__(self) -> None:
        """Check what came from outside."""
        if not 0.0 < self.hz <= CURVE_HZ:
            raise ValueError(f"a curve of {self.hz:g} Hz; expected above 0, at most {CURVE_HZ:g}")
        if len(self.s_mm) % 2 or len(self.s_mm) > 2 * _MOST_SAMPLES:
            raise ValueError(f"a curve of {len(self.s_mm)} bytes; expected two a sample")
        if self.x_mm is not None and len(self.x_mm) != len(self.s_mm):
            raise ValueError(f"a curve of {len(self.s_mm)} bytes with a path of {len(self.x_mm)}")

    @property
    def time_s(self) -> list[float]:
        """Session time of each sample."""
        return [self.start_s + number / self.hz for number in range(len(self.s_mm) // 2)]

    @property
    def place(self) -> list[float]:
        """The motion coordinate, m (tension: 100 N), of each sample; NaN is no value."""
        return _unpacked(self.s_mm)

    @property
    def x_m(self) -> list[float] | None:
        """Horizontal place, m, of each sample; NaN is no value. None: this station does not see it."""
        return None if self.x_mm is None else _unpacked(self.x_mm)

    @property
    def velocity(self) -> list[float]:
        """Slope of the place, a second, at each sample, by least squares."""
        return [self.hz * rise for rise in slope(self.place)]


def packed(start_s: float, place: Sequence[float], x_m: Sequence[float] | None) -> Curve:
    """A curve of samples at CURVE_HZ, thinned out where it would be longer than MOST_BYTES.

    Parameters
    ----------
    start_s : session time of the first sample
    place, x_m : a value a sample, metres; NaN is no value. `x_m` without any value is None.
    """
    seen = x_m if x_m is not None and any(map(math.isfinite, x_m)) else None
    most = _MOST_SAMPLES // (1 if seen is None else 2)
    step = max(1, math.ceil(len(place) / most))
    return Curve(
        hz=CURVE_HZ / step,
        start_s=round(start_s, 3),
        s_mm=_packed(place[::step]),
        x_mm=None if seen is None else _packed(seen[::step]),
    )


def slope(values: Sequence[float]) -> list[float]:
    """Rise a sample, by least squares over `_SLOPE_HALF` samples on either side.

    Towards an end it is taken over as many as there are on both sides, at the end itself to the neighbour.
    """
    n = len(values)
    if n < 2:
        return [0.0] * n
    found = [values[1] - values[0]]
    for at in range(1, n - 1):
        half = min(_SLOPE_HALF, at, n - 1 - at)
        rise = sum(k * (values[at + k] - values[at - k]) for k in range(1, half + 1))
        found.append(3.0 * rise / (half * (half + 1) * (2 * half + 1)))
    return [*found, values[-1] - values[-2]]


def _packed(values_m: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(values_m)}h", *map(_millimetres, values_m))


def _millimetres(metres: float) -> int:
    mm = _MM_PER_M * metres
    return round(mm) if abs(mm) < -NO_VALUE - 0.5 else NO_VALUE  # also the way of NaN


def _unpacked(samples: bytes) -> list[float]:
    told = struct.unpack(f"<{len(samples) // 2}h", samples)
    return [math.nan if mm == NO_VALUE else mm / _MM_PER_M for mm in told]
