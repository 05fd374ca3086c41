"""Converts counts to SI: by the station file's calibration, otherwise by the board's hello.

And how a calibration is found: a straight line through the readings at known loads or lengths, refused with
the physical reason where the readings do not support one.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from station.config import StationFile
from station.errors import CalibrationError
from station.wire import Channel


class Scale(NamedTuple):
    """value = (counts - zero_counts) / counts_per_unit, in the unit the channel's name ends with."""

    zero_counts: float
    counts_per_unit: float

    def si(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Counts, float64, shape (n,), to SI; NaN stays NaN."""
        return (counts - self.zero_counts) / self.counts_per_unit


def check_calibration(station: StationFile) -> None:
    """Raise CalibrationError for a scale or zero in the station file that no sensor can have."""
    for name, entry in station.calibration.items():
        for key, number in (("counts_per_unit", entry.counts_per_unit), ("zero_counts", entry.zero_counts)):
            if number is not None and (not math.isfinite(number) or (key, number) == ("counts_per_unit", 0)):
                raise CalibrationError(
                    f"calibration.{name}.{key} is {number}; it must be a finite number"
                    f"{', not 0' if key == 'counts_per_unit' else ''}; calibrate the channel again"
                )


def own_scale(name: str, station: StationFile, usual: Scale | None) -> Scale | None:
    """The scale of a channel whose device announces nothing: each number from the station file if it stands
    there, otherwise from `usual`. None: the device prints numbers without a unit, and nobody has calibrated.
    """
    entry = station.calibration.get(name)
    counts_per_unit = entry.counts_per_unit if entry is not None else None
    if counts_per_unit is None and usual is None:
        return None
    zero, unit = usual if usual is not None else Scale(0.0, 1.0)
    return Scale(
        zero if entry is None or entry.zero_counts is None else entry.zero_counts,
        unit if counts_per_unit is None else counts_per_unit,
    )


def scale_of(channel: Channel, station: StationFile) -> Scale:
    """The scale of one channel, each of its two numbers from the station file if it stands there."""
    entry = station.calibration.get(channel.name)
    zero_counts = entry.zero_counts if entry is not None else None
    counts_per_unit = entry.counts_per_unit if entry is not None else None
    return Scale(
        channel.zero_counts if zero_counts is None else zero_counts,
        channel.counts_per_unit if counts_per_unit is None else counts_per_unit,
    )


MIN_READINGS = 10
# In a channel's unit, one standard deviation of a reading of a sensor that is well: 1 N, half a millimetre, a
# tenth of a degree. Ten times that is trouble; a span below twenty times says more of noise than of scale.
USUAL_NOISE = {"n": 1.0, "m": 0.0005, "rad": 0.0017}
NOISY, SPAN = 10.0, 20.0
MAX_DRIFT = 0.005  # of the span, within one reading: a cell that warms up, a load that swings
MAX_RESIDUAL = 0.01  # of the span: the sum of a wrong plate, a bent cell, a rope that rubs


class Point(NamedTuple):
    """The readings at one known load, length or angle.

    reference: in the channel's unit; label: the same for people, "20 kg".
    counts: float64, shape (n,), oldest first; NaN = no value. saturated: how many lay at the range's end.
    """

    reference: float
    label: str
    counts: NDArray[np.float64]
    saturated: int = 0


class Fit(NamedTuple):
    """An accepted calibration.

    counts: the median reading at each point; residuals: what it is off the line, in the channel's unit;
    noise: one standard deviation of a reading, in the channel's unit.
    """

    scale: Scale
    counts: NDArray[np.float64]
    residuals: NDArray[np.float64]
    noise: float


def fit_scale(points: Sequence[Point], unit: str, sign: int = 0) -> Fit:
    """The line through the points, the tare first.

    unit: "n", "m" or "rad". sign: +1 or -1 where it is known which way the counts go, 0 where it is not.
    Raises CalibrationError with the physical reason where there is no such line.
    """
    if len(points) < 2:
        raise CalibrationError("a calibration needs two points or more: the tare and a known load or length")
    for point in points:
        _check_readings(point)
    reference = np.array([point.reference for point in points])
    counts = np.array([float(np.nanmedian(point.counts)) for point in points])
    noise_counts = max(_noise(point.counts) for point in points)
    order = np.argsort(reference)
    for a, b in pairwise(order.tolist()):
        if reference[a] == reference[b]:
            raise CalibrationError(
                f"{points[a].label} was given twice; every point needs another load or length"
            )
        if abs(counts[a] - counts[b]) <= 3.0 * _noise_between(points[a].counts, points[b].counts):
            raise CalibrationError(
                f"identical readings at {points[a].label} and {points[b].label}"
                f" ({counts[a]:g} and {counts[b]:g} counts): "
                "the sensor does not see it; check that it is mounted, loaded and wired"
            )
    slope, zero = (float(number) for number in np.polyfit(reference, counts, 1))
    span = float(np.ptp(reference))
    noise = noise_counts / abs(slope) if slope else math.inf
    usual = USUAL_NOISE[unit]
    _check_direction(points, order.tolist(), counts, sign)
    if span < SPAN * usual or np.ptp(counts) < SPAN * noise_counts <= SPAN * NOISY * usual * abs(slope):
        raise CalibrationError(
            f"{points[int(order[-1])].label} is too close to tare: {np.ptp(counts):.0f} counts away, and a "
            f"reading is uncertain by {noise_counts:.0f}; use a heavier load or a longer pull"
        )
    if noise > NOISY * usual:
        raise CalibrationError(
            f"noisy: a reading varies by {noise:.3g} {_unit_name(unit)}, a sensor that is well by {usual:g}; "
            "let the load come to rest; check for a loose wire, a missing shield or vibration"
        )
    for point in points:
        drift = _drift(point.counts)
        if abs(drift) > MAX_DRIFT * np.ptp(counts) and abs(drift) > 4.0 * _noise_of_third(point.counts):
            raise CalibrationError(
                f"drifting: the reading at {point.label} moved by {drift / slope:+.3g} {_unit_name(unit)} "
                "while it was taken; let the load hang still, and the cell warm up for ten minutes"
            )
    residuals = (counts - zero) / slope - reference
    worst = int(np.argmax(np.abs(residuals)))
    if abs(residuals[worst]) > MAX_RESIDUAL * span:
        raise CalibrationError(
            f"not a straight line: {points[worst].label} is off by {residuals[worst]:+.3g}"
            f" {_unit_name(unit)}; was the load or length right? does something rub, or touch the cell?"
        )
    return Fit(Scale(zero, slope), counts, residuals, noise)


def _check_readings(point: Point) -> None:
    seen = int(np.count_nonzero(~np.isnan(point.counts)))
    if point.saturated:
        raise CalibrationError(
            f"saturated: {point.saturated} readings at {point.label} are at the end of the converter's range;"
            " use a lighter load, or a cell or gain with more range; check for a broken wire"
        )
    if seen < MIN_READINGS:
        raise CalibrationError(
            f"only {seen} readings at {point.label}; need {MIN_READINGS}: is the device still sending?"
        )


def _check_direction(
    points: Sequence[Point], order: Sequence[int], counts: NDArray[np.float64], sign: int
) -> None:
    steps = np.sign(np.diff(counts[list(order)]))
    if (steps != steps[0]).any():
        index = int(np.argmax(steps != steps[0]))
        raise CalibrationError(
            f"sign reversed between {points[order[index]].label} and {points[order[index + 1]].label}: the "
            "counts turn back; is the load on a stop, or was a point taken in the wrong order?"
        )
    if sign and steps[0] != sign:
        raise CalibrationError(
            "sign reversed: more load or length gives fewer counts; the cell is upside down or its signal"
            " wires are swapped (encoder: A and B); mend it, or accept it with --reversed"
        )


def _noise(counts: NDArray[np.float64]) -> float:
    """One standard deviation from reading to reading; robust against spikes, blind to drift."""
    steps = np.abs(np.diff(counts[~np.isnan(counts)]))
    return 1.4826 * float(np.median(steps)) / math.sqrt(2.0)  # of a normal distribution's median deviation


def _drift(counts: NDArray[np.float64]) -> float:
    """How far the last third of the readings lies from the first."""
    seen = counts[~np.isnan(counts)]
    third = len(seen) // 3
    return float(np.median(seen[-third:]) - np.median(seen[:third]))


def _noise_between(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """One standard deviation of the difference of two medians; 1.25: a median's against a mean's."""
    return 1.25 * math.hypot(
        *(_noise(part) / math.sqrt(np.count_nonzero(~np.isnan(part))) for part in (a, b))
    )


def _noise_of_third(counts: NDArray[np.float64]) -> float:
    """One standard deviation of `_drift` where nothing drifts; 1.25: a median's against a mean's."""
    third = np.count_nonzero(~np.isnan(counts)) // 3
    return 1.25 * math.sqrt(2.0) * _noise(counts) / math.sqrt(third)


def _unit_name(unit: str) -> str:
    return "N" if unit == "n" else unit
