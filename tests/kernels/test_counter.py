"""One rep: its boundaries, phases and numbers."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import CHANNELS, Measured, Tick

V0 = 0.02
POSITION, FORCE = CHANNELS.index("position_m"), CHANNELS.index("force_n")


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


def test_boundaries_equal_the_definition_on_a_clean_motion(motion, rdl, results):
    time_s, s = motion(*rdl(), rate_hz=1000.0)
    reps, _ = results(time_s, s)
    expected = slow_reps(time_s, s, bottoms=[4.0, 8.2, 12.4])
    assert len(reps) == len(expected) == 3
    for rep, (start, ecc_end, con_start, con_end) in zip(reps, expected, strict=True):
        got = (rep.start_s, rep.eccentric_end_s, rep.concentric_start_s, rep.concentric_end_s)
        assert got == pytest.approx((start, ecc_end, con_start, con_end), abs=0.008)
        assert rep.size == pytest.approx(0.4, abs=0.002)
        assert rep.mean_concentric_velocity_mps == pytest.approx(0.4 / (con_end - con_start), rel=0.01)
        assert rep.peak_concentric_velocity_mps == pytest.approx(1.875 * 0.4, rel=0.01)


def test_nothing_nan_constant_and_one_sample_give_no_rep(results):
    for time_s, s in (
        (np.empty(0), np.empty(0)),
        (np.array([1.0]), np.array([0.5])),
        (np.arange(0.0, 9.0, 0.01), np.full(900, np.nan)),
        (np.arange(0.0, 9.0, 0.01), np.full(900, 0.8)),
    ):
        assert results(time_s, s) == ([], [])


def test_the_last_rep_held_at_the_top_counts_and_is_pending_within_120_ms(motion, rdl, counter):
    time_s, s = motion(*rdl(2), rate_hz=200.0)
    rc = counter()
    found = [r for r in rc.push(POSITION, time_s, s) if isinstance(r, Measured)]
    pending = [r for r in found if r.kind == "lockout"]
    assert [r.candidate for r in pending] == [0, 1]
    for rep in pending:
        assert 0.0 <= rep.known_s - rep.concentric_end_s <= 0.12
    held = [r for r in rc.finish() if isinstance(r, Measured)]
    assert [r.candidate for r in held if r.kind == "complete"] == [1]


def test_a_rep_the_station_joined_half_way_down_counts_with_no_eccentric(motion, rdl, results):
    time_s, s = motion(*rdl(2))
    joined = time_s > 2.7
    first, second = results(time_s[joined], s[joined])[0]
    assert np.isnan(first.eccentric_s)
    assert np.isnan(first.mean_eccentric_velocity_mps)
    assert first.mean_concentric_velocity_mps == pytest.approx(second.mean_concentric_velocity_mps, rel=0.02)
    assert second.eccentric_s == pytest.approx(1.6, abs=0.1)


def test_a_bounce_at_the_bottom_belongs_to_the_bottom_pause(motion, results):
    rep = [(1.5, -0.4), (0.25, 0.04), (0.25, -0.04), (1.0, 0.4), (1.0, 0.0)]
    reps, _ = results(*motion((1.0, 0.0), *rep * 3))
    assert len(reps) == 3
    assert reps[0].bottom_pause_s == pytest.approx(0.55, abs=0.08)


@pytest.mark.parametrize("pause_s", [0.3, 5.0, 8.0])
def test_a_pause_at_the_bottom_is_a_pause(motion, results, pause_s):
    found, _ = results(*motion((2.0, 0.0), *[(1.5, -0.4), (pause_s, 0.0), (1.0, 0.4), (1.0, 0.0)] * 3))
    assert [rep.bottom_pause_s for rep in found] == pytest.approx([pause_s] * 3, abs=0.35)


def test_a_slow_start_after_fidgeting_and_rest_belongs_to_the_lift(motion, results):
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


def test_a_recording_that_starts_with_the_lift_is_measured_from_its_first_sample(motion, results):
    time_s, s = motion((1.2, 0.5), (1.0, 0.0), (1.0, -0.5), (1.0, 0.0), start_m=0.225)
    under_way = time_s > 0.2
    (rep,) = results(time_s[under_way], s[under_way], concentric_first=True)[0]
    assert rep.start_s == pytest.approx(0.2, abs=0.05)  # the narrowest smoother reaches over 35 ms
    assert rep.size == pytest.approx(0.725 - s[under_way][0], abs=0.02)


@settings(max_examples=100, deadline=None)
@given(
    legs=st.lists(st.tuples(st.floats(0.05, 3.0), st.floats(-0.9, 0.9)), max_size=14),
    concentric_first=st.booleans(),
    rate_hz=st.sampled_from([20.0, 100.0, 333.0]),
)
def test_whatever_moves_a_standing_rep_has_its_lockout_after_its_start_and_a_range(
    motion, results, legs, concentric_first, rate_hz
):
    time_s, s = motion((1.0, 0.0), *legs, (1.0, 0.0), start_m=5.0, rate_hz=rate_hz)
    found, _ = results(time_s, s, concentric_first=concentric_first)
    for rep in found:
        assert time_s[0] <= rep.start_s <= rep.concentric_start_s < rep.concentric_end_s <= time_s[-1] + 0.1
        assert 0.0 < rep.size < 14 * 0.9
        said = np.isfinite([rep.mean_concentric_velocity_mps, rep.peak_concentric_velocity_mps])
        assert said[1] or not said[0]  # few samples of a quick lift may bound neither, or the peak alone


@pytest.mark.parametrize("rate_hz", [100.0, 333.0])
@pytest.mark.parametrize("rom_m", [0.25, 0.4, 0.6])
@pytest.mark.parametrize("most_mps2", [2.0, 5.0, 10.0])
def test_velocities_of_what_a_lifter_can_do_are_given(motion, results, rom_m, most_mps2, rate_hz):
    """Accelerations of up to g, 5.77 D / T² of the smoothest way (Flash & Hogan 1985), in tenths of a mm."""
    quick_s = (5.77 * rom_m / most_mps2) ** 0.5
    rep = [(1.5, -rom_m), (0.4, 0.0), (quick_s, rom_m), (1.0, 0.0)]
    time_s, s = motion((2.0, 0.0), *(rep * 4), (1.0, 0.0), rate_hz=rate_hz)
    found, _ = results(time_s, np.round(s, 4))
    assert len(found) == 4
    for one in found:
        assert one.mean_concentric_velocity_sigma_mps < one.mean_concentric_velocity_mps / 3.0
        assert one.peak_concentric_velocity_sigma_mps < 0.1 * one.peak_concentric_velocity_mps


def test_reps_are_seen_in_tension_alone_and_have_no_lengths(motion, rdl, counter):
    time_s, s = motion(*rdl(4, 80.0), start_m=140.0, rate_hz=80.0)
    rc = counter("tension", min_range=10.0)
    reps = [r for r in rc.push(FORCE, time_s, s) + rc.finish() if isinstance(r, Measured)]
    assert len({rep.candidate for rep in reps}) == 4
    assert np.isnan(reps[-1].mean_power_w)
    assert reps[-1].mean_force_n == pytest.approx(100.0, rel=0.02)


def test_force_and_power_of_a_free_weight_come_from_the_entered_load(motion, rdl, counter):
    time_s, s = motion(*rdl(1), rate_hz=500.0)
    rc = counter()
    rc.set_load(100.0)
    (rep,) = [r for r in rc.push(POSITION, time_s, s) + rc.finish() if getattr(r, "kind", "") == "complete"]
    assert rep.mean_force_n == pytest.approx(980.665, rel=0.01)
    assert rep.work_j == pytest.approx(980.665 * 0.4, rel=0.03)
    assert rep.peak_power_w > rep.mean_power_w > 0.0


def test_ticks_come_at_full_ticks_of_the_session(motion, rdl, counter):
    time_s, s = motion(*rdl(1))
    ticks = [r for r in counter(tick_s=0.1).push(POSITION, time_s, s) if isinstance(r, Tick)]
    np.testing.assert_allclose(np.diff([tick.time_s for tick in ticks]), 0.1)


def test_wrong_arguments_are_refused_with_what_was_seen(counter):
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


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory as Linux tells it")
def test_a_counter_takes_memory_for_the_channels_and_reps_it_has(motion, rdl, counter):
    def resident_mib():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    time_s, s = motion(*rdl(2), rate_hz=1000.0)
    counters = [counter() for _ in range(20)]
    before = resident_mib()
    counters += [counter() for _ in range(20)]
    made = resident_mib()
    for each in counters:
        each.push(POSITION, time_s, s)
    assert made - before < 20 * 0.5
    assert resident_mib() - made < 40 * 1.0
