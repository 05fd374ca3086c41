"""Trying again: at once, then no sooner than agreed, and never after the end."""

import asyncio
import threading

import pytest

from station.program.retry import RETRY_S, Retry, async_attempts, attempts


class Stop:
    """Counts the waits; is set after `rounds` of them."""

    def __init__(self, rounds: int) -> None:
        self.waits: list[float] = []
        self._rounds = rounds

    def is_set(self) -> bool:
        return len(self.waits) >= self._rounds

    def wait(self, timeout: float) -> bool:
        self.waits.append(timeout)
        return self.is_set()


def test_the_first_attempt_is_made_at_once_and_the_next_after_the_interval() -> None:
    retry = Retry(5.0)
    assert retry.due(-1e9)
    retry.failed(100.0)
    assert not retry.due(104.999)
    assert retry.due(105.0)


def test_an_attempt_that_is_hurried_may_be_made_at_once() -> None:
    retry = Retry()
    retry.failed(100.0)
    retry.hurry()
    assert retry.due(100.0)


@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_attempts_end_with_the_stop_event(rounds: int) -> None:
    stop = Stop(rounds)
    assert len(list(attempts(stop))) == rounds
    assert stop.waits == [RETRY_S] * rounds


def test_nothing_is_attempted_after_the_end() -> None:
    stop = threading.Event()
    stop.set()
    assert list(attempts(stop)) == []


@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_a_coroutine_attempts_as_a_thread_does(rounds: int) -> None:
    stop = Stop(rounds)

    async def sleep(time_s: float) -> None:
        stop.wait(time_s)

    async def made() -> int:
        return len([None async for _ in async_attempts(stop.is_set, sleep)])

    assert asyncio.run(made()) == rounds
    assert stop.waits == [RETRY_S] * rounds
