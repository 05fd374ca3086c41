"""The kernels' limits, each tried from both sides: moved by a third, one of its two cases fails."""

import numpy as np
import pytest

from kernels import CHANNELS, Measured, Resampler

POSITION, SECOND, FORCE = (CHANNELS.index(name) for name in ("position_m", "position_2_m", "force_n"))


def kinds(found):
    return [one.kind for one in found if isinstance(one, Measured)]


@pytest.mark.parametrize(("hold_s", "confirmed"), [(2.4, False), (3.5, True)])
def test_a_rep_held_at_its_lockout_is_confirmed_after_three_seconds(motion, counter, hold_s, confirmed):
    legs = ((2.0, 0.0), (1.2, -0.5), (0.3, 0.0), (1.0, 0.5), (hold_s, 0.0))
    assert ("complete" in kinds(counter().push(POSITION, *motion(*legs)))) == confirmed


@pytest.mark.parametrize(("pause_s", "of_it"), [(3.6, True), (6.0, False)])
def test_what_was_moved_a_little_five_seconds_before_a_rep_is_not_of_it(motion, rdl, results, pause_s, of_it):
    moved = ((0.8, -0.06), (pause_s, 0.0), (1.2, -0.34), (0.3, 0.0), (1.0, 0.4), (1.0, 0.0))
    reps, _ = results(*motion(*rdl(2), *moved))
    assert (reps[2].eccentric_s > pause_s) == of_it


@pytest.mark.parametrize(("hold_s", "pending"), [(0.38, False), (0.6, True)])
def test_a_fall_from_the_hooks_that_is_held_for_six_tenths_of_a_second_is_no_measure_of_the_rep(
    motion, counter, hold_s, pending
):
    legs = ((2.0, 0.0), (1.2, -0.5), (hold_s, 0.0), (1.2, -0.5), (0.3, 0.0), (1.0, 0.5), (1.5, 0.0))
    assert ("lockout" in kinds(counter().push(POSITION, *motion(*legs, start_m=1.5)))) == pending


@pytest.mark.parametrize(("seconds", "quick"), [(0.66, True), (0.84, False)])
def test_what_is_out_and_back_within_half_a_second_is_too_quick(motion, results, seconds, quick):
    legs = ((2.0, 0.0), (seconds / 2, -0.15), (seconds / 2, 0.15), (3.0, 0.0))
    assert ("too-quick" in [one.reason for one in results(*motion(*legs))[1]]) == quick


@pytest.mark.parametrize(("seconds", "reps"), [(0.24, 0), (0.33, 1)])
def test_a_way_whose_middle_takes_a_tenth_of_a_second_is_no_lifter_s(motion, results, seconds, reps):
    legs = ((2.0, 0.0), (seconds, -0.3), (1.0, 0.0), (1.0, 0.3), (2.0, 0.0))
    assert len(results(*motion(*legs))[0]) == reps


@pytest.mark.parametrize(("share", "reps"), [(0.885, 0), (0.93, 1)])
def test_a_lift_that_the_recording_breaks_off_counts_where_it_has_all_but_ended(motion, results, share, reps):
    time_s, s = motion((1.2, 0.86), start_m=0.0, rate_hz=1000.0)
    n = int(share * s.size)
    assert len(results(time_s[:n], s[:n], concentric_first=True)[0]) == reps


@pytest.mark.parametrize(("lowered_m", "rom_m"), [(0.5, 0.5), (0.64, 0.4)])
def test_a_lift_let_down_by_two_fifths_more_than_it_rose_is_put_on_the_floor(
    motion, results, lowered_m, rom_m
):
    legs = ((2.0, 0.0), (1.0, 0.4), (0.6, 0.0), (1.2, -lowered_m), (3.0, 0.0))
    (rep,) = results(*motion(*legs, start_m=1.0), concentric_first=True)[0]
    assert rep.size == pytest.approx(rom_m, abs=0.01)


