"""Standard uncertainties: errors are drawn, and as many lie within two sigma as should."""

import numpy as np
import pytest

from kernels import CHANNELS, Measured

RATE_HZ = 1000.0
NUMBERS = {
    "size": "size_sigma",
    "mean_concentric_velocity_mps": "mean_concentric_velocity_sigma_mps",
    "peak_concentric_velocity_mps": "peak_concentric_velocity_sigma_mps",
    "eccentric_s": "eccentric_sigma_s",
    "bottom_pause_s": "bottom_pause_sigma_s",
    "concentric_s": "concentric_sigma_s",
}


def read_by(time_s, s, rng, *, rate_hz, noise_m=0.0, tremor_m=0.0, step_m=0.0):
    """What a sensor makes of a dense motion: its own rate, noise, a lifter's tremor, and its resolution."""
    at_s = np.arange(rng.uniform(0.0, 1.0 / rate_hz), time_s[-1], 1.0 / rate_hz)
    value = np.interp(at_s, time_s, s) + rng.normal(0.0, noise_m, at_s.size)
    for hz in rng.uniform(8.0, 12.0, 4):
        value += tremor_m / np.sqrt(2.0) * np.sin(2.0 * np.pi * (hz * at_s + rng.uniform()))
    return at_s, np.floor(value / step_m + rng.uniform()) * step_m if step_m else value


def errors_in_sigma(results, time_s, s, read, seeds=12):
    """Every number's errors over its sigma, against the same kernel on the motion as it was."""
    true, _ = results(time_s, s)
    found = {name: [] for name in NUMBERS}
    for seed in range(seeds):
        reps, _ = results(*read(time_s, s, np.random.default_rng(seed)))
        assert len(reps) == len(true)
        for rep, one in zip(reps, true, strict=True):
            for name, sigma in NUMBERS.items():
                assert getattr(rep, sigma) > 0.0
                found[name].append((getattr(rep, name) - getattr(one, name)) / getattr(rep, sigma))
    return {name: np.array(values) for name, values in found.items()}


SENSORS = {
    "good encoder": {"rate_hz": 200.0, "noise_m": 0.0001, "step_m": 0.0002, "tremor_m": 0.0001},
    "noisy": {"rate_hz": 200.0, "noise_m": 0.001},
    "very noisy": {"rate_hz": 100.0, "noise_m": 0.004},
    "fast": {"rate_hz": 1000.0, "noise_m": 0.0005},
    "coarse": {"rate_hz": 200.0, "step_m": 0.0027},
    "slow": {"rate_hz": 25.0, "noise_m": 0.0005, "step_m": 0.0005},
    "trembling": {"rate_hz": 200.0, "tremor_m": 0.0006},
}


@pytest.mark.parametrize("sensor", SENSORS)
def test_errors_lie_within_two_sigma_as_often_as_they_should(motion, rdl, results, sensor):
    time_s, s = motion(*rdl(4), rate_hz=RATE_HZ)
    found = errors_in_sigma(results, time_s, s, lambda *of: read_by(*of, **SENSORS[sensor]))
    within = {name: np.mean(np.abs(values) < 2.0) for name, values in found.items()}
    assert np.mean(list(within.values())) > 0.88, within
    assert min(within.values()) > 0.7, within
    assert max(np.abs(values).max() for values in found.values()) < 6.0
    # nor are they so wide that they say nothing
    assert np.sqrt(np.mean(np.concatenate(list(found.values())) ** 2)) > 0.3


def test_a_boundary_that_lies_in_a_gap_is_uncertain_by_the_gap(motion, rdl, results):
    time_s, s = motion(*rdl(4))
    whole, _ = results(time_s, s)
    start_s = whole[1].concentric_start_s
    there = (time_s < start_s - 0.2) | (time_s > start_s + 0.2)
    torn, _ = results(time_s[there], s[there])
    off_s = abs(torn[1].concentric_s - whole[1].concentric_s)
    assert 0.02 < off_s < 2.5 * torn[1].concentric_sigma_s
    assert torn[1].concentric_sigma_s < 0.4
    assert torn[2].concentric_sigma_s == pytest.approx(whole[2].concentric_sigma_s, rel=0.5)


