"""What comes before the first rep, and after the last, is none."""

import numpy as np
import pytest


def rows(*lifts_m, pause_s=0.5):
    """Concentric-first reps of given lifts, each lowered to where it began."""
    return [leg for lift_m in lifts_m for leg in ((0.6, lift_m), (0.4, 0.0), (0.9, -lift_m), (pause_s, 0.0))]


@pytest.mark.parametrize("dip_m", [0.03, 0.07, 0.1, 0.15])
@pytest.mark.parametrize("reps", [0, 1, 6])
@pytest.mark.parametrize("standing_s", [2.0, 6.0])
def test_a_bar_tried_and_then_picked_up_is_no_rep(motion, rdl, results, dip_m, reps, standing_s):
    tried = ((2.0, 0.0), (0.5, dip_m), (0.8, 0.0), (0.7, -dip_m), (1.0, 0.0))
    legs = (*tried, (1.3, 0.6), (standing_s, 0.0))
    found, discarded = results(*motion(*legs, *rdl(reps, 0.25)[1:], (1.5, -0.6), (7.0, 0.0), start_m=0.3))
    assert [rep.size for rep in found] == pytest.approx([0.25] * reps, abs=0.004)
    assert "pick-up" in [d.reason for d in discarded]


def test_a_pending_rep_that_turns_out_a_pick_up_is_taken_back(motion, results):
    legs = ((2.0, 0.0), (0.8, 0.2), (1.0, 0.0), (1.0, -0.12), (0.8, 0.12), (0.8, 0.0), (1.2, 0.5), (8.0, 0.0))
    time_s, s = motion(*legs, start_m=0.2)
    pending, discarded = results(time_s, s, kind="lockout")
    assert len(pending) == 1
    assert [d.candidate for d in discarded if d.candidate >= 0] == [0]
    assert results(time_s, s)[0] == []


@pytest.mark.parametrize(
    "lifts_m", [(0.55, 0.43, 0.45, 0.48), (0.41, 0.32, 0.36, 0.37), (0.32, 0.34, 0.32, 0.32)]
)
@pytest.mark.parametrize("hang_m", [0.17, 0.38])
def test_reps_from_where_a_bar_hangs_count_each_though_no_one_comes_back_to_the_floor(
    motion, results, lifts_m, hang_m
):
    """All lifts end at one height, as rows do; a rep's lowest place may be the one it is let down to."""
    legs, at = [(2.0, 0.0), (1.2, hang_m), (3.0, 0.0)], 0.0
    lowered_m = (*lifts_m[1:], lifts_m[-1])
    for lift_m, following_m in zip(lifts_m, lowered_m, strict=True):
        legs += [(0.6, lift_m), (0.5, 0.0), (0.9, -following_m), (0.4, 0.0)]
        at += lift_m - following_m
    reps, _ = results(*motion(*legs, (1.5, -hang_m - at), (7.0, 0.0), start_m=0.1), concentric_first=True)
    assert [rep.size for rep in reps] == pytest.approx(list(map(max, lifts_m, lowered_m)), abs=0.01)


@pytest.mark.parametrize("sunk_m", [0.0, 0.03])
def test_two_lifts_from_a_hang_are_two_though_they_end_on_the_floor(motion, results, sunk_m):
    pull = ((2.0, 0.0), (1.2, 0.39 + sunk_m), (0.3, 0.0), (0.6, -sunk_m), (2.0, 0.0))
    legs = (*pull, *rows(0.39, 0.39)[:-1], (0.5, 0.0), (1.0, -0.39), (7.0, 0.0))
    reps, _ = results(*motion(*legs, start_m=0.2), concentric_first=True)
    assert [rep.size for rep in reps] == pytest.approx([0.39] * 2, abs=0.03)


def test_a_partial_rep_that_ends_the_set_is_shown_though_the_bar_is_touched_after_it(motion, results):
    touched = ((0.9, 0.0), (0.4, 0.08), (0.4, -0.08), (7.0, 0.0))
    legs = ((2.0, 0.0), *rows(0.6, 0.6, 0.6, 0.6, 0.33)[:-1], *touched)
    reps, _ = results(*motion(*legs, start_m=0.2), concentric_first=True)
    assert [rep.size for rep in reps] == pytest.approx([0.6] * 4 + [0.33], abs=0.01)


