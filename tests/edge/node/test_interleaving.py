"""However samples, commands, badges and restarts fall: a true rep is one rep of one set of one athlete."""

import pytest

from tests.faults.interleave import interleave


@pytest.mark.parametrize("seeds", [range(n, n + 20) for n in range(0, 80, 20)], ids=lambda r: str(r.start))
def test_each_true_rep_is_confirmed_once_for_whoever_was_signed_in_when_it_began(seeds: range) -> None:
    found = {seed: interleave(seed) for seed in seeds}
    assert {seed: one for seed, one in found.items() if one.doubled or one.lost or one.wrong} == {}
    assert sum(one.judged for one in found.values()) > 60
