"""What one station has counted, is set to and will answer, in memory until the outbox has it.

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

STORE_RETRY_S = 1.0
MAX_BACKLOG = 10_000  # messages kept while the outbox cannot be written
MAX_ANSWERS = 64  # as many commands may wait


class Written(NamedTuple):
    """What came of a write."""

    done: bool  # everything is on disk
    news: bool  # there was an event among it
    answers: list[ReplyMessage]  # may be given now


class Backlog:
    """Bounded: beyond MAX_BACKLOG the oldest make room and are counted, exactly.

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
        self._retry_at = 0.0

    def add(self, messages: Sequence[RepMessage | SetMessage]) -> None:
        """Events, oldest first."""
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

    def keep(self, settings: bytes) -> None:
        """What the station is set to; the newest takes the place of one that still waits."""
        with self._lock:
            self._settings = settings
        self.on_work()

    @property
    def keeping(self) -> bool:
        """Whether a new setting is on its way to the disk, and nothing stands in its way."""
        with self._lock:
            return self._settings is not None and self.problem is None

    def answer(self, reply: ReplyMessage) -> None:
        """Give a command's answer once all that came before it is on disk: what was confirmed is not lost."""
        with self._lock:
            self._answers.append(reply)
        self.on_work()

    @property
    def waiting(self) -> int:
        """Events that the outbox does not have, those lost for want of room among them."""
        with self._lock:
            messages, lost = self._writing
            return len(self._waiting) + self._lost + len(messages) + lost

    def hurry(self) -> None:
        """Try again at the next `write`, however short ago the disk failed."""
        self._retry_at = 0.0

    def write(self, outbox: Outbox, now_s: float) -> Written:
        """Put what waits into the outbox. While the disk fails, the answers say so and do not wait for it."""
        news = False
        with self._writes:
            with self._lock:
                answers = list(self._answers)
                self._answers.clear()
            if now_s >= self._retry_at:
                try:
                    while self._any():
                        news = self._write_events(outbox) or news
                        self._write_settings(outbox)
                        self.problem = None
                except StoreError as error:
                    self.problem = str(error)
                    self._retry_at = now_s + STORE_RETRY_S
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
            outbox.keep(self._station, settings)
            with self._lock:
                if self._settings is settings:
                    self._settings = None
