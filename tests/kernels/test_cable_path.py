"""The path of a cable's handle, where the pull on the pulley is not even."""

import numpy as np
import pytest

from kernels import Resampler
from kernels._smooth import design
from tests.kernels.slow_rep import V0, SlowNoise, slow_reps

RATE_HZ = 200.0
FREE_M, ELEVATION_RAD = 1.3, 0.25


PULLEY_HALF, MOVING_MPS, SURELY = 20, 0.05, 3.0  # grid samples; faster, the friction has settled; sigmas


def slow_deviation(rep, start_s, end_s, pull_n, efficiency):
    """How far the handle strays from the line between its ends, m: of samples that surely move, as they come.

    rep: SlowRep; pull_n: of the pulley's axes on the grid, shape (2, n). R = T (cos e, sin e + k) is solved
    for e by bisection. The stack side's share k is efficiency on the way up and its inverse on the way
    down; about a turn as much of either as is in what is smoothed.
    """
    noise, taps = SlowNoise(rep), design(PULLEY_HALF)[0]
    first, last = rep.index(start_s), rep.index(end_s)
    around = np.arange(first - PULLEY_HALF, last + PULLEY_HALF + 1)
    pull_n = pull_n[:, rep.first + around]
    size_n = np.hypot(*pull_n)
    mean_n = np.mean(size_n[PULLEY_HALF:-PULLEY_HALF])
    pull_n = pull_n * np.minimum(1.0, mean_n / size_n)  # what is caught pulls many times the mean
    size_n = np.minimum(size_n, mean_n)
    at = np.clip(around, 0, rep.n - 1)
    noise_mps = np.array([noise.of_rate(i) for i in at])
    way = np.clip(rep.rate[at] / np.hypot(V0, np.sqrt(0.5 * np.pi) * noise_mps), -1.0, 1.0)
    x_n, y_n, pulled_n = (np.convolve(part, taps, mode="valid") for part in (*pull_n, size_n * way))
    way = np.clip(pulled_n / np.hypot(x_n, y_n), -1.0, 1.0)
    places = []
    for i in range(first, last + 1):
        if abs(rep.rate[i]) > max(MOVING_MPS, V0 + SURELY * noise.of_rate(i)):
            j = i - first
            to = efficiency if way[j] > 0.0 else 1.0 / efficiency
            share = 1.0 + abs(way[j]) * (to - 1.0)
            low, high = -0.5 * np.pi, 0.5 * np.pi
            for _ in range(60):
                middle = 0.5 * (low + high)
                steeper = y_n[j] * np.cos(middle) > x_n[j] * (np.sin(middle) + share)
                low, high = (middle, high) if steeper else (low, middle)
            reach_m = FREE_M + rep.place[i]
            places.append((rep.place[i], reach_m * np.cos(low), reach_m * np.sin(low)))
    travel_m, *handle_m = np.array(places).T
    handle_m = np.array(handle_m)
    bottom, top = handle_m[:, np.argmin(travel_m)], handle_m[:, np.argmax(travel_m)]
    along = (top - bottom) / np.hypot(*(top - bottom))
    return np.abs(along[0] * (handle_m[1] - bottom[1]) - along[1] * (handle_m[0] - bottom[0])).max()


@pytest.mark.parametrize("caught_n", [0.0, 3000.0])
@pytest.mark.parametrize(("efficiency", "noise_m"), [(1.0, 1e-4), (0.96, 1e-4), (0.96, 3e-3)])
def test_a_handle_strays_as_far_as_the_definition_makes_it(motion, counter, caught_n, efficiency, noise_m):
    """Down and up a way that bends, by noisy sensors; the stack is caught as it turns."""
    rng = np.random.default_rng(7)
    legs = [(1.3, -0.5), (0.4, 0.0), (0.9, 0.5), (0.8, 0.0)]
    time_s, s = motion((2.0, 0.0), *legs * 5, (1.0, 0.0), start_m=0.6, rate_hz=RATE_HZ)
    speed = np.gradient(s, time_s)
    elevation_rad = ELEVATION_RAD + 0.2 * (s - 0.1) - 0.05 * np.sin(5.0 * s) * (speed > 0.0)
    tension_n = 300.0 + 40.0 * np.sin(7.0 * time_s) + caught_n * (np.abs(s - 0.11) < 0.004) * (speed < 0.0)
    stack_side = efficiency ** np.clip(speed / 0.005, -1.0, 1.0)
    pull_n = tension_n * np.array([np.cos(elevation_rad), np.sin(elevation_rad) + stack_side])
    pull_n += rng.normal(0.0, 0.5, pull_n.shape)
    s = s + rng.normal(0.0, noise_m, s.size)
    rc = counter("pulley", free_weight=False, free_length_m=FREE_M, pulley_efficiency=efficiency)
    channels = ("position_m", s), ("pulley_x_n", pull_n[0]), ("pulley_y_n", pull_n[1])
    found = rc.feed([(name, time_s, value) for name, value in channels])
    reps = [one for one in found + rc.finish() if getattr(one, "kind", "") == "complete"]
    grid_n = []
    for part in pull_n:
        resampler = Resampler(1e9, 1e9, 1e3)
        resampler.push(time_s, part)
        grid_n.append(resampler.grid(0, resampler.newest + 1))
    slow = list(slow_reps(time_s, s, rc.trace(0.0)[1], reps))
    assert len(slow) == 3
    for rep, said in zip(slow, reps[1:-1], strict=True):
        expected_m = slow_deviation(rep, said.start_s, said.end_s, np.array(grid_n), efficiency)
        assert expected_m > 0.01
        assert said.path_deviation_m == pytest.approx(expected_m, rel=1e-9)


