"""How a channel's readings move from one to the next, whatever the reads they come in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import Dither

READINGS = st.lists(st.sampled_from([0.0, 1.0, 2.0, 2.0, 1.5, float("nan")]), max_size=40)


def slow_dither(time_s, value):
    """The same counts by arrays, from the first reading on."""
    there = ~np.isnan(value)
    time_s, known = time_s[there], value[there]
    step = np.diff(known, prepend=np.nan)
    (moved,) = np.nonzero(step != 0.0)
    signs = np.sign(step[moved])
    turns = np.count_nonzero(signs != np.concatenate(([0.0], signs[:-1])))
    return len(value), len(known), len(moved), turns, moved[-1], time_s[-1], time_s[moved[-1]]


def counts(seen):
    return seen.n, seen.known, seen.moved, seen.turns, seen.at, seen.value_s, seen.moved_s


@given(readings=READINGS, cuts=st.lists(st.integers(0, 40), max_size=5))
def test_counts_are_those_of_the_definition_however_the_readings_are_cut(readings, cuts):
    value = np.array([3.0, *readings])
    time_s = np.arange(len(value)) * 0.01
    seen = Dither()
    for at in np.split(np.arange(len(value)), sorted(cuts)):
        seen.take(time_s[at], value[at])
    assert counts(seen) == slow_dither(time_s, value)
    assert (seen.first_s, seen.newest_s) == (time_s[0], time_s[-1])


def test_the_last_reading_and_its_direction_outlast_a_new_beginning():
    time_s = np.arange(6) * 0.01
    seen = Dither()
    seen.take(time_s[:3], np.array([1.0, 2.0, 3.0]))
    seen.begin()
    assert seen.take(time_s[3:], np.array([3.0, 4.0, 3.0])) == pytest.approx(0.02)
    assert (seen.n, seen.known, seen.moved, seen.turns, seen.at) == (3, 3, 2, 1, 2)


def test_nothing_constant_and_nan_move_nothing():
    seen = Dither()
    assert seen.take(np.empty(0), np.empty(0)) == 0.0
    seen.take(np.array([0.0]), np.array([5.0]))
    seen.begin()
    assert seen.take(np.empty(0), np.empty(0)) == 0.0
    seen.take(np.arange(4.0), np.array([5.0, np.nan, 5.0, 5.0]))
    assert (seen.n, seen.known, seen.moved, seen.turns) == (4, 3, 0, 0)


def test_as_many_values_as_times_are_needed():
    with pytest.raises(ValueError, match="as many times as values, got 2 and 1"):
        Dither().take(np.arange(2.0), np.zeros(1))
