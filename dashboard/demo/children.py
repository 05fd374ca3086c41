"""Child processes that never outlive this one, however it ends, and whose words never reach the screen."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dashboard.plaintext import clean
from station.errors import PlumblineError
from station.program.process import end_with_parent

GRACE_S = 3.0  # between asking a child to end and ending it


class Child:
    """A `plumbline` subcommand as a child process, writing into a log file."""

    def __init__(self, name: str, argv: Sequence[str], log: Path) -> None:
        """Start it; `name` is what the screen calls it. From the main thread only (see `end_with_parent`)."""
        self.name = name
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "station.cli", *argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                process_group=0,  # Ctrl-C is for this process, which ends them in order
                preexec_fn=end_with_parent(),  # noqa: PLW1509 - calls prctl and nothing else
            )

    @property
    def pid(self) -> int:
        """Its process id, and its group's."""
        return self._process.pid

    @property
    def trouble(self) -> str | None:
        """Its last output once it has ended; None while it runs."""
        status = self._process.poll()
        if status is None:
            return None
        words = self.lines()[-1:] or ["it said nothing"]
        return f"{self.name} ended with status {status}: {words[0]}"

    def lines(self) -> list[str]:
        """The last lines it has written, made harmless for a screen."""
        try:
            text = self._log.read_bytes()[-8192:].decode("utf-8", "replace")
        except OSError:
            return []
        return [clean(line) for line in text.splitlines() if line.strip()]

    def wait_for(self, wanted: str, timeout_s: float, stop: threading.Event) -> re.Match[str]:
        """The first line's match of the pattern. Raises ChildError when it ends or says nothing in time."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s and not stop.is_set():
            trouble = self.trouble
            for line in self.lines():
                if found := re.search(wanted, line):
                    return found
            if trouble is not None:
                raise ChildError("\n".join([trouble, *self.lines()[-4:-1]]))
            stop.wait(0.02)
        raise ChildError(
            f"{self.name} was not ready after {timeout_s:g} s: {(self.lines() or ['no word'])[-1]}"
        )

    def end(self, deadline_s: float) -> None:
        """Ask it to end, wait until `deadline_s` (monotonic), then end it and whatever it left behind."""
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, deadline_s - time.monotonic()))
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):  # the whole group has gone
            os.killpg(self._process.pid, number)


class ChildError(PlumblineError):
    """A child process that did not start."""


def end_all(children: Sequence[Child], grace_s: float = GRACE_S) -> None:
    """End the newest first, as each leans on the older ones; all of them within `grace_s`."""
    deadline_s = time.monotonic() + grace_s
    for child in reversed(children):
        child.end(deadline_s)
