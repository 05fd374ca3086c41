"""The path of a cable's handle, where the pull on the pulley is not even."""

import numpy as np
import pytest

RATE_HZ = 200.0
FREE_M, ELEVATION_RAD = 1.3, 0.25


@pytest.fixture(name="paths")
def make_paths(motion, counter):
    """Path deviations of straight pulls, and their uncertainties; the tension given by time and place."""

    def paths(pull, hangs=None):
        pulls = [(0.8, 0.6), (0.5, 0.0), (0.6, -0.6), (1.0, 0.0)] * 4
        time_s, s = motion((2.0, 0.0), *pulls, (2.0, 0.0), start_m=0.05, rate_hz=RATE_HZ)
        tension_n = pull(time_s, s)
        elevation_rad = np.full(s.size, ELEVATION_RAD)
        if hangs is not None:
            elevation_rad[hangs(time_s, s)] = -0.6  # as a cable hangs that nobody holds taut
        noise = np.random.default_rng(2).normal(0.0, 0.5, (2, s.size))
        rc = counter(
            "pulley", concentric_first=True, free_weight=False, free_length_m=FREE_M, sigma_pulley_n=0.5
        )
        found = rc.feed(
            [
                ("position_m", time_s, s),
                ("pulley_x_n", time_s, tension_n * np.cos(elevation_rad) + noise[0]),
                ("pulley_y_n", time_s, tension_n * (1.0 + np.sin(elevation_rad)) + noise[1]),
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
