"""Plausibility checks of a recording: refused with the unit that was probably meant.

One number in a hundred that is wrong is the business of the kernels, which repair it. Here the whole is
looked at: a unit that is mistaken is mistaken in every row.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.link.columns import KNOWN, Column
from station.errors import TableError

Floats = NDArray[np.float64]

SLOWEST_STEP_S = 0.4  # a rep's concentric lasts about one second: slower samples hold no rep
FASTEST_STEP_S = 1.5e-4  # the fastest of the devices sends one a millisecond
LONGEST_RANGE_M = 3.2  # from the floor to overhead a tall lifter has 2.6 m
FARTHEST_M = 5.0  # the longest units pull out 4
FASTEST_MPS = 12.0  # a bar dropped from overhead arrives with 7
FASTEST_UP_MPS = 5.0  # the fastest throws reach 4
LEAST_WINDOW_S = 0.02  # noise over the jitter of two samples is no speed
STEEPEST_RAD = np.pi / 2  # a tether beyond it would hang upwards
STRONGEST_N = 50_000.0  # five tonnes
INCH_M = 0.0254
LEAST_RANGE_M = 0.09  # less in a whole recording is nobody's rep: the least range of any exercise is 0.10
NOTHING_MEANT = "; check the unit"


def check_plausible(time_s: Floats, channels: Mapping[str, Floats], columns: Sequence[Column]) -> None:
    """Raise TableError for numbers that cannot be in the unit their column says.

    time_s: float64, shape (n,), rising. channels: float64, shape (n,), SI, NaN where there is no sample.
    """
    if len(time_s) < 3:
        return
    by_channel = {column.channel: column for column in columns}
    step_s = float(np.median(np.diff(time_s)))
    clock = by_channel["time_s"]
    if step_s >= SLOWEST_STEP_S:
        raise TableError(
            f"{clock.name}: {step_s:g} s from sample to sample is too slow for any rep"
            f"{_meant(clock, step_s, 1e-3, 0.2)}"
        )
    if step_s < FASTEST_STEP_S:
        raise TableError(
            f"{clock.name}: {step_s:g} s from sample to sample is faster than any sensor"
            f"{_meant(clock, step_s, 1e-3, 0.2)}"
        )
    for channel, values in channels.items():
        there = ~np.isnan(values)
        if there.sum() >= 5:
            _check_channel(by_channel[channel], time_s[there], _despiked(values[there]))


def _check_channel(column: Column, time_s: Floats, values: Floats) -> None:
    name, unit = column.name, column.channel.rpartition("_")[2]
    farthest = float(np.max(np.abs(values)))
    if unit == "rad" and farthest > STEEPEST_RAD:
        meant = _meant(column, farthest, 0.0, STEEPEST_RAD)
        raise TableError(f"{name}: a tether tilted by {farthest:.3g} rad{meant}")
    if unit == "n" and farthest > STRONGEST_N:
        raise TableError(
            f"{name}: {farthest:.3g} N is more than any cell here carries; are these the converter's counts?"
            " A recording holds newtons, kgf or lbf"
        )
    if unit != "m":
        return
    span_m = float(np.ptp(values))
    if span_m > LONGEST_RANGE_M:
        raise TableError(
            f"{name}: a range of {span_m:.3g} m is longer than any tether{_meant(column, span_m, 0.1, 2.6)}"
        )
    if farthest > FARTHEST_M:
        raise TableError(
            f"{name}: {farthest:.3g} m is longer than any tether{_meant(column, farthest, 0.1, 3.0)}"
        )
    if _too_fast(time_s, values):
        raise TableError(
            f"{name}: it rises at more than {FASTEST_UP_MPS:g} m/s or falls at more than {FASTEST_MPS:g}"
            " again and again, as no bar does; check its unit and that of the time"
        )
    smooth = float(np.mean(np.abs(np.diff(values)))) < span_m / 20.0
    if column.unit != "m" and 0.0 < span_m < LEAST_RANGE_M and smooth:
        meant = _meant(column, span_m, LEAST_RANGE_M, 2.6)
        if meant != NOTHING_MEANT:
            raise TableError(
                f"{name}: it moves smoothly by {span_m * 1000.0:.2g} mm in all, less than any rep{meant}"
            )


def _too_fast(time_s: Floats, values: Floats) -> bool:
    """Whether it is faster than any bar in several places: a tether unit kicked aside is, in one."""
    stride = max(1, int(np.ceil(LEAST_WINDOW_S / max(1e-9, float(np.median(np.diff(time_s)))))))
    speed_mps = np.diff(values[::stride]) / np.diff(time_s[::stride])
    return int(((speed_mps > FASTEST_UP_MPS) | (speed_mps < -FASTEST_MPS)).sum()) >= 4


def _despiked(values: Floats) -> Floats:
    """Each value by the median of five: two wrong ones in a row do not show."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(values, 2, mode="edge"), 5)
    return np.median(windows, axis=1)


def _meant(column: Column, seen_si: float, least: float, most: float) -> str:
    """The other units of this channel in which what was seen would be plausible, and what it would be."""
    raw = seen_si * column.per_si
    symbol = column.channel.rpartition("_")[2]
    units = {one.unit: 1.0 / one.per_si for one in KNOWN.values() if one.channel == column.channel}
    fits = {unit: raw * si for unit, si in units.items() if unit != column.unit and least <= raw * si <= most}
    said = [
        f"name it {column.channel.rpartition('_')[0]}_{unit} if it is in {unit} ({value:.3g} {symbol})"
        for unit, value in fits.items()
    ]
    if symbol == "m" and least <= raw * INCH_M <= most:
        said.append(f"multiply by 2.54 and name it position_cm if it is in inches ({raw * INCH_M:.3g} m)")
    return "; " + ", ".join(said) if said else NOTHING_MEANT
