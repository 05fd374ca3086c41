"""A zero that jumps is taken out, and the path is back once the bar has rested; what glides back was none."""

from itertools import pairwise

import numpy as np
import pytest

from kernels import CHANNELS, Measured, RepCounter, Resampler

POSITION, SECOND, TILT = (CHANNELS.index(name) for name in ("position_m", "position_2_m", "tether_angle_rad"))


def reps_of(found):
    return [one for one in found if isinstance(one, Measured) and one.kind == "complete"]


def held_aside(time_s, s, at_s, by_m, held_s=0.15, back_s=0.3):
    """The reading jumps and glides back: a tether caught and let go."""
    since = time_s - at_s
    off = np.where(since < held_s, by_m, by_m * (1.0 - (since - held_s) / back_s))
    return s + np.where((since >= 0.0) & (since < held_s + back_s), off, 0.0)


@pytest.mark.parametrize("rate_hz", [20.0, 100.0, 1000.0])
@pytest.mark.parametrize("by_m", [-0.5, 0.5, 0.25])
def test_the_height_after_a_jump_that_returns_gradually_is_the_height_before_it(
    motion, rdl, counter, rate_hz, by_m
):
    time_s, s = motion(*rdl(3), (6.0, 0.0), *rdl(3), rate_hz=rate_hz)
    clean, spoilt = counter("one-tether"), counter("one-tether")
    wanted = reps_of(clean.push(POSITION, time_s, s) + clean.finish())
    at_s = wanted[2].end_s + 4.0
    found = reps_of(spoilt.push(POSITION, time_s, held_aside(time_s, s, at_s, by_m)) + spoilt.finish())
    assert [rep.top for rep in found] == pytest.approx([rep.top for rep in wanted], abs=0.003)
    assert spoilt.adrift is None
    assert spoilt.spikes[1] == 0


def test_a_step_between_sets_costs_no_path_once_the_bar_has_rested(motion, rdl, counter):
    time_s, s = motion(*rdl(3), (6.0, 0.0), *rdl(3), start_m=1.0)
    stepped = s + np.where(time_s > time_s[-1] / 2.0, 0.3, 0.0)
    counted = counter("tilt")
    found = counted.push(TILT, time_s, 0.02 * s) + counted.push(POSITION, time_s, stepped)
    reps = reps_of(found + counted.finish())
    assert len(reps) == 6
    assert [rep.size for rep in reps] == pytest.approx([0.4] * 6, abs=0.01)
    assert not any(np.isnan(rep.path_deviation_m) for rep in reps)
    assert counted.spikes == (0, 1)
    assert counted.adrift is None


def test_a_step_in_a_rep_costs_that_rep_s_path_and_is_said_meanwhile(motion, rdl, counter):
    time_s, s = motion(*rdl(5))
    half = time_s > 8.0
    counted = counter("tilt")
    counted.push(TILT, time_s, 0.02 * s)
    found = counted.push(POSITION, time_s[time_s < 8.2], (s + 0.3 * half)[time_s < 8.2])
    channel, step = counted.adrift
    assert (channel, round(step, 2)) == ("position_m", 0.3)
    rest = time_s >= 8.2
    found += counted.push(POSITION, time_s[rest], (s + 0.3 * half)[rest])
    paths = [np.isnan(rep.path_deviation_m) for rep in reps_of(found + counted.finish())]
    assert True in paths
    assert not paths[0]
    assert counted.adrift is None
    assert not paths[-1], "the bar has rested at a lockout"


def test_a_lift_as_high_as_the_jump_does_not_put_it_back(motion):
    """The bar is lifted by what the zero fell, but not within a second."""
    time_s, s = motion((3.0, 0.0), (1.4, 0.5), (2.0, 0.0), (1.5, -0.5), (2.0, 0.0), rate_hz=100.0)
    resampler = Resampler(6.0, 30.0, 0.010)
    resampler.push(time_s, s - np.where(time_s >= 2.9, 0.5, 0.0))
    assert resampler.shifts == 1
    grid = resampler.grid(20, int(time_s[-1] * 100) - 10)
    assert np.nanmax(np.abs(np.diff(grid))) < 0.02


