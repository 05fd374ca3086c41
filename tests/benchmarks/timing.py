"""CPU times of several ways to do the same work, taken in turn: a busy machine slows all of them alike."""

import time
from collections.abc import Callable, Mapping
from statistics import median

ROUNDS = 3


def seconds(works: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Seconds of this thread's CPU time each piece of work took, one figure a round."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start_s = time.thread_time()
            work()
            taken[name].append(time.thread_time() - start_s)
    return taken


def ratio(one_s: list[float], other_s: list[float]) -> float:
    """How many times longer `one` took than `other`: the median of the rounds' ratios."""
    return median(one / other for one, other in zip(one_s, other_s, strict=True))


def yardstick_s() -> float:
    """What this machine's core is worth beside others: CPU time of adding ten million numbers in a loop."""

    def add() -> None:
        total = 0
        for number in range(10_000_000):
            total += number

    return min(seconds({"add": add})["add"])