def test_a_scale_that_is_not_known_makes_every_length_of_the_set_uncertain(motion, rdl, counter):
    time_s, s = motion(*rdl(3))
    plain, unsure = (
        [r for r in rc.push(0, time_s, s) + rc.finish() if isinstance(r, Measured) and r.kind == "complete"]
        for rc in (counter(), counter(sigma_scale=0.05))
    )
    for one, other in zip(plain, unsure, strict=True):
        assert other.size_sigma == pytest.approx(np.hypot(one.size_sigma, 0.05 * one.size))
        assert other.mean_concentric_velocity_sigma_mps == pytest.approx(
            np.hypot(one.mean_concentric_velocity_sigma_mps, 0.05 * one.mean_concentric_velocity_mps)
        )
        assert other.concentric_sigma_s == one.concentric_sigma_s


def two_tethers(time_s, s, counter, anchors, said, zeros=(0.0, 0.0), sigmas=None):
    """The reps of a bar that leans, where the anchors are not quite where they are said to be."""
    x = 0.08 * (s.max() - s)
    rc = counter("two-tethers", anchor_m=said[0], anchor_2_m=said[1], **(sigmas or {}))
    found = []
    for place in (1, 0):
        length = np.hypot(x - anchors[place][0], s - anchors[place][1]) + zeros[place]
        found += rc.push(CHANNELS.index(("position_m", "position_2_m")[place]), time_s, length)
    return [r for r in found + rc.finish() if isinstance(r, Measured) and r.kind == "complete"]


def test_anchors_surveyed_by_tape_and_zeros_turn_ranges_and_paths_by_as_much_as_is_said(motion, rdl, counter):
    time_s, s = motion(*rdl(2))
    anchors = ((0.3, 0.0), (-0.4, 0.05))
    sigmas = {"sigma_anchor_m": 0.01, "sigma_zero_m": 0.005}
    exact = two_tethers(time_s, s, counter, anchors, anchors)[0]
    rng = np.random.default_rng(3)
    ranges, paths = [], []
    for _ in range(60):
        said = tuple(tuple(float(v) for v in np.array(a) + rng.normal(0.0, 0.01, 2)) for a in anchors)
        rep = two_tethers(time_s, s, counter, anchors, said, rng.normal(0.0, 0.005, 2), sigmas)[0]
        ranges.append((rep.size - exact.size) / rep.size_sigma)
        paths.append((rep.path_deviation_m - exact.path_deviation_m) / rep.path_deviation_sigma_m)
    for off in (ranges, paths):
        assert 0.75 < np.sqrt(np.mean(np.square(off))) < 1.3


@pytest.mark.parametrize("quick_s", [0.5, 0.7, 1.0])
def test_a_path_is_as_unsure_as_its_turns_are_rounded(motion, counter, quick_s):
    """A bar that swings far out and is soon back: what smoothing takes off it is more than its noise."""
    legs = [(quick_s, -0.4), (0.2, 0.0), (quick_s, 0.4), (1.0, 0.0)]
    time_s, s = motion((2.0, 0.0), *legs * 5, (1.0, 0.0), rate_hz=400.0)
    x = 0.6 * (s.max() - s)
    anchors = ((0.1, 0.0), (-0.5, 0.0))
    off, sigmas = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        rc = counter("two-tethers", anchor_m=anchors[0], anchor_2_m=anchors[1], sigma_length_m=0.0001)
        found = []
        for place in (1, 0):
            length = np.hypot(x - anchors[place][0], s - anchors[place][1]) + rng.normal(0.0, 0.0001, s.size)
            found += rc.push(CHANNELS.index(("position_m", "position_2_m")[place]), time_s, length)
        for rep in found + rc.finish():
            if isinstance(rep, Measured) and rep.kind == "complete":
                inside = (time_s >= rep.start_s) & (time_s <= rep.end_s)
                far = np.abs(x[inside] - x[inside][0]).max()
                off.append((rep.path_deviation_m - far) / rep.path_deviation_sigma_m)
                sigmas.append(rep.path_deviation_sigma_m)
    assert len(off) == 30
    assert np.mean(np.abs(off) < 2.0) > 0.9
    assert np.sqrt(np.mean(np.square(off))) > 0.2
    assert np.mean(sigmas) < 0.006


