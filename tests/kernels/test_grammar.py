"""Which movements are reps, and which are none."""

import numpy as np
import pytest

from kernels import CHANNELS, Measured

POSITION, FORCE = CHANNELS.index("position_m"), CHANNELS.index("force_n")


def slow_turns(s, step):
    """The turning points of a motion without noise, by a zigzag: each was come back from by a step."""
    turns, direction, extreme = [s[0]], 0, s[0]
    for u in s:
        if direction >= 0 and extreme - u >= step:
            turns.append(extreme)
            direction, extreme = -1, u
        elif direction <= 0 and u - extreme >= step:
            turns.append(extreme)
            direction, extreme = 1, u
        extreme = max(extreme, u) if direction > 0 else min(extreme, u) if direction < 0 else extreme
    return [*turns, extreme]


@pytest.mark.parametrize("concentric_first", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_the_reps_of_a_clean_set_are_the_rises_between_its_turning_points(
    motion, results, seed, concentric_first
):
    rng = np.random.default_rng(seed)
    first = 1.0 if concentric_first else -1.0
    legs = [(2.0, 0.0)]
    for rom_m in rng.uniform(0.35, 0.5, int(rng.integers(2, 9))):
        for moved_m in (first * rom_m, -first * rom_m):
            share, dip_m = rng.uniform(0.3, 0.7), rng.uniform(0.0, 0.025)
            legs += [
                (rng.uniform(0.5, 1.5), share * moved_m),
                (rng.uniform(0.1, 0.5), -np.sign(moved_m) * dip_m),
            ]
            legs += [(rng.uniform(0.5, 1.5), (1.0 - share) * moved_m + np.sign(moved_m) * dip_m)]
            legs += [(rng.uniform(0.1, 1.5), 0.0)]
    time_s, s = motion(*legs, (2.0, 0.0), start_m=1.2)
    rises = [rise for rise in np.diff(slow_turns(s, 0.15)) if rise > 0.15]
    reps, discarded = results(time_s, s, concentric_first=concentric_first)
    assert [rep.size for rep in reps] == pytest.approx(rises, abs=0.006)
    assert discarded == []


def deadlifts(reps=3):
    return ((2.0, 0.0), *([(1.2, 0.5), (0.8, 0.0), (1.0, -0.5), (1.5, 0.0)] * reps), (2.0, 0.0))


@pytest.mark.parametrize("rate_hz", [25.0, 45.0, 200.0, 1000.0, 4000.0])
@pytest.mark.parametrize("rom_m", [0.16, 0.4, 0.9])
def test_short_and_long_reps_count_at_every_rate(motion, rdl, results, rate_hz, rom_m):
    reps, discarded = results(*motion(*rdl(5, rom_m), rate_hz=rate_hz))
    assert [round(rep.size, 2) for rep in reps] == [rom_m] * 5
    assert discarded == []


@pytest.mark.parametrize("dip_m", [0.005, 0.02, 0.04])
@pytest.mark.parametrize("stall_s", [0.1, 1.0, 2.0])
def test_a_stall_or_dip_on_the_way_never_splits_a_rep(motion, results, dip_m, stall_s):
    rep = [(1.5, -0.3), (0.6, 0.16), (0.3, -dip_m), (stall_s, 0.0), (0.8, 0.14 + dip_m), (1.0, 0.0)]
    reps, _ = results(*motion((1.0, 0.0), *rep * 3))
    assert len(reps) == 3
    assert reps[0].size == pytest.approx(0.3, abs=0.003)


@pytest.mark.parametrize("bend_m", [0.08, 0.12, 0.16, 0.2])
@pytest.mark.parametrize("dip_m", [0.05, 0.07])
@pytest.mark.parametrize("share", [0.4, 0.5, 0.6])
def test_a_bend_before_the_set_is_no_measure_of_a_dip_in_its_first_rep(motion, results, bend_m, dip_m, share):
    stalled = (
        (1.5, -0.5),
        (0.3, 0.0),
        (0.9, 0.5 * share),
        (0.4, -dip_m),
        (0.2, 0.0),
        (1.0, 0.5 - 0.5 * share + dip_m),
    )
    legs = ((2.0, 0.0), (0.8, -bend_m), (0.8, bend_m), (1.5, 0.0), *stalled, (1.0, 0.0))
    reps, _ = results(*motion(*legs, *[(1.5, -0.5), (0.3, 0.0), (1.0, 0.5), (1.0, 0.0)] * 2))
    assert [rep.size for rep in reps if rep.size > 0.3] == pytest.approx([0.5] * 3, abs=0.01)


def test_picking_up_and_setting_down_are_no_reps_and_say_so(motion, rdl, results):
    reps, discarded = results(
        *motion((1.0, 0.0), (1.5, 0.55), (2.0, 0.0), *rdl(3), (1.5, -0.55), (8.0, 0.0), start_m=0.225)
    )
    assert len(reps) == 3
    assert [d.reason for d in discarded] == ["pick-up", "set-down"]


def test_unrack_and_re_rack_are_no_reps(motion, rdl, results):
    legs = ((1.0, 0.0), (0.6, 0.045), (2.0, 0.0), *rdl(4), (0.6, -0.045), (8.0, 0.0))
    reps, discarded = results(*motion(*legs))
    assert len(reps) == 4
    assert [d.reason for d in discarded] == ["unrack", "re-rack"]


def test_half_an_hour_of_idling_with_knocks_gives_nothing(results):
    rng = np.random.default_rng(4)
    time_s = np.arange(0.0, 1800.0, 0.01)
    s = 0.9 + 0.004 * np.sin(0.2 * time_s) + rng.normal(0.0, 3e-4, time_s.size)
    for at in 5.0 + 8.9 * np.arange(200) + rng.uniform(0.0, 7.0, 200):
        near = np.abs(time_s - at) < 0.15
        s[near] += rng.uniform(-0.15, 0.15) * np.cos((time_s[near] - at) / 0.15 * np.pi / 2) ** 2
    reps, _ = results(time_s, s)
    assert reps == []


@pytest.mark.parametrize(("rom_m", "height_m"), [(0.16, 0.5), (0.16, 0.8), (0.25, 0.8), (0.4, 0.6)])
@pytest.mark.parametrize("reps", [1, 5])
def test_how_far_the_bar_was_picked_up_is_no_measure_of_its_reps(motion, rdl, results, reps, rom_m, height_m):
    legs = ((1.0, 0.0), (1.5, height_m), *rdl(reps, rom_m), (1.5, -height_m), (6.0, 0.0))
    found, discarded = results(*motion(*legs, start_m=0.225))
    assert [round(rep.size, 2) for rep in found] == [rom_m] * reps
    assert [d.reason for d in discarded] == ["pick-up", "set-down"]


@pytest.mark.parametrize("hold_s", [0.05, 1.0, 3.0])
@pytest.mark.parametrize("lowered_m", [0.15, 0.25, 0.6])
def test_reps_below_hooks_count_though_no_one_comes_back_to_the_hooks(motion, results, hold_s, lowered_m):
    legs = (
        (2.0, 0.0),
        (1.5, -lowered_m),
        (hold_s, 0.0),
        *[(1.5, -0.3), (1.0, 0.3), (0.6, 0.0)] * 5,
        (7.0, 0.0),
    )
    found, _ = results(*motion(*legs, start_m=1.6))
    assert [rep.size for rep in found] == pytest.approx([0.3] * 5, abs=0.004)
    assert all(rep.bottom_pause_s < 0.2 for rep in found)


@pytest.mark.parametrize("pull_m", [0.2, 0.5, 0.7])
def test_a_handle_pulled_to_where_the_set_starts_costs_no_rep(motion, results, pull_m):
    pulls = [(1.0, 0.5), (0.2, 0.0), (1.2, -0.5), (0.2, 0.0)] * 6
    legs = ((2.0, 0.0), (1.0, pull_m), (1.5, 0.0), *pulls, (2.0, 0.0), (1.0, -pull_m), (6.0, 0.0))
    found, _ = results(*motion(*legs, start_m=0.1), concentric_first=True, free_weight=False)
    assert [rep.size for rep in found] == pytest.approx([0.5] * 6, abs=0.004)


@pytest.mark.parametrize(("at", "depth_m"), [(0, 0.7), (2, 1.0), (4, 1.0)])
def test_one_rep_of_another_depth_is_no_measure_of_the_others(motion, results, at, depth_m):
    depths = [depth_m if i == at else 0.32 for i in range(6)]
    reps = [leg for depth in depths for leg in ((1.5, -depth), (0.3, 0.0), (1.2, depth), (0.6, 0.0))]
    found, _ = results(*motion((2.0, 0.0), *reps, (2.0, 0.0), start_m=1.5))
    assert [rep.size for rep in found] == pytest.approx(depths, abs=0.01)


@pytest.mark.parametrize("pulse_m", [0.13, 0.18])
@pytest.mark.parametrize("top_s", [0.4, 1.5])
def test_pulses_at_the_bottom_belong_to_its_pause_in_the_first_rep_too(motion, results, top_s, pulse_m):
    pulses = ((0.4, pulse_m), (0.4, -pulse_m)) * 2
    reps = ((1.3, -0.58), *pulses, (1.1, 0.58), (top_s, 0.0)) * 4
    found, discarded = results(*motion((2.0, 0.0), *reps, (3.0, 0.0), start_m=1.3))
    assert [rep.size for rep in found] == pytest.approx([0.58] * 4, abs=0.004)
    assert [rep.bottom_pause_s for rep in found] == pytest.approx([1.6] * 4, abs=0.15)
    assert discarded == []


@pytest.mark.parametrize(
    ("pause_s", "carried", "bottoms"), [(11.0, True, 3), (11.0, False, 2), (11.0, None, 2), (7.0, False, 3)]
)
def test_the_load_cell_tells_a_long_pause_from_a_bar_laid_down(
    motion, rdl, counter, pause_s, carried, bottoms
):
    time_s, s = motion(*rdl(2), (1.8, -0.4), (pause_s, 0.0), (1.0, 0.4), (4.0, 0.0))
    down = (time_s > 12.2) & (time_s < 12.0 + pause_s)
    rc = counter()
    found = []
    for part in np.array_split(np.arange(time_s.size), 20):
        if carried is not None:
            force = np.where(down[part] & (not carried), 20.0, 700.0)
            found += rc.push(FORCE, time_s[part], force)
        found += rc.push(POSITION, time_s[part], s[part])
    reps = [r for r in found + rc.finish() if isinstance(r, Measured) and r.kind == "complete"]
    assert len(reps) == bottoms


@pytest.mark.parametrize(("carried", "bottoms"), [(True, 4), (None, 3)])
def test_a_lifter_who_holds_the_load_where_he_took_it_up_has_not_laid_it_down(
    motion, counter, carried, bottoms
):
    legs = [(2.0, 0.0), (1.2, 0.4), (1.5, 0.0)]
    for pause_s in (0.3, 0.3, 6.5, 0.3):
        legs += [(1.5, -0.4), (pause_s, 0.0), (1.2, 0.4), (1.0, 0.0)]
    time_s, s = motion(*legs, (2.0, 0.0), start_m=0.3)
    rc, found = counter(), []
    for part in np.array_split(np.arange(time_s.size), 20):
        if carried is not None:
            found += rc.push(FORCE, time_s[part], np.where(time_s[part] < 2.0, 0.0, 700.0))
        found += rc.push(POSITION, time_s[part], s[part])
    reps = [r for r in found + rc.finish() if isinstance(r, Measured) and r.kind == "complete"]
    assert len(reps) == bottoms


@pytest.mark.parametrize(
    ("own_s", "pause_s", "reps"), [(3.0, 5.5, 4), (0.3, 5.5, 3), (2.0, 6.5, 3), (3.0, 10.0, 3)]
)
def test_reps_that_rest_at_the_bottom_may_rest_twice_as_long_where_the_bar_was_taken_up(
    motion, results, own_s, pause_s, reps
):
    """Hooks or blocks are as high as the bottoms of slow reps."""
    legs = [(2.0, 0.0), (1.2, 0.4), (1.5, 0.0)]
    for seconds in (own_s, own_s, pause_s, own_s):
        legs += [(2.5, -0.4), (seconds, 0.0), (2.5, 0.4), (1.0, 0.0)]
    assert len(results(*motion(*legs, (2.0, 0.0), start_m=0.3))[0]) == reps


@pytest.mark.parametrize("rom_m", [0.16, 0.3])
def test_reps_of_two_fifths_of_a_second_a_phase_count(motion, results, rom_m):
    found, _ = results(*motion((2.0, 0.0), *[(0.4, -rom_m), (0.4, rom_m), (0.3, 0.0)] * 6, (2.0, 0.0)))
    assert [rep.size for rep in found] == pytest.approx([rom_m] * 6, abs=0.01)


def test_a_lift_that_was_recorded_up_to_its_lockout_counts(motion, results):
    time_s, s = motion(*deadlifts(2), (1.2, 0.5), start_m=0.225)
    found, _ = results(time_s, s, concentric_first=True)
    assert [rep.size for rep in found] == pytest.approx([0.5] * 3, abs=0.01)


@pytest.mark.parametrize("lift_s", [0.45, 1.2])
def test_a_recording_that_is_one_lift_and_ends_with_it_counts(motion, results, lift_s):
    time_s, s = motion((lift_s, 0.86), start_m=0.0, rate_hz=1000.0)
    s = np.round(s, 3)
    recorded = s < s.max()
    (rep,) = results(time_s[recorded], s[recorded], concentric_first=True)[0]
    assert rep.size == pytest.approx(0.86, abs=0.015)
    assert (rep.start_s, rep.concentric_end_s) == (
        pytest.approx(0.03, abs=0.03),
        pytest.approx(lift_s, rel=0.15),
    )
    half = s < 0.6 * 0.86
    assert not results(time_s[half], s[half], concentric_first=True)[0]


def test_a_stream_that_ends_twice_and_goes_on_loses_nothing(motion, counter):
    time_s, s = motion(*deadlifts(1), (1.2, 0.5), start_m=0.225)
    rc = counter(concentric_first=True)
    found = rc.push(POSITION, time_s, s) + rc.finish()
    assert rc.finish() == []
    again = time_s + time_s[-1] + 0.02
    found += rc.push(POSITION, again, s) + rc.finish() + rc.finish()
    assert len([r for r in found if isinstance(r, Measured) and r.kind == "complete"]) == 4


def test_standing_in_a_taut_band_is_no_rep(counter):
    rng = np.random.default_rng(3)
    time_s = np.arange(0.0, 300.0, 0.0125)
    sway_n = np.interp(time_s, np.arange(0.0, 301.0), rng.normal(0.0, 2.5, 301))
    rc = counter("tension", min_range=7.0)
    found = rc.push(FORCE, time_s, 250.0 + sway_n) + rc.finish()
    assert not [r for r in found if isinstance(r, Measured)]


def test_a_lift_from_the_floor_has_its_phases_in_its_own_order(motion, results):
    reps, discarded = results(*motion(*deadlifts(), start_m=0.225), concentric_first=True)
    assert len(reps) == 3
    assert discarded == []
    rep = reps[0]
    assert rep.start_s == rep.concentric_start_s < rep.concentric_end_s < rep.eccentric_end_s == rep.end_s
    assert rep.top_pause_s == pytest.approx(0.8, abs=0.25)
    assert rep.size == pytest.approx(0.5, abs=0.002)


def test_a_dropped_bar_counts_with_no_eccentric_and_its_bounce_is_no_rep(motion, results):
    fall_s = np.sqrt(2 * 0.5 / 9.81)
    n = round(fall_s * 200)
    fall = -0.5 * 9.81 * (np.arange(1, n + 1) / 200) ** 2
    s = motion((2.0, 0.0), (1.2, 0.5), (1.0, 0.0), start_m=0.225)[1]
    bounce = motion((0.2, 0.165), (0.2, -0.165), (0.12, 0.05), (0.12, -0.05), (6.0, 0.0), start_m=0.225)[1]
    s = np.concatenate([s, s[-1] + fall, bounce])
    reps, _ = results(np.arange(s.size) / 200.0, s, concentric_first=True)
    assert len(reps) == 1
    assert np.isnan(reps[0].eccentric_s)
    assert reps[0].size == pytest.approx(0.5, abs=0.002)
