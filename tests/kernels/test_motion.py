import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import Resampler
from kernels._smooth import design

GRID_S = 0.01


def slow_grid(time_s, value, last):
    """Mean of the straight lines between samples over every whole bin, by brute force."""
    fine = np.linspace(0.0, 1.0, 2001)
    grid = np.full(last, np.nan)
    for k in range(int(time_s[0] / GRID_S) + 1, last):
        at = (k + fine) * GRID_S
        if at[-1] <= time_s[-1]:
            grid[k] = np.trapezoid(np.interp(at, time_s, value), fine)
    return grid


def uneven(rng, n=400, mean_s=0.007):
    time_s = np.cumsum(rng.uniform(0.2 * mean_s, 1.8 * mean_s, n))
    return time_s, 0.9 + 0.2 * np.sin(2.0 * time_s) + rng.normal(0.0, 2e-4, n)


def resampled(time_s, value, last):
    resampler = Resampler(6.0, 50.0, 0.01)
    resampler.push(time_s, value)
    return resampler.grid(0, last)


@pytest.mark.parametrize("mean_s", [0.001, 0.007, 0.022, 0.05])
def test_grid_is_the_mean_of_the_lines_between_samples(mean_s):
    time_s, value = uneven(np.random.default_rng(1), mean_s=mean_s)
    last = int(time_s[-1] / GRID_S)
    np.testing.assert_allclose(
        resampled(time_s, value, last), slow_grid(time_s, value, last), atol=2e-6, equal_nan=True
    )


@given(cuts=st.lists(st.integers(0, 400), max_size=8))
def test_grid_does_not_depend_on_how_the_stream_is_cut(cuts):
    time_s, value = uneven(np.random.default_rng(2))
    value[100] += 0.3
    value[200:] += 0.25
    whole = resampled(time_s, value, 300)
    pieces = Resampler(6.0, 50.0, 0.01)
    for t, v in zip(np.split(time_s, sorted(cuts)), np.split(value, sorted(cuts)), strict=True):
        pieces.push(t, v)
    np.testing.assert_array_equal(pieces.grid(0, 300), whole)


def test_nothing_one_sample_and_only_nan_give_an_empty_grid():
    for time_s in (np.empty(0), np.array([1.0]), np.array([1.0, 2.0, 3.0])):
        assert np.isnan(resampled(time_s, np.full(time_s.size, np.nan), 400)).all()
    assert np.isnan(resampled(np.array([1.0]), np.array([0.5]), 400)).all()


def test_a_constant_stays_what_it_is():
    grid = resampled(np.arange(0.0, 2.0, 0.013), np.full(154, 0.7), 199)
    np.testing.assert_allclose(grid[1:-1], 0.7)


@pytest.mark.parametrize("size_m", [0.05, -0.3, 20.0])
def test_a_spike_is_dropped_and_counted(size_m):
    time_s = np.arange(0.0, 3.0, 0.005)
    value = 0.8 + 0.1 * np.sin(3.0 * time_s)
    clean = resampled(time_s, value, 299)
    value[300] += size_m
    resampler = Resampler(6.0, 50.0, 0.01)
    resampler.push(time_s, value)
    assert resampler.spikes == 1
    np.testing.assert_allclose(resampler.grid(1, 299), clean[1:], atol=1e-4)


@pytest.mark.parametrize("at", ["the start", "the end of a gap"])
def test_a_spike_with_nothing_before_it_is_no_shift_of_the_zero(at):
    time_s = np.arange(400) * 0.04
    value = 1.0 + 0.2 * np.sin(time_s)
    there = np.ones(400, bool) if at == "the start" else (np.arange(400) < 200) | (np.arange(400) > 212)
    first = 0 if at == "the start" else 213
    spiked = value.copy()
    spiked[first] += 0.7
    resampler = Resampler(6.0, 50.0, 0.01)
    resampler.push(time_s[there], spiked[there])
    assert (resampler.spikes, resampler.shifts) == (1, 0)
    np.testing.assert_allclose(
        resampler.grid(900, 1500), 1.0 + 0.2 * np.sin((np.arange(900, 1500) + 0.5) / 100.0), atol=2e-3
    )