@pytest.mark.parametrize("seed", range(4))
def test_shifts_and_returns_do_not_depend_on_how_the_stream_is_cut(motion, rdl, counter, seed):
    rng = np.random.default_rng(seed)
    time_s, s = motion(*rdl(2), (5.0, 0.0), *rdl(2))
    s = s + rng.normal(0.0, 3e-4, s.size)
    s = held_aside(time_s, s, float(rng.uniform(3.0, time_s[-1] - 3.0)), 0.4)
    s = s + np.where(time_s > rng.uniform(3.0, time_s[-1] - 3.0), -0.3, 0.0)

    def run(edges):
        counted = counter("tilt", tick_s=0.1)
        out = []
        for a, b in pairwise(edges):
            out += counted.push(TILT, time_s[a:b], 0.02 * s[a:b]) + counted.push(
                POSITION, time_s[a:b], s[a:b]
            )
        return [repr(tuple(row)) for row in out + counted.finish()], counted.spikes, counted.adrift

    whole = run([0, s.size])
    for _ in range(6):
        assert run(sorted({0, s.size, *rng.integers(0, s.size, 9).tolist()})) == whole


def test_a_counter_says_how_much_it_used_as_it_came(motion, rdl):
    time_s, s = motion(*rdl(2))
    s = s.copy()
    s[[300, 500, 700]] += 0.5
    counted = RepCounter("travel", concentric_first=False, free_weight=True, min_range=0.1)
    counted.push(POSITION, time_s, s)
    taken, repaired = counted.taken
    assert repaired == 3
    assert taken == pytest.approx(s.size - 3, abs=40)  # what repeats at rest is one


@pytest.mark.parametrize(
    ("layout", "off_m"), [("one-tether", -0.15), ("one-tether", -0.5), ("two-tethers", -0.3)]
)
def test_a_zero_so_far_off_that_the_bar_seems_below_its_reel_costs_lengths_and_no_rep(
    motion, rdl, counter, layout, off_m
):
    """It slipped before anybody looked, or was set with the bar at rest and not with its tether in."""
    time_s, s = motion(*rdl(4), start_m=0.65)
    anchor_m, anchor_2_m = (0.06, 0.08), (-0.5, 0.08)
    wanted, found = [], []
    for zero_m, reps in ((0.0, wanted), (off_m, found)):
        counted = counter(layout, anchor_m=anchor_m, anchor_2_m=anchor_2_m)
        if layout == "two-tethers":
            counted.push(SECOND, time_s, np.hypot(anchor_2_m[0], s - anchor_2_m[1]))
        said = counted.push(POSITION, time_s, np.hypot(anchor_m[0], s - anchor_m[1]) + zero_m)
        reps.extend(reps_of(said + counted.finish()))
        assert counted.below_reel == (zero_m < 0.0)
    assert len(found) == len(wanted) == 4
    for rep, true in zip(found, wanted, strict=True):
        assert true.size_sigma < 0.01
        assert rep.concentric_s == pytest.approx(true.concentric_s, abs=0.1)
        for name in ("size_sigma", "mean_concentric_velocity_mps", "peak_eccentric_velocity_mps"):
            assert np.isnan(getattr(rep, name)), name


@pytest.mark.parametrize(
    ("rate_hz", "by_m"), [(25.0, -0.11), (25.0, 0.11), (40.0, -0.073), (40.0, 0.073), (80.0, 0.049)]
)
def test_a_zero_that_slips_in_mid_lift_of_a_slow_sensor_moves_no_number(motion, rdl, counter, rate_hz, by_m):
    """3 m/s for one interval, and then as slow as before it: no bar does that, though one may be as fast."""
    time_s, s = motion(*rdl(4), rate_hz=rate_hz)
    clean, spoilt = counter(), counter()
    wanted = reps_of(clean.push(POSITION, time_s, s) + clean.finish())
    slipped = s + np.where(time_s > wanted[1].concentric_end_s - 0.5, by_m, 0.0)
    found = reps_of(spoilt.push(POSITION, time_s, slipped) + spoilt.finish())
    assert spoilt.spikes == (0, 1)
    assert [rep.size for rep in found] == pytest.approx([rep.size for rep in wanted], abs=0.02)


def test_noise_of_four_millimetres_is_no_slip():
    """The roughest sensor that is not called unfit, for a quarter of an hour."""
    rng = np.random.default_rng(4)
    resampler = Resampler(6.0, 30.0, 0.010)
    resampler.push(np.arange(180_000) / 200.0, rng.normal(0.0, 0.004, 180_000))
    assert resampler.shifts == 0
    assert resampler.spikes > 100, "some were in doubt"


