"""A station's events, settings and replies, held in memory until the outbox has them.

The acquiring thread puts things in and never waits; another thread writes, however long the disk takes.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from edge.delivery.outbox import Outbox
from station.errors import StoreError
from station.messages import ReplyMessage, RepMessage, SetMessage
from station.program.retry import Retry

MAX_BACKLOG = 10_000  # messages kept while the outbox cannot be written
MAX_ANSWERS = 64  # as many commands may wait


class Written(NamedTuple):
    """The outcome of a write."""

    done: bool  # everything is on disk
    news: bool  # there was an event among it
    answers: list[ReplyMessage]  # may be given now


class Backlog:
    """A bounded queue: beyond MAX_BACKLOG the oldest events are dropped and counted exactly.

    Every method may be called from any thread; only `write` waits for the disk.
    """

    def __init__(self, station: str) -> None:
        self.problem: str | None = None  # why the outbox cannot be written
        self.overruns = 0  # events that memory had no room for
        self.on_work: Callable[[], None] = lambda: None  # called when `write` has something to do
        self._station = station
        self._lock = threading.Lock()
        self._writes = threading.Lock()
        self._waiting: list[RepMessage | SetMessage] = []
        self._lost = 0  # before the first of those that wait
        self._writing: tuple[list[RepMessage | SetMessage], int] = ([], 0)  # and lost before these
        self._settings: bytes | None = None
        self._answers: deque[ReplyMessage] = deque(maxlen=MAX_ANSWERS)
        self._retry = Retry()

    def add(self, messages: Sequence[RepMessage | SetMessage]) -> None:
        """Append events, oldest first."""
        if not messages:
            return
        with self._lock:
            self._waiting += messages
            excess = len(self._waiting) - MAX_BACKLOG
            if excess > 0:
                del self._waiting[:excess]
                self._lost += excess
                self.overruns += excess
        self.on_work()

    def save_state(self, settings: bytes) -> None:
        """Queue the station's settings; the newest replaces one that still waits."""
        with self._lock:
            self._settings = settings
        self.on_work()

    @property
    def saving_state(self) -> bool:
        """Whether a setting is about to be written and the outbox is writable."""
        with self._lock:
            return self._settings is not None and self.problem is None

    def answer(self, reply: ReplyMessage) -> None:
        """Queue a reply; it is sent once everything before it is on disk: what was confirmed is not lost."""
        with self._lock:
            self._answers.append(reply)
        self.on_work()

    @property
    def waiting(self) -> int:
        """Number of events not yet in the outbox, including those dropped."""
        with self._lock:
            messages, lost = self._writing
            return len(self._waiting) + self._lost + len(messages) + lost

    def hurry(self) -> None:
        """Let the next `write` try at once, however recently the disk failed."""
        self._retry.hurry()

    def write(self, outbox: Outbox, now_s: float) -> Written:
        """Write the queue to the outbox. While the disk fails, replies say so and do not wait for it."""
        news = False
        with self._writes:
            with self._lock:
                answers = list(self._answers)
                self._answers.clear()
            if self._retry.due(now_s):
                try:
                    while self._any():
                        news = self._write_events(outbox) or news
                        self._write_settings(outbox)
                        self.problem = None
                except StoreError as error:
                    self.problem = str(error)
                    self._retry.failed(now_s)
            done = not self._any()
            problem = self.problem or outbox.problem
            if problem is not None:
                lost = f"; a power cut would undo it: {problem}"
                answers = [msgspec.structs.replace(a, text=a.text + lost) if a.ok else a for a in answers]
        return Written(done, news, answers)

    def _any(self) -> bool:
        with self._lock:
            return bool(self._waiting or self._lost or self._settings or self._writing != ([], 0))

    def _write_events(self, outbox: Outbox) -> bool:
        with self._lock:
            if self._writing == ([], 0):
                self._writing, self._waiting, self._lost = (self._waiting, self._lost), [], 0
            messages, lost = self._writing
        outbox.append(self._station, messages, lost_before=lost)
        self._writing = ([], 0)  # not before: what fails is written again
        return bool(messages or lost)

    def _write_settings(self, outbox: Outbox) -> None:
        with self._lock:
            settings = self._settings
        if settings is not None:
            outbox.save_state(self._station, settings)
            with self._lock:
                if self._settings is settings:
                    self._settings = None