@pytest.mark.parametrize("rate_hz", [45.0, 200.0])
def test_spikes_in_a_row_are_dropped_each(rate_hz):
    time_s = np.arange(0.0, 6.0, 1.0 / rate_hz)
    value = 0.8 + 0.2 * np.sin(2.0 * time_s)
    clean = resampled(time_s, value, 590)
    for first, sizes in ((50, (0.4, -0.3)), (120, (0.35, -0.45, 0.2)), (180, (-0.3, 0.5))):
        value[first : first + len(sizes)] += sizes
    resampler = Resampler(6.0, 50.0, 0.01)
    resampler.push(time_s, value)
    assert (resampler.spikes, resampler.shifts) == (7, 0)
    np.testing.assert_allclose(resampler.grid(1, 590), clean[1:], atol=0.004)


def test_a_shift_of_the_zero_is_taken_out_and_counted():
    time_s = np.arange(0.0, 3.0, 0.005)
    value = 0.8 + 0.1 * np.sin(3.0 * time_s)
    clean = resampled(time_s, value, 299)
    value[300:] += 0.2
    resampler = Resampler(6.0, 50.0, 0.01)
    resampler.push(time_s, value)
    assert resampler.shifts == 1
    np.testing.assert_allclose(resampler.grid(1, 299), clean[1:], atol=1e-3)


@pytest.mark.parametrize("every", [2, 3])
def test_readings_sent_again_while_the_bar_moves_on_are_dropped(every):
    time_s = np.arange(0.0, 3.0, 0.022)
    place = 0.8 + 0.2 * np.cos(2.0 * time_s)  # from rest, where the resolution is learnt
    held = place.copy()
    held[every::every] = held[every - 1 :: every][: held[every::every].size]
    grid = Resampler(6.0, 50.0, 0.01)
    grid.push(time_s, held)
    assert grid.stale > 30
    clean = resampled(time_s, place, 290)

    assert np.nanmax(np.abs(grid.grid(1, 290) - clean[1:])) < 0.003


def test_repeats_of_a_coarse_sensor_at_rest_are_kept():
    time_s = np.arange(0.0, 3.0, 0.02)
    grid = Resampler(6.0, 50.0, 0.01)
    grid.push(time_s, np.where(time_s < 1.5, 0.800, 0.803))
    assert grid.stale == 0
    np.testing.assert_allclose(grid.grid(1, 148), 0.800)


def test_repeated_and_falling_times_are_counted_and_change_nothing():
    time_s = np.arange(0.0, 2.0, 0.01)
    value = np.sin(time_s)
    order = np.sort(np.r_[np.arange(200), [50, 50, 120]])
    resampler = Resampler(6.0, 50.0, 0.01)
    resampler.push(time_s[order], value[order])
    assert resampler.disordered == 3
    np.testing.assert_array_equal(resampler.grid(0, 190), resampled(time_s, value, 190))


def test_a_gap_is_not_bridged():
    time_s = np.r_[np.arange(0.0, 1.0, 0.01), np.arange(2.0, 3.0, 0.01)]
    resampler = Resampler(6.0, 50.0, 0.01)
    resampler.push(time_s, np.ones(200))
    grid = resampler.grid(1, 298)
    assert resampler.gaps == 1
    assert np.isnan(grid[100:198]).all()
    assert np.isfinite(grid[:97]).all()
    assert np.isfinite(grid[201:]).all()


@pytest.mark.parametrize("half", [3, 6, 8, 14, 32])
def test_smoothers_are_exact_for_constant_jerk(half):
    t = np.arange(-half, half + 1) * GRID_S
    place, rate, curve = design(half)
    motion = 0.3 + 0.7 * t - 1.1 * t**2 + 2.0 * t**3
    assert place @ motion == pytest.approx(0.3)
    assert rate @ motion == pytest.approx(0.7)
    assert curve @ motion == pytest.approx(-2.2)


@pytest.mark.parametrize("half", [3, 6, 8, 14, 32])
def test_smoothers_fit_what_is_no_cubic_as_least_squares_under_their_weights_do(half):
    grid = np.arange(-half, half + 1)
    place_m = np.random.default_rng(half).standard_normal(2 * half + 1)
    weights = (1.0 - np.abs(grid / (half + 1.0)) ** 3) ** 3
    _, curve, rate, place = np.polyfit(grid * GRID_S, place_m, 3, w=np.sqrt(weights))
    assert design(half) @ place_m == pytest.approx([place, rate, 2.0 * curve])


def test_a_smoother_outside_the_ladder_is_refused_with_both_values():
    with pytest.raises(ValueError, match="need 3 <= half <= 32, got 33"):
        design(33)
