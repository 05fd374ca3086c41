"""Where a phase begins and ends, against a slow reading of the definition on the noise-free motion."""

import numpy as np
import pytest

V0_MPS = 0.02
RATE_HZ = 1000.0


def passes(time_s, speed, level, first, step):
    """When the speed, walked through from sample `first` by `step`, falls below a level; between samples."""
    i = first
    while speed[i + step] >= level:
        i += step
    share = (speed[i] - level) / (speed[i] - speed[i + step])
    return time_s[i] + step * share * (time_s[1] - time_s[0])


def boundaries(time_s, s, first, last):
    """The start and end of the phase that leads from sample `first` to `last`, both at rest."""
    sign = np.sign(s[last] - s[first])
    speed = sign * np.gradient(s, time_s)
    way = np.abs(s - s[first]) / abs(s[last] - s[first])
    level = max(V0_MPS, 0.08 * speed[first:last].max())
    left = first + int(np.argmax(way[first:last] > 0.15))
    reached = first + int(np.argmax(way[first:last] >= 0.85))
    found = []
    for zone, step in ((left, -1), (reached, 1)):
        read_s = passes(time_s, speed, level, zone, step)
        fast = int(np.argmax(speed[first:last])) + first
        through_s = passes(time_s, speed, 3.0 * level, fast, step)
        # sqrt(v) is linear in time
        slope = (np.sqrt(3.0 * level) - np.sqrt(level)) / abs(read_s - through_s)
        onward_s = (np.sqrt(level) - np.sqrt(V0_MPS)) / slope
        found.append(read_s + step * min(onward_s, 0.15))
    return found


def mcv(time_s, s, start_s, end_s):
    return (np.interp(end_s, time_s, s) - np.interp(start_s, time_s, s)) / (end_s - start_s)


def lifts(motion, lift_s, creep_s=0.0, creep_mps=0.0):
    """Deadlifts of 0.5 m, each begun by a creep; time, place, and the first and last sample of each lift."""
    legs = [(1.0, 0.0), (lift_s, 0.5), (0.8, 0.0), (1.5, -0.5)]
    time_s, s = motion((1.0, 0.0), *legs * 3, (1.0, 0.0), rate_hz=RATE_HZ)
    each = sum(duration_s for duration_s, _ in legs)
    spans = []
    for n in range(3):
        first = round((1.0 + n * each + 1.0) * RATE_HZ)
        spans.append((first, first + round(lift_s * RATE_HZ)))
    if creep_s:
        way = np.zeros_like(s)
        speed = np.gradient(s, time_s)
        for first, last in spans:
            # until the lift is faster, and 25 ms to take it up
            begin = first - round(creep_s * RATE_HZ)
            taken = np.arange(last - begin) / RATE_HZ
            extra = np.maximum(creep_mps * np.clip(taken / 0.025, 0.0, 1.0) - speed[begin:last], 0.0)
            extra[np.argmax(extra > 0.0) + np.argmax(extra[np.argmax(extra > 0.0) :] == 0.0) :] = 0.0
            crept = np.cumsum(extra) / RATE_HZ
            way[begin:last] += crept
            way[last:] += crept[-1]
            down = last + round(0.8 * RATE_HZ)
            way[down:] -= crept[-1] * np.clip(np.arange(way.size - down) / (1.5 * RATE_HZ), 0.0, 1.0)
        s = s + way
    return time_s, s, spans


@pytest.mark.parametrize("lift_s", [0.45, 0.6, 0.8, 1.5, 2.5])
@pytest.mark.parametrize("noise_m", [0.0, 0.0003])
def test_boundaries_and_velocity_are_those_of_the_definition(motion, results, lift_s, noise_m):
    time_s, s, spans = lifts(motion, lift_s)
    noisy = s + np.random.default_rng(8).normal(0.0, noise_m, s.size)
    reps, _ = results(time_s, noisy, concentric_first=True)
    true = [boundaries(time_s, s, *span) for span in spans]
    assert len(reps) == 3
    off_s = np.array([(r.concentric_start_s, r.concentric_end_s) for r in reps]) - true
    assert np.abs(off_s.mean(0)).max() < (0.003 if noise_m == 0.0 else 0.006)
    for rep, pair in zip(reps, true, strict=True):
        assert rep.mean_concentric_velocity_mps == pytest.approx(mcv(time_s, s, *pair), rel=0.01)


CREEPS = [
    (lift_s, creep_s, creep_mps)
    for lift_s in (0.6, 1.0, 1.6, 2.5)
    for creep_s in (0.1, 0.5, 1.0)
    for creep_mps in (0.01, 0.02, 0.03, 0.05, 0.08)
    if 1.875 * 0.5 / lift_s >= 14.0 * creep_mps  # the peak; a faster creep is part of so slow a lift
]


@pytest.mark.parametrize(("lift_s", "creep_s", "creep_mps"), CREEPS)
def test_a_creep_before_a_lift_moves_its_velocity_by_a_hundredth_at_most(
    motion, results, lift_s, creep_s, creep_mps
):
    plain, _ = results(*lifts(motion, lift_s)[:2], concentric_first=True)
    crept, _ = results(*lifts(motion, lift_s, creep_s, creep_mps)[:2], concentric_first=True)
    assert len(crept) == 3
    for rep, as_was in zip(crept, plain, strict=True):
        assert rep.mean_concentric_velocity_mps == pytest.approx(
            as_was.mean_concentric_velocity_mps, rel=0.01
        )