@pytest.fixture(name="paths")
def make_paths(motion, counter):
    """Path deviations of straight pulls, and their uncertainties; the tension given by time and place."""

    def paths(pull, hangs=None, *, cell_hz=RATE_HZ, efficiency=1.0, spoil=None, travel=None):
        pulls = [(0.8, 0.6), (0.5, 0.0), (0.6, -0.6), (1.0, 0.0)] * 4
        time_s, s = motion((2.0, 0.0), *pulls, (2.0, 0.0), start_m=0.05, rate_hz=RATE_HZ)
        tension_n = pull(time_s, s)
        elevation_rad = np.full(s.size, ELEVATION_RAD)
        if hangs is not None:
            elevation_rad[hangs(time_s, s)] = -0.6  # as a cable hangs that nobody holds taut
        stack_side = efficiency ** np.clip(np.gradient(s, time_s) / 0.005, -1.0, 1.0)
        noise = np.random.default_rng(2).normal(0.0, 0.5, (2, s.size))
        pull_n = [
            tension_n * np.cos(elevation_rad) + noise[0],
            tension_n * (stack_side + np.sin(elevation_rad)) + noise[1],
        ]
        read = np.arange(0, s.size, round(RATE_HZ / cell_hz))
        pull_n = [part[read] for part in pull_n]
        if spoil is not None:
            spoil(time_s[read], *pull_n)
        rc = counter(
            "pulley",
            concentric_first=True,
            free_weight=False,
            free_length_m=FREE_M,
            sigma_pulley_n=0.5,
            pulley_efficiency=efficiency,
        )
        found = rc.feed(
            [
                ("position_m", *(travel(time_s, s) if travel else (time_s, s))),
                ("pulley_x_n", time_s[read], pull_n[0]),
                ("pulley_y_n", time_s[read], pull_n[1]),
            ]
        )
        reps = [r for r in found + rc.finish() if getattr(r, "kind", "") == "complete"]
        return np.array([(rep.path_deviation_m, rep.path_deviation_sigma_m) for rep in reps])

    return paths


def test_a_straight_pull_is_straight(paths):
    deviation_m, sigma_m = paths(lambda time_s, s: np.full(s.size, 400.0)).T
    assert deviation_m.size == 4
    assert (deviation_m < 2.0 * sigma_m).all()


def test_a_stack_that_is_caught_bends_no_path(paths):
    def caught(time_s, s):
        """Less than half of the weight while it falls, ten times as much where it is stopped."""
        v = np.gradient(s, time_s)
        stops = (v < -0.05) & (s < 0.09)
        return np.where(stops, 4000.0, np.where(v < -0.3, 160.0, 400.0))

    deviation_m, sigma_m = paths(caught).T
    assert deviation_m.size == 4
    assert (deviation_m < 4.0 * sigma_m).all()


def test_a_cable_that_runs_slack_in_the_lowering_shows_no_path(paths):
    def falls(time_s, s):
        return np.gradient(s, time_s) < -1.2

    deviation_m, sigma_m = paths(lambda time_s, s: np.where(falls(time_s, s), 50.0, 500.0), falls).T
    assert deviation_m.size == 4
    assert np.isnan(deviation_m).all() and np.isnan(sigma_m).all()