def test_a_last_lift_let_down_to_the_floor_counts(motion, results):
    legs = ((2.0, 0.0), (1.0, 0.3), (2.0, 0.0), *rows(0.35, 0.35, 0.35)[:-2], (1.4, -0.65), (7.0, 0.0))
    reps, _ = results(*motion(*legs, start_m=0.2), concentric_first=True)
    assert [rep.size for rep in reps] == pytest.approx([0.35] * 3, abs=0.02)


@pytest.mark.parametrize("noise_n", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("rate_hz", [20.0, 80.0, 320.0])
def test_standing_in_a_band_with_a_noisy_cell_is_no_rep_and_costs_none(motion, counter, noise_n, rate_hz):
    rep = ((1.5, -0.3), (6.0, 0.0), (1.0, 0.3), (1.0, 0.0))
    legs = ((2.0, 0.0), (1.5, 0.6), (20.0, 0.0), *rep * 4, (20.0, 0.0))
    time_s, s = motion(*legs, start_m=0.05, rate_hz=rate_hz)
    tension_n = 250.0 * s + np.random.default_rng(5).normal(0.0, noise_n, s.size)
    band = counter("tension", min_range=7.0, free_weight=False)
    found = band.push(3, time_s, tension_n) + band.finish()
    assert len([r for r in found if getattr(r, "kind", "") == "complete"]) == 4


def test_a_slack_band_that_somebody_plays_with_makes_no_rep(motion, counter):
    tugs = [
        leg for pull in (0.048, 0.05, 0.044) for leg in ((0.8, pull), (1.5, 0.0), (0.9, -pull), (1.2, 0.0))
    ]
    time_s, s = motion((2.0, 0.0), *tugs * 6, (5.0, 0.0), start_m=0.0, rate_hz=80.0)
    tension_n = 250.0 * s + np.random.default_rng(7).normal(0.0, 0.3, s.size)
    band = counter("tension", min_range=7.0, free_weight=False)
    found = band.push(3, time_s, tension_n) + band.finish()
    assert [r for r in found if getattr(r, "kind", "") == "complete"] == []


WALK_OUT = (0.8, 0.06), (1.0, 0.0), (2.2, -0.13), (1.5, 0.0)
WALK_IN = (1.8, 0.0), (2.0, 0.13), (0.5, 0.0), (0.7, -0.06)


@pytest.mark.parametrize("down_m", [0.03, 0.1])
@pytest.mark.parametrize("rom_m", [0.35, 0.55])
def test_a_single_between_a_walk_out_and_a_walk_back_is_the_lift_and_no_walk(motion, results, rom_m, down_m):
    """On one tether the way to the rack is a rise; a heavy single has no second rep to tell them by."""
    lift = (1.4, -rom_m), (0.2, 0.0), (1.1, rom_m)
    time_s, s = motion((4.0, 0.0), *WALK_OUT, *lift, *WALK_IN[:-1], (0.9, -down_m), (9.0, 0.0), start_m=1.2)
    (rep,), _ = results(time_s, s)
    assert rep.size == pytest.approx(rom_m, abs=0.01)
    assert rep.eccentric_s == pytest.approx(1.25, abs=0.15)
    assert rep.concentric_s == pytest.approx(1.0, abs=0.1)


def test_the_walks_of_a_rep_alone_after_a_set_are_none_of_it_either(motion, rdl, results):
    """Rest-pause: racked and taken out again for one more, before the set is over."""
    again = (6.0, 0.0), *WALK_OUT, (1.4, -0.4), (0.2, 0.0), (1.1, 0.4), *WALK_IN, (9.0, 0.0)
    time_s, s = motion((4.0, 0.0), *WALK_OUT, *rdl(3), *WALK_IN, *again, start_m=1.2)
    reps, _ = results(time_s, s)
    assert [rep.size for rep in reps] == pytest.approx([0.4] * 4, abs=0.01)
    assert [rep.concentric_s for rep in reps] == pytest.approx([0.95] * 4, abs=0.1)


@pytest.mark.parametrize("reps", [2, 4])
def test_reps_paused_at_the_knee_both_ways_are_whole(motion, results, reps):
    """Held at one place on the way down and up, as a walk out and back is; the next rep tells them apart."""
    rep = (1.0, -0.17), (0.9, 0.0), (1.0, -0.23), (0.4, 0.0), (0.8, 0.23), (0.9, 0.0), (0.8, 0.17), (1.2, 0.0)
    time_s, s = motion((3.0, 0.0), *(rep * reps), (9.0, 0.0))
    found, _ = results(time_s, s)
    assert [one.size for one in found] == pytest.approx([0.4] * reps, abs=0.01)