def test_a_stick_jerked_up_between_two_readings_has_not_slipped():
    """7 cm in 0.12 s at the most, by 60 m/s²: a hand can do that to a stick; 9 cm take more than it has."""
    time_s = np.arange(100) / 25.0
    for by_m, shifts in ((0.07, 0), (0.09, 1)):
        resampler = Resampler(6.0, 30.0, 0.010)
        resampler.push(time_s, np.where(time_s < 2.0, 0.0, by_m) + 0.0005 * (np.arange(100) % 2))
        assert resampler.shifts == shifts


def test_times_that_are_off_by_a_third_of_an_interval_are_no_slip(motion):
    rng = np.random.default_rng(5)
    time_s, s = motion(*((0.8, 0.8), (0.9, -0.8)) * 200, rate_hz=1000.0)
    at_s = np.arange(0.02, time_s[-1] - 0.04, 0.04)
    resampler = Resampler(6.0, 30.0, 0.010)
    resampler.push(at_s + 0.04 * rng.uniform(-0.3, 0.3, at_s.size), np.interp(at_s, time_s, s))
    assert resampler.shifts == 0


def test_a_spike_that_stands_alone_after_a_gap_is_no_place_that_the_zero_left(motion):
    time_s, s = motion((2.0, 0.0), (1.0, -0.4), (3.0, 0.0), rate_hz=50.0)
    there = (time_s < 2.3) | (time_s > 2.8)
    time_s, s = time_s[there], s[there]
    first = np.flatnonzero(time_s > 2.8)[0]
    s[first] = s[first - 1] + 0.005
    resampler = Resampler(6.0, 30.0, 0.010)
    resampler.push(time_s, s)
    assert resampler.shifts == 0
    assert resampler.grid(500, 550) == pytest.approx(0.6, abs=1e-6)


@pytest.mark.parametrize("off_m", [(-0.33, -0.29), (0.33, 0.29), (0.35, 0.2), (-0.228, 0.26)])
@pytest.mark.parametrize("stale", [False, True])
def test_two_spikes_in_a_row_move_no_zero(off_m, stale):
    """After a stale reading a bar may have moved as far as the first of them, and not back in half of it."""
    for seed in range(20):
        time_s = np.arange(250) * 0.04
        s = 0.62 + np.random.default_rng(seed).normal(0.0, 0.002, time_s.size)
        if stale:
            s[120] = s[119]
        s[[121, 122]] += off_m
        resampler = Resampler(6.0, 30.0, 0.010)
        resampler.push(time_s, s)
        assert resampler.shifts == 0, seed


@pytest.mark.parametrize(("rate_hz", "mps", "stale"), [(40.0, 0.7, 4), (80.0, -0.8, 4), (200.0, 0.8, 6)])
def test_a_sensor_that_catches_up_with_the_bar_has_not_shifted(rate_hz, mps, stale):
    """Old readings are sent again until the new one is farther off than a bar moves from one to the next."""
    at = round(2.0 * rate_hz)
    time_s = np.arange(2 * at) / rate_hz
    s = 1.0 + mps * (time_s - 2.0)
    s[at : at + stale] = s[at - 1]
    s[at - 2] = s[at - 1] - 0.0005  # by noise it seemed to stand: the first of them is no surprise
    time_s[at + stale - 1] += 0.7 / rate_hz
    resampler = Resampler(6.0, 30.0, 0.010)
    resampler.push(time_s, s)
    assert resampler.shifts == 0
    assert resampler.grid(300, 350) == pytest.approx(
        1.0 + mps * (np.arange(300, 350) / 100.0 - 1.995), abs=1e-6
    )


def test_what_jumps_and_at_once_jumps_back_by_some_other_way_has_not_moved(motion):
    """Two spikes alike in a row, as far as noise lets them: the zero is what it was, to the last bit."""
    time_s, s = motion((10.0, 0.0), rate_hz=50.0)
    s[200:202] += 0.48, 0.475
    s[202:] += 0.01 * (time_s[202:] < 4.1)
    resampler = Resampler(6.0, 30.0, 0.010)
    resampler.push(time_s, s)
    assert resampler.shifts == 0
    assert resampler.adrift is False
    assert resampler.grid(500, 990) == pytest.approx(1.0, abs=1e-12)