def test_pauses_are_never_negative(motion, results):
    legs = [(0.5, -0.4), (0.5, 0.4)]
    time_s, s = motion((1.0, 0.0), *legs * 6, (1.0, 0.0), rate_hz=RATE_HZ)
    reps, _ = results(time_s, s)
    assert len(reps) == 6
    assert min(rep.bottom_pause_s for rep in reps) >= 0.0


def test_a_quick_short_lift_that_is_begun_at_once_does_not_read_low(results):
    time_s = np.arange(0.0, 12.0, 1.0 / RATE_HZ)
    speed = np.zeros_like(time_s)
    for start_s in (2.0, 5.0, 8.0):
        # 0.25 m in a quarter of a second, its full speed after 20 ms; let down slowly
        speed += 1.1 * np.clip((time_s - start_s) / 0.02, 0.0, 1.0) * (time_s < start_s + 0.2)
        speed += 1.1 * np.clip((start_s + 0.25 - time_s) / 0.05, 0.0, 1.0) * (time_s >= start_s + 0.2)
        speed -= (
            0.25
            * np.clip(np.sin(np.pi * (time_s - start_s - 1.0)), 0.0, None)
            * ((time_s > start_s + 1.0) & (time_s < start_s + 2.0))
            * (np.pi / 2.0)
        )
    s = 1.0 + np.cumsum(speed) / RATE_HZ
    ticks = np.floor(s[::5] / 0.0027) * 0.0027
    reps, _ = results(time_s[::5].copy(), ticks, concentric_first=True)
    assert len(reps) == 3
    true = boundaries(time_s, s, round(1.9 * RATE_HZ), round(2.5 * RATE_HZ))
    for rep in reps:
        assert rep.concentric_s == pytest.approx(true[1] - true[0], abs=0.02)
        assert rep.mean_concentric_velocity_mps == pytest.approx(mcv(time_s, s, *true), rel=0.06)


def begun_at(speed_share, lift_s=0.6):
    """Lifts of 0.4 m that leave their rest at a share of their peak speed, as a stack leaves the floor."""
    u = np.linspace(0.0, 1.0, 10_001)
    pull = u * u * (1.0 - u) * (1.0 - u)
    cut = u[int(np.argmax(pull >= speed_share * pull.max()))]
    time_s = np.arange(0.0, 14.0, 1.0 / RATE_HZ)
    speed = np.zeros_like(time_s)
    for start_s in (2.0, 6.0, 10.0):
        gone = (time_s - start_s) / lift_s
        way = np.where((gone > 0.0) & (gone < 1.0), cut + (1.0 - cut) * gone, 0.0)
        lift = way * way * (1.0 - way) * (1.0 - way)
        speed += 0.4 * RATE_HZ * lift / lift.sum()
        back = np.clip((time_s - start_s - 1.5) / 1.5, 0.0, 1.0)
        speed -= 0.4 * 30.0 / 1.5 * back * back * (1.0 - back) * (1.0 - back)
    return time_s, 1.0 + np.cumsum(speed) / RATE_HZ, round(1.9 * RATE_HZ), round(2.7 * RATE_HZ)


@pytest.mark.parametrize(
    ("speed_share", "most_s"), [(0.02, 0.002), (0.18, 0.003), (0.35, 0.010), (0.6, 0.010)]
)
def test_a_lift_that_leaves_its_rest_with_a_jerk_begins_then(results, speed_share, most_s):
    time_s, s, first, last = begun_at(speed_share)
    reps, _ = results(time_s, s, concentric_first=True)
    true = boundaries(time_s, s, first, last)
    assert len(reps) == 3
    assert reps[0].concentric_start_s == pytest.approx(true[0], abs=most_s)
    assert reps[0].concentric_start_s <= true[0] + 0.001
    assert reps[0].mean_concentric_velocity_mps == pytest.approx(mcv(time_s, s, *true), rel=0.015)
    assert abs(reps[0].concentric_s - (true[1] - true[0])) < 2.0 * reps[0].concentric_sigma_s


def test_a_lift_that_gathers_speed_evenly_is_not_taken_for_one_with_a_jerk(results):
    time_s = np.arange(0.0, 14.0, 1.0 / RATE_HZ)
    speed = np.zeros_like(time_s)
    for start_s in (2.0, 6.0, 10.0):
        for at_s, size_m, seconds in ((start_s, 0.4, 0.6), (start_s + 1.5, -0.4, 1.5)):
            gone = np.clip((time_s - at_s) / seconds, 0.0, 1.0)
            speed += 6.0 * size_m / seconds * gone * (1.0 - gone)
    s = 1.0 + np.cumsum(speed) / RATE_HZ
    reps, _ = results(time_s, s, concentric_first=True)
    true = boundaries(time_s, s, round(1.9 * RATE_HZ), round(2.7 * RATE_HZ))
    assert reps[0].concentric_start_s == pytest.approx(true[0], abs=0.003)
    assert reps[0].concentric_end_s == pytest.approx(true[1], abs=0.003)