@pytest.mark.parametrize(
    ("load_n", "share", "reps"), [(700.0, 0.45, 2), (700.0, 0.75, 3), (40.0, 1.0, 2), (60.0, 1.0, 3)]
)
def test_who_carries_three_fifths_of_a_load_is_in_a_rep_however_long_he_rests(
    motion, rdl, counter, load_n, share, reps
):
    time_s, s = motion(*rdl(2), (1.8, -0.4), (11.0, 0.0), (1.0, 0.4), (4.0, 0.0))
    rests = (time_s > 12.2) & (time_s < 23.0)
    rc = counter()
    found = []
    for part in np.array_split(np.arange(time_s.size), 20):
        found += rc.push(FORCE, time_s[part], np.where(rests[part], share, 1.0) * load_n)
        found += rc.push(POSITION, time_s[part], s[part])
    assert kinds(found + rc.finish()).count("complete") == reps


def readings(step_m, repeats, *, rate_hz, goes_on=1.0):
    """A steady motion of which one reading is sent again, and then the next: how many of them were old."""
    places = [0.0, *(0.001 + step_m * np.arange(12))]
    last = places[-1]
    after = last + goes_on * step_m * (repeats + 1)
    value = np.array([*places, *[last] * repeats, after, after + step_m, after + 2.0 * step_m])
    channel = Resampler(6.0, 30.0, 0.01)
    channel.push(np.arange(value.size) / rate_hz, value)
    return channel.stale


@pytest.mark.parametrize(("repeats", "old"), [(4, 1), (6, 0)])
def test_a_reading_repeated_for_a_quarter_of_a_second_is_a_stop(repeats, old):
    assert readings(0.008, repeats, rate_hz=20.0) == old


@pytest.mark.parametrize(("repeats", "old"), [(8, 1), (12, 0)])
def test_a_reading_repeated_ten_times_is_a_stop(repeats, old):
    assert readings(0.003, repeats, rate_hz=200.0) == old


@pytest.mark.parametrize(("goes_on", "old"), [(0.24, 0), (0.38, 1)])
def test_a_motion_that_goes_on_by_a_third_of_its_way_has_not_stopped(goes_on, old):
    assert readings(0.003, 3, rate_hz=100.0, goes_on=goes_on) == old


@pytest.mark.parametrize(("step_m", "old"), [(0.0012, 0), (0.0018, 1)])
def test_what_moves_by_one_and_a_half_steps_does_not_read_the_same_twice(step_m, old):
    assert readings(step_m, 2, rate_hz=100.0) == old


@pytest.mark.parametrize(("gap_s", "seen"), [(0.12, True), (0.18, False)])
def test_no_path_is_said_of_a_line_over_a_gap(motion, rdl, counter, gap_s, seen):
    time_s, s = motion(*rdl(1), rate_hz=100.0)
    rc = counter("two-tethers", anchor_m=(0.0, 0.0), anchor_2_m=(-0.6, 0.0))
    kept = (time_s < 2.9) | (time_s > 2.895 + gap_s)
    second = np.sqrt(0.36 + s * s)
    found = rc.push(SECOND, time_s[kept], second[kept]) + rc.push(POSITION, time_s, s) + rc.finish()
    (rep,) = [one for one in found if isinstance(one, Measured) and one.kind == "complete"]
    assert np.isfinite(rep.path_deviation_m) == seen


@pytest.mark.parametrize(("behind_s", "waits"), [(0.19, True), (0.31, False)])
def test_a_second_tether_is_waited_for_a_quarter_of_a_second(motion, counter, behind_s, waits):
    time_s, s = motion((4.0, 0.0))
    rc = counter("two-tethers", anchor_m=(0.0, 0.0), anchor_2_m=(-0.6, 0.0))
    known, come = time_s < 2.0, time_s < 2.0 + behind_s
    rc.push(SECOND, time_s[known], np.sqrt(0.36 + s[known] ** 2))
    rc.push(POSITION, time_s[come], s[come])
    assert (rc.now_s < 2.05) == waits


