"""Turning points and the reps among them, against a slow reading of the rules."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

STEP, PROMINENCE = 0.28, 0.35  # of the least range; of the set's range


def slow_turns(s, step):
    """Where a motion turned: each time it had come back by a step. Places in s, ends included."""
    turns, direction, at = [0], 0, 0
    for i, place in enumerate(s):
        if direction >= 0 and s[at] - place >= step:
            turns.append(at)
            direction, at = -1, i
        elif direction <= 0 and place - s[at] >= step:
            turns.append(at)
            direction, at = 1, i
        elif direction * (place - s[at]) > 0.0:
            at = i
    return [*turns, at]


def without_inner_swings(s, turns):
    """The least inner swing is taken out, again and again, while it is small: a rainflow count."""
    turns = list(turns)
    while len(turns) > 3:
        sizes = np.abs(np.diff(s[turns]))
        least = 1 + int(np.argmin(sizes[1:-1]))
        if sizes[least] >= PROMINENCE * np.ptp(s):
            break
        del turns[least : least + 2]
    return turns


def slow_reps(s, min_range):
    """Where each rep of a motion that begins and ends at the top turns, and where it is back."""
    turns = without_inner_swings(s, slow_turns(s, STEP * min_range))
    return [(low, top) for low, top in pairwise(turns) if s[top] - s[low] >= min_range]


def way(moved_m, stall, seconds):
    """A way that goes back by a share of itself in the middle."""
    half = 0.5 * moved_m
    if not stall:
        return [(seconds, moved_m)]
    return [(0.6 * seconds, half), (0.8, -stall * moved_m), (0.6 * seconds, half + stall * moved_m)]


reps = st.lists(
    st.tuples(
        st.floats(0.85, 1.15),  # of 0.4 m
        st.sampled_from([0.0, 0.0, 0.1, 0.2]),  # of it, on the way down
        st.sampled_from([0.0, 0.0, 0.1, 0.2]),  # and up
        st.floats(0.7, 2.0),  # seconds a way
        st.floats(0.0, 1.5),  # at the bottom
        st.floats(0.2, 3.0),  # and at the top
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(drawn=reps, concentric_first=st.booleans())
def test_reps_are_the_swings_that_are_left_of_a_rainflow_count(motion, results, drawn, concentric_first):
    legs = [(2.0, 0.0)]
    sign = 1.0 if concentric_first else -1.0
    for size, down, up, seconds, bottom_s, top_s in drawn:
        legs += [*way(sign * 0.4 * size, down, seconds), (bottom_s, 0.0)]
        legs += [*way(-sign * 0.4 * size, up, seconds), (top_s, 0.0)]
    time_s, s = motion(*legs, (2.0, 0.0), start_m=1.2)
    said, discarded = results(time_s, s, concentric_first=concentric_first)
    swings = slow_reps(-s if concentric_first else s, 0.1)
    assert len(swings) == len(drawn)
    assert {one.reason for one in discarded} <= {"too-quick", "withdrawn"}  # of a stall, at first
    # a lift up and down is the same upside down: its lockout is where it turned
    tops = [low if concentric_first else top for low, top in swings]
    assert [rep.size for rep in said] == pytest.approx([0.4 * size for size, *_ in drawn], abs=0.01)
    for rep, top in zip(said, tops, strict=True):
        assert rep.top == pytest.approx(s[top], abs=0.005)
        assert rep.concentric_end_s < time_s[top] + 0.1
