"""Simulated boards in real time or faster, on pseudo-terminals as a serial port would give their bytes."""

import heapq
import os
import select
import signal
import termios
import time
import tty
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from station.errors import SourceError
from station.sim.devices.device import Piece

LOOK_S = 0.02  # whether a patient terminal is open, or has room
LAST_BYTES_S = 1.0  # a reader may still take what lies in the terminal


class Outlet(Protocol):
    """Where the bytes of several boards go; nobody has to listen."""

    urls: list[str]  # as a station file names each board's port

    def is_open(self) -> bool:
        """Whether to begin."""

    def write(self, index: int, data: bytes) -> bytes:
        """Send a board's bytes without waiting. Returns what is to be sent again later."""

    def close(self) -> None:
        """Let go of everything."""


class Terminals:
    """A pseudo-terminal per station with a link to it.

    As with a board nobody has to read, and what is not read in time is lost. Those that are `patient` begin
    when somebody has opened all of them, and wait for who reads late: the same reps on a busy machine.
    """

    def __init__(self, links: list[Path], patient: bool = False) -> None:
        """Open one pty per link and point the link at it. Raises SourceError when that is not possible."""
        self._patient = patient
        self.urls = [str(link.absolute()) for link in links]
        self._links = links
        self._ours: list[int] = []
        self._theirs: list[int] = []
        for link in links:
            try:
                ours, theirs = os.openpty()
                self._ours.append(ours)
                self._theirs.append(theirs)
                tty.setraw(theirs)
                os.set_blocking(ours, False)
                link.unlink(missing_ok=True)
                link.symlink_to(os.ttyname(theirs))
            except OSError as error:
                self.close()
                raise SourceError(
                    f"{link}: no pseudo-terminal can be opened here ({error.strerror}); give --tcp"
                ) from error
        if patient:  # one that nobody has open hangs up, and so is known
            self._close_theirs()

    def is_open(self) -> bool:
        """Whether somebody has opened all of them; of those that are not patient it is not asked."""
        poll = select.poll()
        for ours in self._ours:
            poll.register(ours, 0)
        return not any(state & select.POLLHUP for _, state in poll.poll(0))

    def write(self, index: int, data: bytes) -> bytes:
        """Send what fits. When nobody reads, the oldest bytes go, as in a serial adapter; seq shows it."""
        try:
            sent = os.write(self._ours[index], data)
        except OSError:  # no room, or nobody there
            sent = 0
        if self._patient:
            return data[sent:]
        if sent < len(data):
            termios.tcflush(self._theirs[index], termios.TCIFLUSH)
        return b""

    def close(self) -> None:
        """Remove the links and close the terminals."""
        for link in self._links:
            link.unlink(missing_ok=True)
        for ours in self._ours:
            os.close(ours)
        self._ours = []
        self._close_theirs()

    def _close_theirs(self) -> None:
        for theirs in self._theirs:
            os.close(theirs)
        self._theirs = []


def play(streams: Sequence[Iterator[Piece]], outlet: Outlet, speed: float) -> int:
    """Send each stream to the outlet's end of the same index, `speed` times as fast as it was sampled.

    Prints `ready` first, closes the outlet at last. Ends with the streams, on SIGTERM, SIGINT or SIGHUP, or
    with the process that started it. Returns the exit status.
    """
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda signum, _frame: stopped.append(signum))
    parent = os.getppid()

    def wait_until(at_s: float) -> bool:
        """True when it is time, False when it is time to stop."""
        while not stopped and os.getppid() == parent:
            wait_s = at_s - time.monotonic()
            if wait_s <= 0.0:
                return True
            time.sleep(min(wait_s, 0.1))
        return False

    try:
        print("ready", flush=True)
        due = [(*piece, index) for index, stream in enumerate(streams) if (piece := next(stream, None))]
        heapq.heapify(due)
        while not outlet.is_open() and wait_until(time.monotonic() + LOOK_S):
            pass
        started = time.monotonic()
        while due and wait_until(started + due[0][0] / speed):
            at_s, data, index = heapq.heappop(due)
            left = outlet.write(index, data)
            piece = (at_s + LOOK_S * speed, left) if left else next(streams[index], None)
            if piece is not None:
                heapq.heappush(due, (*piece, index))
        wait_until(time.monotonic() + LAST_BYTES_S)
    finally:
        outlet.close()
    return 0
