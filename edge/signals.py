"""How a command of the edge ends: by a signal, in order."""

import signal
import threading


def stop_on_signals() -> threading.Event:
    """An event that SIGINT, SIGTERM and SIGHUP set from now on."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    return stop
