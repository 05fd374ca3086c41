from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import CHANNELS, Discarded, Measured, RepCounter, Tick

V0 = 0.02
POSITION, FORCE = CHANNELS.index("position_m"), CHANNELS.index("force_n")


def ease(n):
    """From 0 to 1 with no jerk at the ends (fifth-order polynomial)."""
    t = np.linspace(0.0, 1.0, n)
    return t**3 * (10.0 - 15.0 * t + 6.0 * t**2)


def motion(*legs, start_m=1.0, rate_hz=200.0):
    """A motion from (seconds, metres moved) legs; 0 m is a hold."""
    place, at = [np.array([start_m])], start_m
    for duration_s, moved_m in legs:
        place.append(at + moved_m * ease(round(duration_s * rate_hz) + 1)[1:])
        at += moved_m
    s = np.concatenate(place)
    return np.arange(s.size) / rate_hz, s


def rdl(reps=3, rom_m=0.4):
    return ((2.0, 0.0), *([(1.8, -rom_m), (0.4, 0.0), (1.0, rom_m), (1.0, 0.0)] * reps), (1.0, 0.0))


def counter(layout="travel", *, concentric_first=False, free_weight=True, min_range=0.1, **kwargs):
    return RepCounter(
        layout, concentric_first=concentric_first, free_weight=free_weight, min_range=min_range, **kwargs
    )


def results(time_s, s, kind="complete", **kwargs):
    rc = counter(**kwargs)
    found = rc.push(POSITION, time_s, s) + rc.finish()
    return [r for r in found if isinstance(r, Measured) and r.kind == kind], [
        r for r in found if isinstance(r, Discarded)
    ]


def slow_reps(time_s, s, bottoms):
    """Boundaries by the README's words around the known bottoms of a motion without noise or bounces."""
    v = np.gradient(s, time_s)
    reps = []
    for bottom in np.searchsorted(time_s, bottoms):
        zone = 0.15 * (s.max() - s[bottom])
        left_top = np.flatnonzero(s[:bottom] > s.max() - zone)[-1]
        start = np.flatnonzero(v[:left_top] >= -V0)[-1]
        near = np.flatnonzero(s < s[bottom] + zone)
        ecc_end = next(i for i in range(left_top, s.size) if i in near and v[i] > -V0)
        left_bottom = bottom + np.flatnonzero(s[bottom:] > s[bottom] + zone)[0]
        con_start = np.flatnonzero(v[:left_bottom] <= V0)[-1]
        at_top = left_bottom + np.flatnonzero(s[left_bottom:] > s.max() - zone)[0]
        con_end = at_top + np.flatnonzero(v[at_top:] < V0)[0]
        reps.append(tuple(time_s[[start, ecc_end, con_start, con_end]]))
    return reps


def spoilt(value, share, how, seed=5):
    """Some samples say what the one before said, or anything."""
    rng = np.random.default_rng(seed)
    spoilt = np.flatnonzero(rng.random(value.size) < share)
    value = value.copy()
    for i in spoilt[spoilt > 1]:
        value[i] = (
            value[i - 1] if how == "repeated" else value[i] + rng.choice([-1.0, 1.0]) * rng.uniform(0.06, 1.0)
        )
    return value


def test_boundaries_equal_the_definition_on_a_clean_motion():
    time_s, s = motion(*rdl(), rate_hz=1000.0)
    reps, _ = results(time_s, s)
    expected = slow_reps(time_s, s, bottoms=[4.0, 8.2, 12.4])
    assert len(reps) == len(expected) == 3
    for rep, (start, ecc_end, con_start, con_end) in zip(reps, expected, strict=True):
        got = (rep.start_s, rep.eccentric_end_s, rep.concentric_start_s, rep.concentric_end_s)
        assert got == pytest.approx((start, ecc_end, con_start, con_end), abs=0.008)
        assert rep.size == pytest.approx(0.4, abs=0.002)
        assert rep.mean_concentric_velocity == pytest.approx(0.4 / (con_end - con_start), rel=0.01)
        assert rep.peak_concentric_velocity == pytest.approx(1.875 * 0.4, rel=0.01)


