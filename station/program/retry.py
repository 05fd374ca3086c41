"""When to try a port, a broker, a database or a disk again after a failure: the one place that decides it.

A loop that may wait iterates over `attempts`, a coroutine's over `async_attempts`; code that has other work
meanwhile asks a `Retry`. Decided elsewhere: a node connects to its broker at growing intervals, and the
publisher times unacknowledged events. Three loops wait after a failure alone, because after a success they go
on at once: the chain's relay and what its ingest fetches, RETRY_S, and a web page's listener, which browsers
wait for.
"""

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Protocol

RETRY_S = 1.0


class StopEvent(Protocol):
    """What `attempts` needs of a threading.Event."""

    def is_set(self) -> bool:
        """Whether to end."""

    def wait(self, timeout: float) -> bool:
        """Wait until it is set, at most `timeout` seconds; whether it is set."""


class Retry:
    """Allows one attempt per `every_s` seconds after a failure, without waiting. Time is an argument."""

    def __init__(self, every_s: float = RETRY_S) -> None:
        self._every_s = every_s
        self._next_s = -math.inf

    def due(self, now_s: float) -> bool:
        """Whether an attempt may be made."""
        return now_s >= self._next_s

    def failed(self, now_s: float) -> None:
        """An attempt has failed, or begins that should not be repeated sooner."""
        self._next_s = now_s + self._every_s

    def hurry(self) -> None:
        """Allow the next attempt at once."""
        self._next_s = -math.inf


def attempts(stop: StopEvent, every_s: float = RETRY_S) -> Iterator[None]:
    """Yield once for each attempt, `every_s` seconds after the one before, until `stop` is set."""
    while not stop.is_set():
        yield
        stop.wait(every_s)


async def async_attempts(
    stop: Callable[[], bool], sleep: Callable[[float], Awaitable[None]], every_s: float = RETRY_S
) -> AsyncIterator[None]:
    """For a coroutine what `attempts` is for a thread; `sleep` is asyncio's."""
    while not stop():
        yield
        await sleep(every_s)