@pytest.mark.parametrize(("share", "falls"), [(0.48, False), (0.72, True)])
def test_a_bar_that_falls_by_three_fifths_of_gravity_is_let_go(motion, results, share, falls):
    _, lifted = motion((2.0, 0.0), (1.0, 0.5), (0.5, 0.0), start_m=0.2)
    t = np.arange(400) / 200.0
    down = np.maximum(0.7 - 0.5 * share * 9.81 * t * t, 0.2)
    s = np.concatenate((lifted, down[1:], np.full(800, 0.2)))
    (rep,) = results(np.arange(s.size) / 200.0, s, concentric_first=True)[0]
    assert np.isnan(rep.eccentric_s) == falls


@pytest.mark.parametrize(("share", "reps"), [(0.065, 0), (0.095, 3)])
def test_a_band_that_pulls_by_a_twelfth_less_is_let_go_by_the_least_rep(motion, counter, share, reps):
    slack_n = 400.0 * share
    rep = ((1.5, -slack_n), (0.4, 0.0), (1.0, slack_n), (1.0, 0.0))
    band = counter("tension", min_range=7.0, free_weight=False)
    time_s, tension_n = motion((2.0, 0.0), *rep * 3, (6.0, 0.0), start_m=400.0, rate_hz=80.0)
    assert kinds(band.push(FORCE, time_s, tension_n) + band.finish()).count("complete") == reps


@pytest.mark.parametrize(("swings", "known"), [(2, False), (3, True)])
def test_three_swings_alike_inside_a_fall_are_reps(motion, counter, swings, known):
    rep = ((1.0, 0.3), (0.3, 0.0), (1.2, -0.3), (0.3, 0.0))
    legs = ((2.0, 0.0), (1.5, -1.1), *rep * swings, (1.0, 0.0))
    assert ("complete" in kinds(counter().push(POSITION, *motion(*legs, start_m=1.5)))) == known


@pytest.mark.parametrize(
    ("lift_s", "pull_n", "reps"), [(0.38, 12.0, 0), (0.38, 18.0, 1), (0.38, None, 1), (0.55, 0.0, 1)]
)
def test_a_lift_quicker_than_lifters_get_counts_only_where_the_cable_pulled(
    motion, counter, lift_s, pull_n, reps
):
    time_s, s = motion((2.0, 0.0), (lift_s, 0.24), (0.2, 0.0), (0.8, -0.24), (4.0, 0.0))
    rc = counter(concentric_first=True, free_weight=False)
    found = []
    for part in np.array_split(np.arange(time_s.size), 20):
        if pull_n is not None:
            found += rc.push(FORCE, time_s[part], np.full(part.size, pull_n))
        found += rc.push(POSITION, time_s[part], s[part])
    assert kinds(found + rc.finish()).count("complete") == reps


@pytest.mark.parametrize(("share", "reps"), [(0.5, 3), (0.7, 4)])
def test_a_lift_that_comes_back_by_three_fifths_is_a_rep_of_its_own(motion, rdl, results, share, reps):
    back = 0.4 * share
    legs = (*rdl(2)[:-1], (1.8, -0.4), (0.4, 0.0), (1.0, back), (0.6, 0.0), (1.0, -back), (0.4, 0.0))
    assert len(results(*motion(*legs, (1.0, 0.4), (1.0, 0.0)))[0]) == reps


@pytest.mark.parametrize(("moved_m", "said"), [(0.023, False), (0.034, True)])
def test_what_moves_by_a_quarter_of_the_least_rep_has_moved(motion, rdl, results, moved_m, said):
    _, discarded = results(*motion((2.0, 0.0), (0.8, moved_m), (2.0, 0.0), *rdl(2), (8.0, 0.0)))
    assert ("unrack" in [one.reason for one in discarded]) == said


@pytest.mark.parametrize(
    ("shaken_m", "shaken_s", "moved_m", "said"),
    [
        (0.005, 20.0, 0.043, False),
        (0.005, 20.0, 0.054, True),
        (0.007, 2.2, 0.035, True),
        (0.007, 3.3, 0.035, False),
    ],
)
def test_what_has_moved_is_told_from_a_shake_of_some_seconds_by_its_size(
    motion, rdl, results, shaken_m, shaken_s, moved_m, said
):
    time_s, s = motion((2.0 + shaken_s, 0.0), (0.8, moved_m), (2.0, 0.0), *rdl(2), (8.0, 0.0))
    shaken = s + shaken_m * np.sin(2.0 * np.pi * 4.0 * time_s) * (time_s > 2.0)
    assert ("unrack" in [one.reason for one in results(time_s, shaken)[1]]) == said