def test_a_load_let_fall_on_the_cell_shifts_no_zero(paths):
    def fallen(time_s, s):
        """Slack before the set; then the whole stack hangs on the cable from one reading to the next."""
        return np.where(time_s < 1.0, 0.0, np.where(time_s < 1.3, 7000.0, 400.0))

    deviation_m, sigma_m = paths(fallen).T
    assert deviation_m.size == 4
    assert (deviation_m < 2.0 * sigma_m).all()


@pytest.mark.parametrize(("left", "seen"), [(0.17, False), (0.23, True)])
def test_a_cable_that_pulls_by_a_fifth_of_what_it_did_is_slack(paths, left, seen):
    def pull(time_s, s):
        return np.where(np.gradient(s, time_s) < -1.2, left * 500.0, 500.0)

    assert (np.isfinite(paths(pull)) == seen).all()


@pytest.mark.parametrize(("pull_n", "seen"), [(13.5, False), (20.5, True)])
def test_a_pull_whose_one_reading_says_the_place_within_5_cm_shows_a_path(paths, pull_n, seen):
    assert (np.isfinite(paths(lambda time_s, s: np.full(s.size, pull_n))) == seen).all()


@pytest.mark.parametrize("left", [0.5, 0.65, 0.78, 0.82, 0.86, 0.9])
def test_a_pull_that_is_braked_for_one_reading_bends_no_path(paths, left):
    """Were it a spike beyond some force, it would be one in the axis with the larger pull alone."""

    def spoil(time_s, x_n, y_n):
        at = np.searchsorted(time_s, (2.65, 5.55))
        x_n[at] *= left
        y_n[at] *= left

    deviation_m, sigma_m = paths(lambda time_s, s: np.full(s.size, 300.0), cell_hz=20.0, spoil=spoil).T
    assert deviation_m.size == 4
    assert (deviation_m < 3.0 * sigma_m).all()


def test_a_pull_that_is_largest_at_its_turn_bends_no_path(paths):
    """Friction goes one way before it and the other way after it, and both are in what is smoothed."""

    def turned(time_s, s):
        return 300.0 + 500.0 * np.exp(-(((s - 0.65) / 0.02) ** 2)) * (np.gradient(s, time_s) <= 0.0)

    deviation_m, sigma_m = paths(turned, cell_hz=20.0, efficiency=0.96).T
    assert deviation_m.size == 4
    assert (deviation_m < 3.0 * sigma_m).all()


@pytest.mark.parametrize("times", [0.0, 0.5, 2.0, 4.0, -50.0])
def test_a_reading_of_one_axis_that_is_nonsense_bends_no_path(paths, times):
    def spoil(time_s, x_n, y_n):
        for at_s in (2.4, 5.3):
            x_n[np.searchsorted(time_s, at_s)] *= times

    deviation_m, sigma_m = paths(lambda time_s, s: np.full(s.size, 400.0), cell_hz=20.0, spoil=spoil).T
    assert deviation_m.size == 4
    assert np.isfinite(deviation_m[2:]).all()
    assert not (deviation_m > 3.0 * sigma_m).any()


def test_a_cable_that_is_slack_for_one_reading_of_a_slow_cell_shows_no_path(paths):
    def spoil(time_s, x_n, y_n):
        at = np.searchsorted(time_s, (2.4, 5.3))
        x_n[at] = y_n[at] = 0.0

    deviation_m, _ = paths(lambda time_s, s: np.full(s.size, 400.0), cell_hz=20.0, spoil=spoil).T
    assert np.isnan(deviation_m).tolist() == [True, True, False, False]


@pytest.mark.parametrize(("rate_hz", "noise_m"), [(25.0, 0.002), (25.0, 0.004), (200.0, 0.0003)])
def test_a_rest_that_a_noisy_encoder_shows_as_motion_bends_no_path(paths, rate_hz, noise_m):
    """At a rest friction holds either way: by a pulley of 0.96 the handle would be read 30 mm aside."""

    def travel(time_s, s):
        read = slice(None, None, round(RATE_HZ / rate_hz))
        return time_s[read].copy(), s[read] + rng.normal(0.0, noise_m, s[read].size)

    found = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        found += list(paths(lambda time_s, s: np.full(s.size, 400.0), efficiency=0.96, travel=travel))
    deviation_m, sigma_m = np.array(found).T
    assert deviation_m.size == 40
    assert np.mean(deviation_m) < 0.021
    assert np.mean(deviation_m < 2.0 * sigma_m) > 0.8
    assert (deviation_m < 4.0 * sigma_m).all()
    assert np.mean(sigma_m) < 0.02  # nor so wide that it says nothing
