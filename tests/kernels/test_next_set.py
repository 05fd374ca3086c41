"""A set that is said to begin has a range of its own, whatever the one before it was."""

import numpy as np
import pytest

from kernels import CHANNELS, Measured

POSITION = CHANNELS.index("position_m")


def reps_of(counter, time_s, s, told_s):
    """What stands of a motion when, at `told_s`, a set is said to begin."""
    rc, found = counter(), []
    before = int(np.searchsorted(time_s, told_s))
    for part in (slice(0, before), slice(before, None)):
        found += rc.push(POSITION, time_s[part], s[part])
        if part.stop:
            rc.begin_set()
    found += rc.finish()
    return [one for one in found if isinstance(one, Measured) and one.kind == "complete"]


@pytest.mark.parametrize("told_s", [11.4, 12.6, 13.5], ids=["on the way up", "at lockout", "standing"])
def test_a_short_lifter_right_after_a_tall_one_is_counted(motion, rdl, counter, told_s):
    tall, short = rdl(3, rom_m=0.7)[:-1], rdl(3, rom_m=0.16)
    time_s, s = motion(*tall, *short)
    reps = reps_of(counter, time_s, s, told_s)
    assert [round(rep.size, 1) for rep in reps] == [0.7] * 3 + [0.2] * 3
    assert len(reps_of(counter, time_s, s, 1e9)) < 6, "else the test shows nothing"


def test_a_rep_that_is_going_on_when_a_set_is_said_to_begin_stays_what_it_is(motion, rdl, counter):
    time_s, s = motion(*rdl(4))
    whole = reps_of(counter, time_s, s, 1e9)
    for told_s in np.arange(2.1, 18.0, 0.37):
        found = reps_of(counter, time_s, s, float(told_s))
        assert [(rep.candidate, rep.start_s, rep.end_s) for rep in found] == [
            (rep.candidate, pytest.approx(rep.start_s), pytest.approx(rep.end_s)) for rep in whole
        ]