@pytest.mark.parametrize(("short_m", "known"), [(0.047, True), (0.074, False)])
def test_swings_inside_a_fall_that_differ_by_a_fifth_are_not_alike(motion, counter, short_m, known):
    swings = [
        leg
        for rom_m in (0.3, 0.3 - short_m, 0.3)
        for leg in ((1.0, rom_m), (0.3, 0.0), (1.2, -rom_m), (0.3, 0.0))
    ]
    legs = ((2.0, 0.0), (1.5, -1.1), *swings, (1.0, 0.0))
    assert ("complete" in kinds(counter().push(POSITION, *motion(*legs, start_m=1.5)))) == known


@pytest.mark.parametrize(("taut_n", "reps"), [(12.0, 0), (17.0, 3)])
def test_a_band_that_never_pulls_by_twice_the_least_rep_hangs_about_somebody(motion, counter, taut_n, reps):
    rep = ((1.5, -0.7 * taut_n), (0.4, 0.0), (1.0, 0.7 * taut_n), (1.0, 0.0))
    band = counter("tension", min_range=7.0, free_weight=False)
    time_s, tension_n = motion((2.0, 0.0), *rep * 3, (6.0, 0.0), start_m=taut_n, rate_hz=80.0)
    assert kinds(band.push(FORCE, time_s, tension_n) + band.finish()).count("complete") == reps


@pytest.mark.parametrize(("rest_s", "adrift"), [(0.7, True), (0.95, False)])
def test_the_place_after_a_jump_is_found_where_the_bar_rests_for_a_second(motion, rest_s, adrift):
    time_s, s = motion((1.0, 0.0), (1.2, 0.5), (rest_s, 0.0), rate_hz=100.0)
    channel = Resampler(6.0, 30.0, 0.01)
    channel.push(time_s, s + np.where(time_s > 1.5, 0.4, 0.0))
    assert channel.adrift == adrift


@pytest.mark.parametrize(("short_m", "announced"), [(0.27, 6), (0.2, 5)])
def test_two_reps_in_a_row_by_two_thirds_larger_make_those_before_them_partial(
    motion, counter, short_m, announced
):
    """The last one stalls for half a second at a little more than the others came back by."""

    def rep(size_m):
        return ((1.2, -size_m), (0.3, 0.0), (1.0, size_m), (0.8, 0.0))

    stalled = ((1.4, -0.4), (0.3, 0.0), (0.9, short_m + 0.02), (0.5, 0.0))
    legs = ((2.0, 0.0), *rep(short_m) * 3, *rep(0.4) * 2, *stalled)
    assert kinds(counter().push(POSITION, *motion(*legs))).count("lockout") == announced


def test_what_shakes_for_some_seconds_becomes_noise(motion, results):
    """By 30 mm to and fro; noise, as it is followed, doubles in two seconds."""
    time_s, s = motion((20.0, 0.0))
    shaken = s + 0.015 * np.sin(2.0 * np.pi * 4.0 * time_s) * (time_s > 2.0)
    quick_s = [one.end_s for one in results(time_s, shaken)[1] if one.reason == "too-quick"]
    assert max(quick_s) - 2.0 == pytest.approx(4.5, abs=0.7)


@pytest.mark.parametrize(("rom_m", "counts"), [(0.15, False), (0.22, True)])
def test_a_rep_is_at_least_two_steps_of_what_shakes(motion, results, rom_m, counts):
    """By 36 mm to and fro, turning points are confirmed by a tenth of a metre."""
    rep = ((1.0, -rom_m), (0.3, 0.0), (1.0, rom_m), (1.0, 0.0))
    time_s, s = motion((15.0, 0.0), *rep * 3, (6.0, 0.0))
    reps, _ = results(time_s, s + 0.018 * np.sin(2.0 * np.pi * 4.0 * time_s))
    assert (len(reps) > 0) == counts
