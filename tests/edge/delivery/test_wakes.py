"""Waking the thread that waits for sockets: from any thread, together where wanted, and never lost."""

import threading
import time
from typing import Any

from edge.delivery.network import Network


def test_what_is_woken_for_together_wakes_once_and_after_it(until: Any) -> None:
    network, woken = Network(), 0
    stop = threading.Event()

    def waits() -> None:
        nonlocal woken
        while not stop.is_set():
            network.wait(60.0)
            woken += 1

    waiting = threading.Thread(target=waits)
    waiting.start()
    for rounds in range(1, 6):
        with network.together():
            for _ in range(100):
                network.wake()
            other = threading.Thread(target=network.wake)  # whoever it is
            other.start()
            other.join()
            assert woken == rounds - 1
        until(lambda now=rounds: woken == now)
    stop.set()
    network.wake()
    waiting.join(10.0)
    assert (waiting.is_alive(), woken) == (False, 6)


def test_a_wake_that_falls_on_the_end_of_together_is_not_lost() -> None:
    """Threads wake as another begins and ends `together` as fast as it can; each waits until it was heard."""
    network, stop, heard = Network(), threading.Event(), [0] * 3
    asked = [0] * 3

    def waits() -> None:
        while not stop.is_set():
            network.wait(10.0)
            heard[:] = asked

    def counts() -> None:
        while not stop.is_set():
            with network.together():
                pass

    def wakes(n: int) -> None:
        for _ in range(300):
            asked[n] += 1
            network.wake()
            began = time.monotonic()
            while heard[n] < asked[n]:
                assert time.monotonic() - began < 5.0, "it was lost"

    others = [threading.Thread(target=waits), threading.Thread(target=counts)]
    waking = [threading.Thread(target=wakes, args=(n,)) for n in range(3)]
    for thread in [*others, *waking]:
        thread.start()
    for thread in waking:
        thread.join(60.0)
    found = list(heard)
    stop.set()
    network.wake()
    for thread in others:
        thread.join(20.0)
    assert found == [300] * 3
