"""Counts to SI: the station file's calibration where it has one, otherwise what the board's hello says."""

import math
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