def test_a_tether_that_rings_from_the_lockout_on_makes_the_lifts_end_unsure(motion, rdl, results):
    time_s, s = motion(*rdl(4), rate_hz=RATE_HZ)
    true, _ = results(time_s, s)
    off = []
    for seed in range(24):
        rng = np.random.default_rng(seed)
        ring = np.zeros_like(s)
        for rep in true:
            for end_s in (rep.concentric_end_s, rep.eccentric_end_s):
                since_s = np.maximum(time_s - end_s, 0.0)
                wave = np.sin(2.0 * np.pi * rng.uniform(8.0, 15.0) * since_s)
                ring += 0.006 * wave * np.exp(-since_s / rng.uniform(0.1, 0.3))
        found, _ = results(*read_by(time_s, s + ring, rng, rate_hz=200.0, noise_m=0.0001, step_m=0.0002))
        assert len(found) == 4
        for rep, one in zip(found, true, strict=True):
            off.append((rep.concentric_s - one.concentric_s) / rep.concentric_sigma_s)
    assert np.max(np.abs(off)) < 1.8
    assert np.sqrt(np.mean(np.square(off))) > 0.2


def test_the_height_over_one_tether_is_as_unsure_as_the_bar_may_stray(motion, rdl, counter):
    time_s, s = motion(*rdl(2))
    for stray_m, least, most in ((0.0, 0.0, 0.0005), (0.1, 0.003, 0.006)):
        rc = counter("one-tether", stray_m=stray_m)
        found = rc.push(0, time_s, s) + rc.finish()
        sigma = next(r for r in found if isinstance(r, Measured) and r.kind == "complete").size_sigma
        assert least <= sigma <= most


@pytest.mark.parametrize("start_m", [1.0, 0.6, 0.41, 0.4, 0.0, -0.3])
def test_a_travel_zeroed_anywhere_has_lengths_as_unsure_as_the_lowest_bar_s(motion, rdl, counter, start_m):
    """Right over its reel nothing tells a length from a travel, zeroed at the floor, at the top, on hooks."""
    time_s, s = motion(*rdl(2), start_m=start_m)
    rc = counter("one-tether", stray_m=0.05)
    found = rc.push(0, time_s, s) + rc.finish()
    rep = next(r for r in found if isinstance(r, Measured) and r.kind == "complete")
    low_m = max(0.125, start_m - 0.4)
    assert rep.size == pytest.approx(0.4, abs=0.001)
    assert rep.size_sigma == pytest.approx(0.05**2 / (2.0 * np.sqrt(5.0) * low_m), rel=0.02, abs=0.0001)
    assert rep.mean_concentric_velocity_sigma_mps < 0.02
    assert not rc.below_reel


def test_velocities_that_rest_on_spikes_between_slow_samples_are_not_said(motion, rdl, results):
    time_s, s = motion(*rdl(4), rate_hz=25.0)
    plain, _ = results(time_s, s)
    spoilt = s.copy()
    middle = int(0.5 * (plain[1].concentric_start_s + plain[1].concentric_end_s) * 25.0)
    spoilt[middle : middle + 2] += (0.2, 0.17)
    found, _ = results(time_s, spoilt)
    assert len(found) == 4
    said = [found[i].peak_concentric_velocity_mps for i in (0, 2, 3)]
    assert said == pytest.approx([plain[0].peak_concentric_velocity_mps] * 3, abs=0.05)
    spoilt_rep = found[1]
    off = spoilt_rep.peak_concentric_velocity_mps - plain[1].peak_concentric_velocity_mps
    assert np.isnan(off) or abs(off) < 3.0 * spoilt_rep.peak_concentric_velocity_sigma_mps
    assert np.isnan(spoilt_rep.size_sigma) == np.isnan(off)


