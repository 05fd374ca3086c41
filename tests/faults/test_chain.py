"""A short form of `make chain`: gyms, servers, workers, PostgreSQL; each is killed in turn."""

import pytest

from tests.faults.chain import chain
from tests.servers import NATS, POSTGRES


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.skipif(NATS is None, reason="nats-server is not installed")
@pytest.mark.skipif(POSTGRES is None, reason="postgresql is not installed")
@pytest.mark.parametrize("power", [False, True], ids=["kills", "power cut"])
def test_what_a_gym_has_committed_is_in_the_chain_once(power: bool) -> None:
    verdict = chain(seed=11, rounds=40, cut_s=4.0, power=power)
    assert verdict.passed, verdict.numbers
