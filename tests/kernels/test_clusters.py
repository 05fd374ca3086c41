"""Cluster sets: the bar is racked for a few seconds between reps, and everything goes on."""

import pytest


def cluster(rest_s, racked_m, further_m, reps=3, rom_m=0.4):
    """Reps, the bar racked `racked_m` below their top, unracked `further_m` higher, reps again."""
    a_rep = ((1.8, -rom_m), (0.4, 0.0), (1.0, rom_m), (1.0, 0.0))
    between = ((0.8, -racked_m), (rest_s, 0.0), (0.8, racked_m + further_m), (1.5, 0.0))
    return ((2.0, 0.0), *a_rep * reps, *between, *a_rep * reps, (1.0, 0.0))


@pytest.mark.parametrize("rest_s", [0.5, 3.0, 4.5, 8.0, 20.0])
@pytest.mark.parametrize("racked_m", [0.05, 0.08, 0.12])
@pytest.mark.parametrize("further_m", [-0.01, 0.0, 0.002, 0.02])
def test_a_bar_racked_for_a_moment_costs_no_rep_and_is_none(motion, results, rest_s, racked_m, further_m):
    reps, _ = results(*motion(*cluster(rest_s, racked_m, further_m)))
    assert [rep.size for rep in reps] == pytest.approx([0.4] * 6, abs=0.021)


@pytest.mark.parametrize("racked_m", [0.12, 0.2])
def test_a_first_set_after_a_false_start_loses_no_rep(motion, results, racked_m):
    """Unracked, racked again and unracked a little higher, before any rep has said what the range is."""
    legs = ((2.0, 0.0), (0.8, -racked_m), (3.0, 0.0), (0.8, racked_m + 0.003), (1.5, 0.0))
    reps, _ = results(*motion(*legs, *[(1.8, -0.5), (0.4, 0.0), (1.0, 0.5), (1.0, 0.0)] * 4))
    assert [rep.size for rep in reps][-4:] == pytest.approx([0.5] * 4, abs=0.005)
