"""The record inside a dashboard, for a single gym: begun beside the screen and never in its way.

A history that is locked, on a server that does not answer or full is tried again until it opens; the stations
keep what they have measured meanwhile. Where another dashboard of this user is the record already, this one
waits for its turn.
"""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

from dashboard.record.lock import Holder, RecordLock
from station.config import Mqtt
from station.errors import StoreError
from station.exercises import Profile
from station.program.retry import attempts

if TYPE_CHECKING:
    from dashboard.record.record import Record

RETRY_S = 2.0
TURN_S = 0.5  # between two looks whether another dashboard has left
LEAVE_S = 6.0  # a record commits and leaves its broker in less
LATEST_S = 10.0  # it begins by then, whatever the screen does


class EmbeddedRecord:
    """Runs the record while it is used as a context manager."""

    def __init__(
        self,
        mqtt: Mqtt,
        site: str | None,
        database: str | Path | None,
        profiles: Mapping[str, Profile],
        say: Callable[[str], None] = lambda _: None,
        after: threading.Event | None = None,
    ) -> None:
        """`database` is a path or a URL, None for this machine's own history; `say` is told trouble once.

        Beside a screen nothing is said: a line on stderr would be written across it, and the headline asks.
        It begins when `after` is set: loading a database takes the first frame a third of a second.
        """
        self._after = after
        self._say = say
        self._mqtt = mqtt
        self._site = site
        self._database = database
        self._profiles = profiles
        self._not_opened: str | None = None
        self._record: Record | None = None
        self._leaving = threading.Event()
        self._lock = RecordLock(database, mqtt, site)
        self._alone = False
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._leaving.set()
        if self._after is not None:
            self._after.set()
        self._thread.join(LEAVE_S)

    def trouble(self) -> str | None:
        """The record's current problem as text."""
        record = self._record
        if record is None:
            return self._not_opened
        if record.failure is not None:
            return f"history: ended by {record.failure!r}"
        said = record.problem or record.refused or record.flood or record.missing
        return f"history: {said}" if said else None

    def go_on_alone(self) -> None:
        """There is no screen any more: whoever starts another dashboard takes over."""
        self._alone = True
        self._lock.say_alone()

    def _run(self) -> None:
        if self._after is not None:
            self._after.wait(LATEST_S)
        if not self._take_turn():
            return
        try:
            self._keep_on()
        finally:
            self._lock.release()

    def _take_turn(self) -> bool:
        """Wait until no other dashboard is the record, and end one that nobody sees; False: we leave."""
        seen: Holder | None = None
        while not self._leaving.is_set():
            if self._lock.take():
                if self._alone:
                    self._lock.say_alone()
                return True
            holder = self._lock.holder()
            if holder is not None and holder.alone and holder == seen and not self._alone:
                self._lock.end(holder)
            seen = holder
            self._leaving.wait(TURN_S)
        return False

    def _keep_on(self) -> None:
        for _ in attempts(self._leaving, RETRY_S):
            try:
                self._keep()
            except StoreError as error:
                words = f"no history: {error}"
                if words != self._not_opened:
                    self._say(words)
                self._not_opened = words

    def _keep(self) -> None:
        """Be the record until we leave. Raises StoreError for a history that does not open."""
        from dashboard.record.record import Record  # noqa: PLC0415
        from dashboard.record.store import open_store  # noqa: PLC0415
        from dashboard.roster.badges import Badges  # noqa: PLC0415  the database after the first frame

        with open_store(self._database) as store:
            badges = Badges(store.db, self._profiles)
            with Record(self._mqtt, store, self._site, say=self._say, badges=badges) as self._record:
                self._leaving.wait()
