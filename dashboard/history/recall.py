"""What live screens read from the record: athletes, their plans and earlier sets.

Read again and again in a thread of its own: a record that is locked, slow or gone stops no screen.
"""

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dashboard.history.kept import Practice, RecordSnapshot
from station.errors import StoreError

if TYPE_CHECKING:
    from dashboard.database.database import Database  # after the first frame

AGAIN_S = 10.0  # what a coach imports or signs off elsewhere is here soon
WANTED_KEPT = 64  # who is looked at, and who is judged by their own best

RosterChange = Callable[["Database"], None]


class Recall:
    """Keeps `known` up to date while it is used as a context manager."""

    def __init__(self, where: str | Path | None = None, after: threading.Event | None = None) -> None:
        """`where` is the record's path or URL, None for this machine's own; it begins when `after` is set."""
        self.known = RecordSnapshot(problem="the record is still being read; again in a moment")
        self._after = after
        self._where = where
        self._changes: deque[tuple[RosterChange, Callable[[str | None], None]]] = deque()
        self._wanted: dict[Practice, None] = {}  # the newest last
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._leaving = False
        self._thread = threading.Thread(target=self._run, name="recall", daemon=True)

    def __enter__(self) -> "Recall":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._leaving = True
        self._wake.set()
        if self._after is not None:
            self._after.set()
        self._thread.join(3.0)

    def want(self, athlete: str, exercise: str) -> None:
        """Read an athlete's earlier sets of an exercise from now on."""
        with self._lock:
            new = (athlete, exercise) not in self._wanted
            self._wanted.pop((athlete, exercise), None)
            self._wanted[athlete, exercise] = None
            if len(self._wanted) > WANTED_KEPT:
                del self._wanted[next(iter(self._wanted))]
        if new:
            self._wake.set()

    def change(self, change: RosterChange, told: Callable[[str | None], None]) -> None:
        """Change the roster soon, and read it again; `told` hears why that was not possible, or None.

        Both are called in this object's thread.
        """
        self._changes.append((change, told))
        self._wake.set()

    def again(self) -> None:
        """Read again soon: the record has changed."""
        self._wake.set()

    def _run(self) -> None:
        if self._after is not None:
            self._after.wait()
        from dashboard.database.schema import open_history, open_writable  # noqa: PLC0415  after the first frame
        from dashboard.history.record_snapshot import read_record  # noqa: PLC0415

        while not self._leaving:
            while self._changes:
                change, told = self._changes.popleft()
                try:
                    with open_writable(self._where) as db:
                        change(db)
                except StoreError as error:
                    told(str(error))
                else:
                    told(None)
            with self._lock:
                wanted = tuple(self._wanted)
            try:
                with open_history(self._where) as db:
                    self.known = read_record(db, wanted)
            except StoreError as error:
                self.known = msgspec.structs.replace(self.known, problem=str(error))
            if not self._changes:
                self._wake.wait(AGAIN_S)
            self._wake.clear()