def test_a_mean_velocity_that_gaps_of_a_slow_sensor_leave_unbounded_is_not_said(motion, rdl, results):
    time_s, s = motion(*rdl(4), rate_hz=25.0)
    true, _ = results(time_s, s)
    said = alone = 0
    for seed in range(24):
        rng = np.random.default_rng(seed)
        there = np.ones(s.size, dtype=bool)
        for rep in true:
            begin = int(25.0 * rng.uniform(rep.concentric_start_s - 0.4, rep.concentric_end_s))
            there[begin : begin + int(rng.integers(3, 12))] = False
        found, _ = results(time_s[there], s[there] + rng.normal(0.0, 0.0005, there.sum()))
        for rep in found:
            mcv, sigma = rep.mean_concentric_velocity_mps, rep.mean_concentric_velocity_sigma_mps
            one = min(true, key=lambda one: abs(one.concentric_end_s - rep.concentric_end_s))
            if not np.isnan(mcv):
                said += 1
                assert sigma <= mcv / 3.0
                assert abs(mcv - one.mean_concentric_velocity_mps) < 3.5 * sigma
            elif not np.isnan(rep.size_sigma):  # the range and the peak are none the worse for it
                alone += 1
                assert abs(rep.size - one.size) < 3.5 * rep.size_sigma
                peak, sigma = rep.peak_concentric_velocity_mps, rep.peak_concentric_velocity_sigma_mps
                assert abs(peak - one.peak_concentric_velocity_mps) < 3.5 * sigma
    assert 0 < said < 24 * 4
    assert alone


def test_samples_that_were_not_used_as_they_came_are_counted_with_their_rep(motion, rdl, results):
    time_s, s = motion(*rdl(3))
    s = s + np.random.default_rng(1).normal(0.0, 0.0001, s.size)
    plain, _ = results(time_s, s)
    assert [rep.repaired_samples for rep in plain] == [0, 0, 0]
    spoilt = s.copy()
    middle_s = 0.5 * (plain[1].start_s + plain[1].end_s)
    for i in (int(middle_s * 200.0), int(middle_s * 200.0) + 40, int(middle_s * 200.0) + 80):
        spoilt[i] += 0.3
    found, _ = results(time_s, spoilt)
    assert [rep.repaired_samples for rep in found] == [0, 3, 0]


def test_a_tremor_makes_places_less_unsure_than_white_noise_of_its_speed_would(motion, rdl, results):
    time_s, s = motion(*rdl(4), rate_hz=RATE_HZ)
    found = errors_in_sigma(results, time_s, s, lambda *of: read_by(*of, **SENSORS["trembling"]))
    off = np.sqrt(np.mean(found["size"] ** 2))
    assert 0.6 < off < 1.9


def test_a_load_that_is_stopped_dead_was_nowhere_lower_than_its_lowest_reading(motion, results):
    down, up = np.linspace(1.0, 0.6, 201)[1:], np.linspace(0.6, 1.0, 161)[1:]
    rep = np.concatenate((down, np.full(120, 0.6), up, np.full(200, 1.0)))
    s = np.concatenate((np.full(400, 1.0), rep, rep, rep, np.full(200, 1.0)))
    reps, _ = results(np.arange(s.size) / 200.0, s)
    assert len(reps) == 3
    assert [rep.bottom for rep in reps] == pytest.approx([0.6] * 3, abs=1e-6)


def conversions(time_s, force_n, rng, rate_hz=10.0, noise_n=0.3):
    """A cell's readings: the mean over each conversion, stamped at its end."""
    ends_s = np.arange(rng.uniform(1.0, 2.0) / rate_hz, time_s[-1], 1.0 / rate_hz)
    area = np.concatenate(([0.0], np.cumsum(0.5 * (force_n[1:] + force_n[:-1]) * np.diff(time_s))))
    means = np.interp(ends_s, time_s, area) - np.interp(ends_s - 1.0 / rate_hz, time_s, area)
    return ends_s, rate_hz * means + rng.normal(0.0, noise_n, ends_s.size)


