"""Simulated boards on pseudo-terminals, in real time or faster: as a serial port would give their bytes."""

import heapq
import os
import signal
import termios
import time
import tty
from collections.abc import Iterator, Sequence
from pathlib import Path

from station.errors import SourceError
from station.sim.device import Piece


class Terminals:
    """A pseudo-terminal per station with a link to it; nobody has to read them."""

    def __init__(self, links: list[Path]) -> None:
        """Open one pty per link and point the link at it. Raises SourceError when that is not possible."""
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

    def drain(self, stopped: Sequence[int]) -> None:
        """Leave the last bytes a second to be read, unless somebody wants to stop."""
        until = time.monotonic() + 1.0
        while not stopped and time.monotonic() < until:
            time.sleep(0.05)

    def close(self) -> None:
        """Remove the links and close the terminals."""
        for link in self._links:
            link.unlink(missing_ok=True)
        for ours, theirs in self._ends:
            os.close(ours)
            os.close(theirs)
        self._ends = []


def play(streams: Sequence[Iterator[Piece]], links: list[Path], speed: float) -> int:
    """Send each stream to the terminal its link names, `speed` times as fast as it was sampled.

    Prints `ready` once the links stand. Ends with the streams, on SIGTERM, SIGINT or SIGHUP, or with the
    process that started it. Returns the exit status.
    """
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda signum, _frame: stopped.append(signum))
    parent = os.getppid()
    terminals = Terminals(links)
    try:
        print("ready", flush=True)
        due = [(*piece, index) for index, stream in enumerate(streams) if (piece := next(stream, None))]
        heapq.heapify(due)
        started = time.monotonic()
        while due and not stopped and os.getppid() == parent:
            at_s, data, index = due[0]
            wait_s = started + at_s / speed - time.monotonic()
            if wait_s > 0.0:
                time.sleep(min(wait_s, 0.1))
                continue
            terminals.write(index, data)
            piece = next(streams[index], None)
            if piece is None:
                heapq.heappop(due)
            else:
                heapq.heapreplace(due, (*piece, index))
        terminals.drain(stopped)
    finally:
        terminals.close()
    return 0
