"""However samples, commands, badges and restarts fall: a true rep is one rep of one set of one athlete."""

import pytest

from tests.faults.interleave import interleave

# What ten thousand have shown: an exercise changed twice within a rep, an undo that took back another's line.
SHOWN = [17, 757, 1493, 2153, 4031, 4202, 4641, 5286]


@pytest.mark.parametrize("seeds", [range(0, 20), range(20, 40), range(40, 60), SHOWN], ids=str)
def test_each_true_rep_is_confirmed_once_for_whoever_was_signed_in_when_it_began(seeds: list[int]) -> None:
    found = {seed: interleave(seed) for seed in seeds}
    assert {seed: one for seed, one in found.items() if one.doubled or one.lost or one.wrong} == {}
    assert sum(one.judged for one in found.values()) > 20
