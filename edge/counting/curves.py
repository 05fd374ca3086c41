"""The curve of a rep, out of the kernel's grid and what the low pulley's cell felt."""

import numpy as np
from numpy.typing import NDArray

from edge.counting.cells import Cells
from kernels import RepCounter, handle_path
from station.config import StationFile
from station.curve import CURVE_HZ, Curve, packed, slope

Floats = NDArray[np.float64]

MARGIN_S = 0.1  # before the start and behind the end: a phase begins and ends at rest
_GRID_S = 0.01
_PULLEY = ("pulley_x_n", "pulley_y_n")
_DECINEWTON_N = 100.0  # tension is packed in 0.1 N where a length is in 0.001 m
# At a standstill the direction of the pulley's friction is not known, and with it 0.7 degrees of the cable.
_MOVING_MPS = 0.05
_CELL_HALF = 4  # samples on either side that the pulley's force is averaged over, 0.18 s


def curve_of(
    counter: RepCounter, start_s: float, end_s: float, known_s: float, cells: Cells, station: StationFile
) -> Curve | None:
    """Place and path of a rep in session time, by what was known at `known_s`; None: no longer held.

    The path of a cable is the handle's horizontal distance from the low pulley, where it moves.
    """
    time_s, place, x_m, _ = counter.trace(max(0.0, start_s - MARGIN_S))
    count = int(np.searchsorted(time_s, min(end_s + MARGIN_S, known_s))) // 2
    if not count or time_s[0] > start_s + _GRID_S:
        return None
    begins_s = float(time_s[0]) + _GRID_S / 2
    place = _in_pairs(place, count)
    if counter.on_tension:
        return packed(begins_s, (place / _DECINEWTON_N).tolist(), None)
    if station.station.kind != "cable":
        return packed(begins_s, place.tolist(), _in_pairs(x_m, count).tolist())
    if not cells.heard(*_PULLEY) or station.geometry.free_length_m is None:
        return packed(begins_s, place.tolist(), None)
    handle_x_m = _handle_x(begins_s, place, known_s, cells, station)
    return packed(begins_s, place.tolist(), handle_x_m.tolist())


def _in_pairs(grid: Floats, count: int) -> Floats:
    """The grid's 100 Hz as CURVE_HZ."""
    return np.asarray(grid[: 2 * count].reshape(count, 2).mean(axis=1))


def _handle_x(begins_s: float, place: Floats, known_s: float, cells: Cells, station: StationFile) -> Floats:
    places = np.arange(len(place) + 2 * _CELL_HALF + 1, dtype=np.float64) - _CELL_HALF - 0.5
    edges_s = begins_s + places / CURVE_HZ
    x_n, y_n = (_smoothed(cells.means(name, edges_s, known_s)) for name in _PULLEY)
    rate_mps = CURVE_HZ * np.array(slope(place.tolist()))
    geometry = station.geometry
    x_m, _ = handle_path(
        place, x_n, y_n, np.sign(rate_mps), geometry.free_length_m or 0.0, geometry.pulley_efficiency
    )
    return np.where(np.abs(rate_mps) > _MOVING_MPS, x_m, np.nan)


def _smoothed(means_n: Floats) -> Floats:
    """A moving mean; where a reading is not yet known, over those that are."""
    known = np.isfinite(means_n)
    ones = np.ones(2 * _CELL_HALF + 1)
    number = np.convolve(known, ones, mode="valid")
    total = np.convolve(np.where(known, means_n, 0.0), ones, mode="valid")
    return np.where(number > 0.0, total / np.maximum(number, 1.0), np.nan)
