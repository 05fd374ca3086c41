"""How far out a smoother puts a boundary, as a second one tells it: a corner's, and a smooth onset's."""

import numpy as np
import pytest

from kernels._smooth import design
from tests.kernels.slow_rep import CARRIED_S, GRID_S, READ_AT, ROOT3, SMOOTH_OUT, V0

FINE_S = 0.001
TIME_S = np.arange(-1.0, 1.0, FINE_S)
QUICK_S, RANGE_M = 0.45, 0.5  # as fast as lifters get


def onset(shape):
    """The place of a phase that begins at 0, and the speed that its boundary is read at."""
    speed_mps = np.where((TIME_S > 0.0) & (TIME_S < QUICK_S), shape(TIME_S / QUICK_S), 0.0)
    speed_mps *= RANGE_M / (speed_mps.sum() * FINE_S)
    return np.cumsum(speed_mps) * FINE_S, READ_AT * speed_mps.max()


def smoothed(place_m, half):
    step = round(GRID_S / FINE_S)
    return sum(tap * np.roll(place_m, -(k - half) * step) for k, tap in enumerate(design(half)[1]))


def put_out(shape, half):
    """In half-widths: the difference that a second smoother makes to both readings, over the slope there."""
    place_m, level = onset(shape)
    other = half + half // 3 if half + half // 3 <= 32 else half - half // 3
    rate, wide = (smoothed(place_m, one) for one in (half, other))
    about = np.abs(TIME_S) < 0.6
    rising = about & (np.arange(TIME_S.size) <= np.argmax(np.where(about, rate, 0.0)))
    read_s, through_s = np.interp([level, 3.0 * level], rate[rising], TIME_S[rising])
    slope = 2.0 * (ROOT3 - 1.0) * level / (through_s - read_s)
    on = min((1.0 - np.sqrt(V0 / level)) / (ROOT3 - 1.0), CARRIED_S / (through_s - read_s))
    more = np.interp([read_s, through_s], TIME_S, wide - rate)
    return ((1.0 + on) * more[0] - on * more[1] / ROOT3) / slope / (other / half - 1.0) / (half * GRID_S)


@pytest.mark.parametrize("half", [6, 8, 11, 14, 18, 24, 32])
def test_what_a_third_of_a_corner_comes_out_by_is_not_taken_for_one(half):
    assert put_out(np.ones_like, half) == pytest.approx(3.0 * SMOOTH_OUT, rel=0.15)


@pytest.mark.parametrize("half", [6, 8])
def test_the_quickest_smooth_onset_comes_out_by_less_where_it_is_smoothed_least(half):
    assert 0.0 < put_out(lambda u: u * u * (1.0 - u) * (1.0 - u), half) < SMOOTH_OUT
