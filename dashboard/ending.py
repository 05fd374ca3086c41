"""What ends a dashboard: a signal, or a terminal that goes away; and what goes on without a screen.

A terminal is lost when a laptop sleeps, an ssh connection breaks or a window is closed: nobody has meant to
end the writing of the history. Where this process does that, it goes on without a screen; see RecordLock.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType

LAST_RESORT_S = 6.0  # after a signal; leaving in order takes 3 s at most


class Stop:
    """Whether this process has been asked to end, and by which signal.

    screen : set when the screen is to end
    process : set when the whole process is
    lost : the terminal is gone, and what can do without goes on
    """

    def __init__(self, outlives_terminal: bool) -> None:
        self.screen, self.process = threading.Event(), threading.Event()
        self.left = threading.Event()
        self.lost = False
        self.number: int | None = None
        self.last_resort: Callable[[], None] = lambda: None
        self._terminals = [fd for fd in (0, 1, 2) if os.isatty(fd)]
        self._outlives = outlives_terminal and bool(self._terminals)
        self._came: SimpleQueue[int] = SimpleQueue()  # as in station.program.process.on_ending_signals
        threading.Thread(target=self._end, name="signals", daemon=True).start()

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        """Note the signal, and see to it that we end. Takes no lock: the main thread may hold it."""
        if number == signal.SIGHUP:
            # The terminal is gone: a write to it would end Textual's writer thread, and all wait for that.
            nowhere = os.open(os.devnull, os.O_RDWR)
            for fd in self._terminals:
                os.dup2(nowhere, fd)
            os.close(nowhere)
            self.lost = self._outlives
        if self.number is None and not (number == signal.SIGHUP and self.lost):
            self.number = number
        self._came.put(number)

    def status(self, status: int) -> int:
        """The exit status: 128 + the signal, as shells have it, or `status` where none came."""
        return status if self.number is None else 128 + self.number

    def _end(self) -> None:
        number = self._came.get()
        self.screen.set()
        while number == signal.SIGHUP and self._outlives:
            number = self._came.get()
        self.process.set()
        if not self.left.wait(LAST_RESORT_S):
            self.last_resort()
            os._exit(self.status(1))


@contextmanager
def signals(outlives_terminal: bool = False) -> Iterator[Stop]:
    """SIGINT, SIGTERM and SIGHUP set flags meanwhile, so that everything is left in order.

    A SIGHUP that whoever started us has had ignored (nohup) stays ignored.
    """
    stop = Stop(outlives_terminal)
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        numbers.remove(signal.SIGHUP)
    before = {number: signal.signal(number, stop.on_signal) for number in numbers}
    try:
        yield stop
    finally:
        stop.left.set()
        for number, handler in before.items():
            signal.signal(number, handler)


def hang_up() -> None:
    """The terminal is gone and the kernel has not said so: it was not our controlling one."""
    if signal.getsignal(signal.SIGHUP) not in (signal.SIG_IGN, signal.SIG_DFL):
        os.kill(os.getpid(), signal.SIGHUP)