def test_a_band_on_a_slow_cell_is_as_unsure_as_its_conversions_are_long(motion, rdl, counter):
    time_s, s = motion(*rdl(5), rate_hz=RATE_HZ)
    force_n = 250.0 * (s - 0.4)
    channel = CHANNELS.index("force_n")

    def reps(at_s, value):
        rc = counter("tension", free_weight=False, min_range=20.0)
        found = rc.push(channel, at_s, value) + rc.finish()
        return [r for r in found if isinstance(r, Measured) and r.kind == "complete"]

    true = reps(time_s, force_n)
    off = []
    for seed in range(12):
        found = reps(*conversions(time_s, force_n, np.random.default_rng(seed)))
        assert len(found) == len(true) == 5
        off += [
            (getattr(rep, name) - getattr(one, name)) / getattr(rep, NUMBERS[name])
            for rep, one in zip(found, true, strict=True)
            for name in ("eccentric_s", "bottom_pause_s", "concentric_s")
        ]
    assert np.mean(np.abs(off) < 2.0) > 0.9
    assert np.abs(off).max() < 5.0


def test_the_lowest_place_of_a_lift_that_begins_on_the_way_hangs_on_when_it_begins(motion, results):
    legs = [(1.0, 0.5), (0.6, 0.0), (1.5, -0.5), (1.2, 0.0)]
    time_s, s = motion((2.0, 0.0), *legs * 4, (1.0, 0.0), rate_hz=RATE_HZ, start_m=0.2)
    true, _ = results(time_s, s, concentric_first=True)
    off = []
    for seed in range(10):
        read = read_by(time_s, s, np.random.default_rng(seed), **SENSORS["trembling"])
        found, _ = results(*read, concentric_first=True)
        off += [(a.size - b.size) / a.size_sigma for a, b in zip(found, true, strict=True)]
    assert np.mean(np.abs(off) < 2.0) > 0.9


@pytest.mark.parametrize("seconds", [(5.0, 0.4, 6.5), (0.8, 1.2, 0.6)])
@pytest.mark.parametrize(("rate_hz", "noise_n"), [(10.0, 1.0), (80.0, 1.0), (80.0, 0.4), (60.0, 1.0)])
def test_durations_of_a_band_drawn_out_slowly_or_quickly_are_as_sure_as_its_cell_is_quiet(
    motion, counter, rate_hz, noise_n, seconds
):
    """Noise's own slope, where the rate hangs about its level, is steeper than the motion's."""

    def durations(time_s, tension_n):
        band = counter("tension", min_range=7.0, free_weight=False)
        found = band.push(CHANNELS.index("force_n"), time_s, tension_n) + band.finish()
        reps = [one for one in found if isinstance(one, Measured) and one.kind == "complete"]
        return np.array([(rep.eccentric_s, rep.bottom_pause_s, rep.concentric_s) for rep in reps]), np.array(
            [(rep.eccentric_sigma_s, rep.bottom_pause_sigma_s, rep.concentric_sigma_s) for rep in reps]
        )

    down_s, rest_s, up_s = seconds
    legs = ((2.0, 0.0), *[(down_s, -66.0), (rest_s, 0.0), (up_s, 66.0), (2.0, 0.0)] * 4, (6.0, 0.0))
    time_s, tension_n = motion(*legs, start_m=120.0, rate_hz=1000.0)
    true, _ = durations(time_s, tension_n)
    far = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        at_s = np.arange(rng.uniform(0.0, 1.0 / rate_hz), time_s[-1], 1.0 / rate_hz)
        read_n = np.interp(at_s, time_s, tension_n) + rng.normal(0.0, noise_n, at_s.size)
        said, sigma = durations(at_s, read_n)
        assert said.shape == true.shape
        far.append((said - true) / sigma)
    assert np.mean(np.abs(far) < 2.0) > 0.9
    assert np.max(np.abs(far)) < 5.0
