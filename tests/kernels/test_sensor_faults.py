"""What a sensor or a line does wrong, and what that costs."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import CHANNELS, Measured

POSITION, FORCE = CHANNELS.index("position_m"), CHANNELS.index("force_n")


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


@settings(max_examples=60, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 4000), max_size=12),
    seed=st.integers(0, 5),
    layout=st.sampled_from(["one-tether", "tilt", "two-tethers", "pulley"]),
)
def test_results_do_not_depend_on_how_the_stream_is_cut(motion, rdl, counter, cuts, seed, layout):
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


def test_the_channels_of_a_read_may_come_in_any_order(motion, rdl, counter):
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


def test_a_second_sensor_that_is_heard_first_says_nothing_by_itself(motion, rdl, counter):
    time_s, s = motion(*rdl())
    rc = counter("two-tethers", anchor_2_m=(0.6, 0.0))
    assert rc.push(1, time_s, np.hypot(s, 0.6)) == []
    assert len([r for r in rc.push(POSITION, time_s, s) + rc.finish() if isinstance(r, Measured)]) > 3


def test_a_second_without_samples_costs_no_rep_but_its_path(motion, rdl, counter):
    time_s, s = motion(*rdl(3))
    there = ~((time_s > 7.0) & (time_s < 7.8))
    rc = counter("two-tethers", anchor_2_m=(0.6, 0.0))
    found = rc.push(1, time_s[there], np.hypot(s, 0.6)[there]) + rc.push(POSITION, time_s[there], s[there])
    reps = [r for r in found + rc.finish() if isinstance(r, Measured) and r.kind == "complete"]
    assert [rep.size for rep in reps] == pytest.approx([0.4] * 3, abs=0.01)
    assert [np.isnan(rep.path_deviation_m) for rep in reps] == [False, True, False]


@pytest.mark.parametrize("share", [0.05, 0.3])
@pytest.mark.parametrize("rate_hz", [25.0, 100.0])
def test_readings_sent_again_at_random_cost_a_sample_of_time_and_no_speed(
    motion, rdl, results, rate_hz, share
):
    time_s, s = motion(*rdl(6), rate_hz=rate_hz)
    noisy = s + np.random.default_rng(4).normal(0.0, 0.0005, s.size)
    clean, _ = results(time_s, s)
    found, _ = results(time_s, spoilt(noisy, share, "repeated"))
    assert len(found) == 6
    for rep, true in zip(found, clean, strict=True):
        assert rep.concentric_s == pytest.approx(true.concentric_s, abs=0.12)
        assert rep.eccentric_s == pytest.approx(true.eccentric_s, abs=0.12)
        assert rep.peak_concentric_velocity_mps == pytest.approx(true.peak_concentric_velocity_mps, abs=0.1)
        assert rep.size == pytest.approx(true.size, abs=0.02)


@pytest.mark.parametrize("layout", ["travel", "tension"])
@pytest.mark.parametrize("rate_hz", [25.0, 200.0])
def test_spikes_on_the_way_and_in_a_row_change_no_number(motion, rdl, counter, rate_hz, layout):
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
        assert rep.peak_concentric_velocity_mps == pytest.approx(true.peak_concentric_velocity_mps, rel=0.06)


def test_a_second_sensor_that_falls_silent_costs_the_path_and_no_rep(motion, rdl, counter):
    time_s, s = motion(*rdl(4))
    tilt = np.zeros_like(time_s)
    rc = counter("tilt")
    half = time_s.size // 2
    found = rc.push(2, time_s[:half], tilt[:half]) + rc.push(POSITION, time_s, s) + rc.finish()
    reps = [r for r in found if isinstance(r, Measured) and r.kind == "complete"]
    assert [np.isnan(rep.path_deviation_m) for rep in reps] == [False, False, True, True]