@settings(max_examples=60, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 4000), max_size=12),
    seed=st.integers(0, 5),
    layout=st.sampled_from(["one-tether", "tilt", "two-tethers", "pulley"]),
)
def test_results_do_not_depend_on_how_the_stream_is_cut(cuts, seed, layout):
    rng = np.random.default_rng(seed)
    time_s, s = motion(*rdl())
    s = spoilt(spoilt(s + rng.normal(0.0, 3e-4, s.size), 0.2, "repeated", seed), 0.01, "anything", seed)
    time_s = time_s + rng.uniform(0.0, 0.004, s.size)
    force = 600.0 + 50.0 * np.gradient(s)
    others = {"tilt": {2: 0.05 * s}, "two-tethers": {1: np.hypot(s, 0.6)}, "pulley": {4: 200 * s, 5: 300 * s}}

    def run(parts):
        rc = counter(layout, tick_s=0.1, anchor_2_m=(0.6, 0.0), free_length_m=1.2)
        out = []
        for part in parts:
            for channel, value in others.get(layout, {}).items():
                out += rc.push(channel, time_s[part], value[part])
            out += rc.push(FORCE, time_s[part][::8].copy(), force[part][::8].copy())
            out += rc.push(POSITION, time_s[part], s[part])
        return [tuple(map(repr, row)) for row in out + rc.finish()]

    edges = sorted({0, s.size, *(cut // 8 * 8 for cut in cuts if cut < s.size)})
    whole = run([slice(0, s.size)])
    assert run([slice(a, b) for a, b in pairwise(edges)]) == whole


def test_the_channels_of_a_read_may_come_in_any_order():
    time_s, s = motion(*rdl())
    read = [
        ("platform_rear_left_n", time_s, s),
        ("position_m", time_s, s),
        ("tether_angle_rad", time_s, 0.05 * s),
        ("force_n", time_s, 600.0 + s),
    ]
    apart, together, turned = (counter("tilt", tick_s=0.1) for _ in range(3))
    found = apart.push(FORCE, time_s, 600.0 + s) + apart.push(2, time_s, 0.05 * s)
    found += apart.push(POSITION, time_s, s)
    assert len(found) > 3
    assert repr(together.feed(read)) == repr(turned.feed(read[::-1])) == repr(found)


def test_a_second_sensor_that_is_heard_first_says_nothing_by_itself():
    time_s, s = motion(*rdl())
    rc = counter("two-tethers", anchor_2_m=(0.6, 0.0))
    assert rc.push(1, time_s, np.hypot(s, 0.6)) == []
    assert len([r for r in rc.push(POSITION, time_s, s) + rc.finish() if isinstance(r, Measured)]) > 3


def test_nothing_nan_constant_and_one_sample_give_no_rep():
    for time_s, s in (
        (np.empty(0), np.empty(0)),
        (np.array([1.0]), np.array([0.5])),
        (np.arange(0.0, 9.0, 0.01), np.full(900, np.nan)),
        (np.arange(0.0, 9.0, 0.01), np.full(900, 0.8)),
    ):
        assert results(time_s, s) == ([], [])


@pytest.mark.parametrize("rate_hz", [25.0, 45.0, 200.0, 1000.0, 4000.0])
@pytest.mark.parametrize("rom_m", [0.16, 0.4, 0.9])
def test_short_and_long_reps_count_at_every_rate(rate_hz, rom_m):
    reps, discarded = results(*motion(*rdl(5, rom_m), rate_hz=rate_hz))
    assert [round(rep.size, 2) for rep in reps] == [rom_m] * 5
    assert discarded == []


def test_the_last_rep_held_at_the_top_counts_and_is_pending_within_120_ms():
    time_s, s = motion(*rdl(2), rate_hz=200.0)
    rc = counter()
    found = [r for r in rc.push(POSITION, time_s, s) if isinstance(r, Measured)]
    pending = [r for r in found if r.kind == "lockout"]
    assert [r.candidate for r in pending] == [0, 1]
    for rep in pending:
        assert 0.0 <= rep.known_s - rep.concentric_end_s <= 0.12
    held = [r for r in rc.finish() if isinstance(r, Measured)]
    assert [r.candidate for r in held if r.kind == "complete"] == [1]


def test_a_rep_the_station_joined_half_way_down_counts_with_no_eccentric():
    time_s, s = motion(*rdl(2))
    joined = time_s > 2.7
    first, second = results(time_s[joined], s[joined])[0]
    assert np.isnan(first.eccentric_s)
    assert np.isnan(first.mean_eccentric_velocity)
    assert first.mean_concentric_velocity == pytest.approx(second.mean_concentric_velocity, rel=0.02)
    assert second.eccentric_s == pytest.approx(1.6, abs=0.1)


@pytest.mark.parametrize("dip_m", [0.005, 0.02, 0.04])
@pytest.mark.parametrize("stall_s", [0.1, 1.0, 2.0])
def test_a_stall_or_dip_on_the_way_never_splits_a_rep(dip_m, stall_s):
    rep = [(1.5, -0.3), (0.6, 0.16), (0.3, -dip_m), (stall_s, 0.0), (0.8, 0.14 + dip_m), (1.0, 0.0)]
    reps, _ = results(*motion((1.0, 0.0), *rep * 3))
    assert len(reps) == 3
    assert reps[0].size == pytest.approx(0.3, abs=0.003)


def test_a_bounce_at_the_bottom_belongs_to_the_bottom_pause():
    rep = [(1.5, -0.4), (0.25, 0.04), (0.25, -0.04), (1.0, 0.4), (1.0, 0.0)]
    reps, _ = results(*motion((1.0, 0.0), *rep * 3))
    assert len(reps) == 3
    assert reps[0].bottom_pause_s == pytest.approx(0.55, abs=0.08)


def test_picking_up_and_setting_down_are_no_reps_and_say_so():
    reps, discarded = results(
        *motion((1.0, 0.0), (1.5, 0.55), (2.0, 0.0), *rdl(3), (1.5, -0.55), (8.0, 0.0), start_m=0.225)
    )
    assert len(reps) == 3
    assert [d.reason for d in discarded] == ["pick-up", "set-down"]


def test_unrack_and_re_rack_are_no_reps():
    legs = ((1.0, 0.0), (0.6, 0.045), (2.0, 0.0), *rdl(4), (0.6, -0.045), (8.0, 0.0))
    reps, discarded = results(*motion(*legs))
    assert len(reps) == 4
    assert [d.reason for d in discarded] == ["unrack", "re-rack"]


def test_half_an_hour_of_idling_with_knocks_gives_nothing():
    rng = np.random.default_rng(4)
    time_s = np.arange(0.0, 1800.0, 0.01)
    s = 0.9 + 0.004 * np.sin(0.2 * time_s) + rng.normal(0.0, 3e-4, time_s.size)
    for at in 5.0 + 8.9 * np.arange(200) + rng.uniform(0.0, 7.0, 200):
        near = np.abs(time_s - at) < 0.15
        s[near] += rng.uniform(-0.15, 0.15) * np.cos((time_s[near] - at) / 0.15 * np.pi / 2) ** 2
    reps, _ = results(time_s, s)
    assert reps == []


def from_the_floor(reps, rom_m, height_m):
    """Picked up to `height_m`, held, so many reps at the top of it, set down."""
    return ((1.0, 0.0), (1.5, height_m), *rdl(reps, rom_m), (1.5, -height_m), (6.0, 0.0))


@pytest.mark.parametrize(("rom_m", "height_m"), [(0.16, 0.5), (0.16, 0.8), (0.25, 0.8), (0.4, 0.6)])
@pytest.mark.parametrize("reps", [1, 5])
def test_how_far_the_bar_was_picked_up_is_no_measure_of_its_reps(reps, rom_m, height_m):
    found, discarded = results(*motion(*from_the_floor(reps, rom_m, height_m), start_m=0.225))
    assert [round(rep.size, 2) for rep in found] == [rom_m] * reps
    assert [d.reason for d in discarded] == ["pick-up", "set-down"]


@pytest.mark.parametrize("hold_s", [0.05, 1.0, 3.0])
@pytest.mark.parametrize("lowered_m", [0.15, 0.25, 0.6])
def test_reps_below_hooks_count_though_no_one_comes_back_to_the_hooks(hold_s, lowered_m):
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
def test_a_handle_pulled_to_where_the_set_starts_costs_no_rep(pull_m):
    pulls = [(1.0, 0.5), (0.2, 0.0), (1.2, -0.5), (0.2, 0.0)] * 6
    legs = ((2.0, 0.0), (1.0, pull_m), (1.5, 0.0), *pulls, (2.0, 0.0), (1.0, -pull_m), (6.0, 0.0))
    found, _ = results(*motion(*legs, start_m=0.1), concentric_first=True, free_weight=False)
    assert [rep.size for rep in found] == pytest.approx([0.5] * 6, abs=0.004)


@pytest.mark.parametrize("pause_s", [0.3, 5.0, 8.0])
def test_a_pause_at_the_bottom_is_a_pause(pause_s):
    found, _ = results(*motion((2.0, 0.0), *[(1.5, -0.4), (pause_s, 0.0), (1.0, 0.4), (1.0, 0.0)] * 3))
    assert [rep.bottom_pause_s for rep in found] == pytest.approx([pause_s] * 3, abs=0.35)


def test_where_a_set_holds_its_reps_at_the_bottom_the_next_may_be_held_longer():
    pauses_s = (7.5, 7.5, 10.0)
    held = [leg for pause_s in pauses_s for leg in ((1.5, -0.4), (pause_s, 0.0), (1.0, 0.4), (1.0, 0.0))]
    found, _ = results(*motion((2.0, 0.0), *held, (1.0, 0.0)))
    assert len(found) == 3


@pytest.mark.parametrize(("at", "depth_m"), [(0, 0.7), (2, 1.0), (4, 1.0)])
def test_one_rep_of_another_depth_is_no_measure_of_the_others(at, depth_m):
    depths = [depth_m if i == at else 0.32 for i in range(6)]
    reps = [leg for depth in depths for leg in ((1.5, -depth), (0.3, 0.0), (1.2, depth), (0.6, 0.0))]
    found, _ = results(*motion((2.0, 0.0), *reps, (2.0, 0.0), start_m=1.5))
    assert [rep.size for rep in found] == pytest.approx(depths, abs=0.01)


@pytest.mark.parametrize(
    ("pause_s", "carried", "bottoms"), [(11.0, True, 3), (7.0, False, 2), (11.0, None, 2)]
)
def test_the_load_cell_tells_a_long_pause_from_a_bar_laid_down(pause_s, carried, bottoms):
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


@pytest.mark.parametrize("rom_m", [0.16, 0.3])
def test_reps_of_two_fifths_of_a_second_a_phase_count(rom_m):
    found, _ = results(*motion((2.0, 0.0), *[(0.4, -rom_m), (0.4, rom_m), (0.3, 0.0)] * 6, (2.0, 0.0)))
    assert [rep.size for rep in found] == pytest.approx([rom_m] * 6, abs=0.01)


def test_a_lift_that_was_recorded_up_to_its_lockout_counts():
    time_s, s = motion(*deadlifts(2), (1.2, 0.5), start_m=0.225)
    found, _ = results(time_s, s, concentric_first=True)
    assert [rep.size for rep in found] == pytest.approx([0.5] * 3, abs=0.01)


@pytest.mark.parametrize("lift_s", [0.45, 1.2])
def test_a_recording_that_is_one_lift_and_ends_with_it_counts(lift_s):
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


def test_a_stream_that_ends_twice_and_goes_on_loses_nothing():
    time_s, s = motion(*deadlifts(1), (1.2, 0.5), start_m=0.225)
    rc = counter(concentric_first=True)
    found = rc.push(POSITION, time_s, s) + rc.finish()
    assert rc.finish() == []
    again = time_s + time_s[-1] + 0.02
    found += rc.push(POSITION, again, s) + rc.finish() + rc.finish()
    assert len([r for r in found if isinstance(r, Measured) and r.kind == "complete"]) == 4


def test_a_slow_start_after_fidgeting_and_rest_belongs_to_the_lift():
    legs = (
        (2.0, 0.0),
        (0.4, 0.03),
        (0.4, -0.03),
        (4.0, 0.0),
        (5.0, 0.5),
        (1.0, 0.0),
        (1.5, -0.5),
        (3.0, 0.0),
    )
    time_s, s = motion(*legs, start_m=0.225)
    ((rep,), discarded) = results(time_s, s, concentric_first=True)
    v = np.gradient(s, time_s)
    assert rep.start_s == pytest.approx(time_s[np.flatnonzero((time_s > 6.8) & (v > V0))[0]], abs=0.03)
    assert rep.size == pytest.approx(0.5, abs=0.008)
    assert all(d.end_s < 6.0 for d in discarded)


def test_a_recording_that_starts_with_the_lift_is_measured_from_its_first_sample():
    time_s, s = motion((1.2, 0.5), (1.0, 0.0), (1.0, -0.5), (1.0, 0.0), start_m=0.225)
    under_way = time_s > 0.2
    (rep,) = results(time_s[under_way], s[under_way], concentric_first=True)[0]
    assert rep.start_s == pytest.approx(0.2, abs=0.05)  # the narrowest smoother reaches over 35 ms
    assert rep.size == pytest.approx(0.725 - s[under_way][0], abs=0.02)


def test_a_second_without_samples_costs_no_rep_but_its_path():
    time_s, s = motion(*rdl(3))
    there = ~((time_s > 7.0) & (time_s < 7.8))
    rc = counter("two-tethers", anchor_2_m=(0.6, 0.0))
    found = rc.push(1, time_s[there], np.hypot(s, 0.6)[there]) + rc.push(POSITION, time_s[there], s[there])
    reps = [r for r in found + rc.finish() if isinstance(r, Measured) and r.kind == "complete"]
    assert [rep.size for rep in reps] == pytest.approx([0.4] * 3, abs=0.01)
    assert [np.isnan(rep.path_deviation) for rep in reps] == [False, True, False]


@pytest.mark.parametrize("share", [0.05, 0.3])
@pytest.mark.parametrize("rate_hz", [25.0, 100.0])
def test_readings_sent_again_at_random_cost_a_sample_of_time_and_no_speed(rate_hz, share):
    time_s, s = motion(*rdl(6), rate_hz=rate_hz)
    noisy = s + np.random.default_rng(4).normal(0.0, 0.0005, s.size)
    clean, _ = results(time_s, s)
    found, _ = results(time_s, spoilt(noisy, share, "repeated"))
    assert len(found) == 6
    for rep, true in zip(found, clean, strict=True):
        assert rep.concentric_s == pytest.approx(true.concentric_s, abs=0.12)
        assert rep.eccentric_s == pytest.approx(true.eccentric_s, abs=0.12)
        assert rep.peak_concentric_velocity == pytest.approx(true.peak_concentric_velocity, abs=0.1)
        assert rep.size == pytest.approx(true.size, abs=0.02)


@pytest.mark.parametrize("layout", ["travel", "tension"])
@pytest.mark.parametrize("rate_hz", [25.0, 200.0])
def test_spikes_on_the_way_and_in_a_row_change_no_number(rate_hz, layout):
    scale = 300.0 if layout == "tension" else 1.0  # N per m of a band
    time_s, s = motion(*rdl(6), rate_hz=rate_hz)
    noisy = s + np.random.default_rng(4).normal(0.0, 0.0005, s.size)
    channel = FORCE if layout == "tension" else POSITION
    wanted, found = (
        [
            r
            for rc in [counter(layout, free_weight=False, min_range=0.1 * scale)]
            for r in rc.push(channel, time_s, scale * value) + rc.finish()
            if isinstance(r, Measured) and r.kind == "complete"
        ]
        for value in (noisy, spoilt(noisy, 0.03, "anything"))
    )
    assert len(found) == len(wanted) == 6
    for rep, true in zip(found, wanted, strict=True):
        assert rep.concentric_s == pytest.approx(true.concentric_s, abs=0.06)
        assert rep.peak_concentric_velocity == pytest.approx(true.peak_concentric_velocity, rel=0.06)


def test_standing_in_a_taut_band_is_no_rep():
    rng = np.random.default_rng(3)
    time_s = np.arange(0.0, 300.0, 0.0125)
    sway_n = np.interp(time_s, np.arange(0.0, 301.0), rng.normal(0.0, 2.5, 301))
    rc = counter("tension", min_range=7.0)
    found = rc.push(FORCE, time_s, 250.0 + sway_n) + rc.finish()
    assert not [r for r in found if isinstance(r, Measured)]


@settings(max_examples=100, deadline=None)
@given(
    legs=st.lists(st.tuples(st.floats(0.05, 3.0), st.floats(-0.9, 0.9)), max_size=14),
    concentric_first=st.booleans(),
    rate_hz=st.sampled_from([20.0, 100.0, 333.0]),
)
def test_whatever_moves_a_standing_rep_has_its_lockout_after_its_start_and_a_range(
    legs, concentric_first, rate_hz
):
    time_s, s = motion((1.0, 0.0), *legs, (1.0, 0.0), start_m=5.0, rate_hz=rate_hz)
    found, _ = results(time_s, s, concentric_first=concentric_first)
    for rep in found:
        assert time_s[0] <= rep.start_s <= rep.concentric_start_s < rep.concentric_end_s <= time_s[-1] + 0.1
        assert 0.0 < rep.size < 14 * 0.9
        assert np.isfinite([rep.mean_concentric_velocity, rep.peak_concentric_velocity]).all()


def deadlifts(reps=3):
    return ((2.0, 0.0), *([(1.2, 0.5), (0.8, 0.0), (1.0, -0.5), (1.5, 0.0)] * reps), (2.0, 0.0))


def test_a_lift_from_the_floor_has_its_phases_in_its_own_order():
    reps, discarded = results(*motion(*deadlifts(), start_m=0.225), concentric_first=True)
    assert len(reps) == 3
    assert discarded == []
    rep = reps[0]
    assert rep.start_s == rep.concentric_start_s < rep.concentric_end_s < rep.eccentric_end_s == rep.end_s
    assert rep.top_pause_s == pytest.approx(0.8, abs=0.25)
    assert rep.size == pytest.approx(0.5, abs=0.002)


def test_a_dropped_bar_counts_with_no_eccentric_and_its_bounce_is_no_rep():
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


def test_reps_are_seen_in_tension_alone_and_have_no_lengths():
    time_s, s = motion(*rdl(4, 80.0), start_m=140.0, rate_hz=80.0)
    rc = counter("tension", min_range=10.0)
    reps = [r for r in rc.push(FORCE, time_s, s) + rc.finish() if isinstance(r, Measured)]
    assert len({rep.candidate for rep in reps}) == 4
    assert np.isnan(reps[-1].mean_power)
    assert reps[-1].mean_force == pytest.approx(100.0, rel=0.02)


def test_force_and_power_of_a_free_weight_come_from_the_entered_load():
    time_s, s = motion(*rdl(1), rate_hz=500.0)
    rc = counter()
    rc.set_load(100.0)
    (rep,) = [r for r in rc.push(POSITION, time_s, s) + rc.finish() if getattr(r, "kind", "") == "complete"]
    assert rep.mean_force == pytest.approx(980.665, rel=0.01)
    assert rep.work == pytest.approx(980.665 * 0.4, rel=0.03)
    assert rep.peak_power > rep.mean_power > 0.0


def test_ticks_come_at_full_ticks_of_the_session():
    time_s, s = motion(*rdl(1))
    ticks = [r for r in counter(tick_s=0.1).push(POSITION, time_s, s) if isinstance(r, Tick)]
    np.testing.assert_allclose(np.diff([tick.time_s for tick in ticks]), 0.1)


def test_a_second_sensor_that_falls_silent_costs_the_path_and_no_rep():
    time_s, s = motion(*rdl(4))
    tilt = np.zeros_like(time_s)
    rc = counter("tilt")
    half = time_s.size // 2
    found = rc.push(2, time_s[:half], tilt[:half]) + rc.push(POSITION, time_s, s) + rc.finish()
    reps = [r for r in found if isinstance(r, Measured) and r.kind == "complete"]
    assert [np.isnan(rep.path_deviation) for rep in reps] == [False, False, True, True]


def test_wrong_arguments_are_refused_with_what_was_seen():
    with pytest.raises(ValueError, match=r"need a layout of .*, got 'three-tethers'"):
        counter("three-tethers")
    with pytest.raises(ValueError, match="min_range"):
        counter(min_range=0.0)
    with pytest.raises(ValueError, match="as many times as values, got 2 and 1"):
        counter().push(POSITION, np.zeros(2), np.zeros(1))
    for wrong in (np.zeros(2, np.float32), np.zeros(2, int), np.zeros((2, 1)), np.zeros(4)[::2]):
        with pytest.raises(ValueError, match=r"need a float64 array of shape|C-contiguous"):
            counter().push(POSITION, np.zeros(2), wrong)
    with pytest.raises(ValueError, match="need tuples of channel, time_s and value, got 7"):
        counter().feed([7])
