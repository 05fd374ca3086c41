"""Pauses belong to the rep, wherever they are; a bar that lies has no pause."""

import math

import pytest


@pytest.mark.parametrize("hold_s", [1.0, 3.5, 6.0, 8.0])
@pytest.mark.parametrize("share", [0.2, 0.3, 0.5, 0.65, 0.8])
@pytest.mark.parametrize("way", ["down", "up"])
def test_a_hold_anywhere_on_the_way_neither_ends_a_rep_nor_costs_it(motion, results, hold_s, share, way):
    part_m, rest_m = 0.6 * share, 0.6 * (1.0 - share)
    if way == "up":
        rep = ((1.2, -0.6), (0.2, 0.0), (0.8, part_m), (hold_s, 0.0), (0.6, rest_m), (0.8, 0.0))
    else:
        rep = ((0.8, -part_m), (hold_s, 0.0), (0.8, -rest_m), (0.2, 0.0), (0.9, 0.6), (0.8, 0.0))
    reps, _ = results(*motion((2.0, 0.0), *rep * 4, (1.0, 0.0), start_m=1.4))
    assert [rep.size for rep in reps] == pytest.approx([0.6] * 4, abs=0.005)


def test_a_rep_held_below_lockout_is_pending_after_three_seconds_and_complete_where_it_ends(motion, results):
    held = ((1.2, -0.6), (0.8, 0.45), (6.0, 0.0), (0.6, 0.15), (2.0, 0.0))
    legs = ((2.0, 0.0), *held, (1.0, -0.6), (1.0, 0.6))
    time_s, s = motion(*legs, start_m=1.4)
    pending, _ = results(time_s, s, kind="lockout")
    assert pending[0].known_s == pytest.approx(4.0 + 3.0, abs=0.4)
    assert results(time_s, s)[0][0].size == pytest.approx(0.6, abs=0.005)


@pytest.mark.parametrize("touched_s", [None, 3.0, 5.0])
@pytest.mark.parametrize("lying_s", [13.0, 20.0, 45.0])
def test_what_lies_at_the_bottom_for_longer_than_a_pause_is_no_rep_whoever_touches_it(
    motion, rdl, results, touched_s, lying_s
):
    lying = [(lying_s, 0.0)]
    if touched_s is not None:
        touch = [(touched_s - 0.8, 0.0), (0.4, 0.06), (0.4, -0.06)]
        lying = touch * math.ceil(lying_s / touched_s)
    legs = (*rdl(3), (1.2, -0.4), *lying, (1.2, 0.4), *rdl(3))
    reps, _ = results(*motion(*legs))
    assert len(reps) == 6
    assert max(rep.eccentric_s + rep.bottom_pause_s for rep in reps) < 3.0


def test_a_very_slow_rep_does_not_lie(motion, results):
    rep = ((14.0, -0.5), (0.3, 0.0), (10.0, 0.5), (0.5, 0.0))
    reps, _ = results(*motion((1.0, 0.0), (1.2, 0.5), (6.0, 0.0), *rep * 3, (1.0, 0.0), start_m=0.1))
    assert [r.size for r in reps] == pytest.approx([0.5] * 3, abs=0.015)  # no faster than v0 at the ends


def test_a_long_wait_before_a_set_does_not_make_its_pauses_longer(motion, rdl, results):
    """A minute's wait, a lift, and eleven seconds put down are no rep of eleven seconds' pause."""
    legs = ((60.0, 0.0), (1.2, 0.5), *rdl(2), (1.2, -0.3), (11.0, 0.0), (1.2, 0.3), *rdl(2))
    reps, _ = results(*motion(*legs, start_m=0.2))
    assert len(reps) == 4
