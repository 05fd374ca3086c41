"""Simulated boards in real time or faster, on pseudo-terminals as a serial port would give their bytes."""

import heapq
import os
import signal
import termios
import time
import tty
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from station.errors import SourceError
from station.sim.devices.device import Piece

LAST_BYTES_S = 1.0  # a reader may still take what lies in the terminal


class Outlet(Protocol):
    """Where the bytes of several boards go; nobody has to listen."""

    urls: list[str]  # as a station file names each board's port

    def write(self, index: int, data: bytes) -> None:
        """Send a board's bytes without waiting; what nobody takes is lost."""

    def close(self) -> None:
        """Let go of everything."""


class Terminals:
    """A pseudo-terminal per station with a link to it; nobody has to read them."""

    def __init__(self, links: list[Path]) -> None:
        """Open one pty per link and point the link at it. Raises SourceError when that is not possible."""
        self.urls = [str(link.absolute()) for link in links]
        self._links = links
        self._ends: list[tuple[int, int]] = []
        for link in links:
            try:
                ours, theirs = os.openpty()
                # Kept open: a pty whose last reader leaves would hang up on us.
                self._ends.append((ours, theirs))
                tty.setraw(theirs)
                os.set_blocking(ours, False)
                link.unlink(missing_ok=True)
                link.symlink_to(os.ttyname(theirs))
            except OSError as error:
                self.close()
                raise SourceError(
                    f"{link}: no pseudo-terminal can be opened here ({error.strerror})"
                ) from error

    def write(self, index: int, data: bytes) -> None:
        """Send what fits. When nobody reads, the oldest bytes go, as in a serial adapter; seq shows it."""
        ours, theirs = self._ends[index]
        try:
            if os.write(ours, data) < len(data):
                termios.tcflush(theirs, termios.TCIFLUSH)
        except BlockingIOError:
            termios.tcflush(theirs, termios.TCIFLUSH)

    def close(self) -> None:
        """Remove the links and close the terminals."""
        for link in self._links:
            link.unlink(missing_ok=True)
        for ours, theirs in self._ends:
            os.close(ours)
            os.close(theirs)
        self._ends = []


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
        started = time.monotonic()
        while due and wait_until(started + due[0][0] / speed):
            _, data, index = heapq.heappop(due)
            outlet.write(index, data)
            piece = next(streams[index], None)
            if piece is not None:
                heapq.heappush(due, (*piece, index))
        wait_until(time.monotonic() + LAST_BYTES_S)
    finally:
        outlet.close()
    return 0
