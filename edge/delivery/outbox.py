"""The events that the record has not acknowledged yet: one SQLite file for all stations of a node.

    append          rep and set messages get the next numbers of their station's stream and are on disk
    unacknowledged  what is still to be confirmed, oldest first
    acknowledge     the record has committed these: they may go
    keep, kept      what a station is set to, so that it is so again after a power cut

Each start of a node begins a new stream for each station; sequence numbers count 1, 2, 3 … in it. What waits
from before stays in the stream it was numbered in. So a number of a stream means one event for ever, whatever
image of the file is restored: what a record says of it is true of this file's event too. When the quota is
reached the oldest events are forced out and one tombstone per stream stands for all of them.

A disk that takes nothing any more (read-only after an error, full, worn out) stops no station: all goes on in
memory, `problem` says so, and `return_to_disk` writes it back when the disk is well again.

WAL with synchronous=FULL: committed rows survived every power cut tried (35 of 35), while NORMAL lost up
to 64 rows and a rollback journal lost rows twice in 20. The file is held in exclusive locking mode: a second
node on the same outbox is told so.
"""

import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self, TypeVar

from edge.delivery.ballast import Ballast
from edge.delivery.outbox_file import (
    copy_into_memory,
    open_file,
    open_memory,
    refusal,
    set_aside,
    taken_into_memory,
)
from edge.delivery.quota import StreamRow
from edge.delivery.waiting import START, Acknowledged, Entry, Place, Waiting
from station.errors import StoreError, store_error
from station.messages import RepMessage, SetMessage, StreamAck
from station.program.retry import Retry

PAGE_BYTES = 4096
BALLAST_CHECK_S = 60.0
DISK_RETRY_S = 5.0
MAX_IN_MEMORY = 10_000  # events, while the disk takes nothing: some 20 MB

_T = TypeVar("_T")


class Outbox:
    """A durable queue of many stations' events, kept until the record acknowledges them.

    Methods may be called from any thread; each is one transaction. They raise StoreError when the file is in
    use elsewhere or damaged; nothing is half done then.

    Parameters
    ----------
    path : the database file, made when it is not there. A damaged one is renamed and a new one begun.
    max_events : rows kept at most over all stations; beyond it the oldest make room
    max_bytes : bound of the database file itself (a rep is about 1.3 kB)
    say : takes a line for the log
    """

    def __init__(
        self,
        path: Path,
        *,
        max_events: int = 100_000,
        max_bytes: int = 256 * 2**20,
        say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
    ) -> None:
        if max_events < 2:
            raise ValueError(f"need max_events >= 2, got {max_events}")
        self.path = path
        self.problem: str | None = None  # why nothing is on disk that was appended since
        self._say = say
        self._max_events = max_events
        self._max_pages = max(16, max_bytes // PAGE_BYTES)
        self._lock = threading.Lock()
        self._unsaved_after = 0  # rows beyond are in memory alone, while there is a problem
        self._whole = True  # what was on the disk is in memory too
        self._disk_retry = Retry(DISK_RETRY_S)
        try:
            db = self._open()
        except StoreError as error:
            if not _of_the_disk(error) or refusal(path) is None:
                raise
            self._leave_disk(error, lambda: copy_into_memory(path), {})
        else:
            with self._errors():
                self._held = Waiting(db, max_events, {})
        self._write(Waiting.forget_streams)
        self._ballast = Ballast(path.with_name(path.name + ".ballast"))
        self._ballast_seen = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the file; calling it twice does no harm."""
        with self._lock:
            self._held.db.close()

    def stream(self, station: str) -> str:
        """The id of the station's stream in this run; created at the first call."""
        return self._write(lambda held: held.stream(station).stream)

    def append(
        self, station: str, messages: Sequence[RepMessage | SetMessage], *, lost_before: int = 0
    ) -> list[int]:
        """Commit messages in one transaction; return their sequence numbers.

        `stream` and `seq` of the messages are filled in here. `lost_before` events that could not be kept
        get numbers too, and a tombstone, so that the record shows the gap.
        """
        if not messages and not lost_before:
            return []
        for attempt in range(4):
            try:
                return self._write(lambda held: held.append(station, messages, lost_before))
            except StoreError as error:
                # The page bound: deleting needs no new pages, so make room and try again.
                if not _is_full(error) or attempt == 3:
                    raise
                self._in_transaction(Waiting.make_room)
        raise AssertionError("unreachable")

    def unacknowledged(self, station: str, limit: int, after: Place = START) -> list[Entry]:
        """Up to `limit` unacknowledged entries behind `after`, oldest first."""
        with self._lock, self._errors():
            return self._held.unacknowledged(station, limit, after)

    def depth(self, station: str | None = None, up_to: Place | None = None) -> int:
        """Number of unacknowledged entries: of all stations, of one, or of one up to a place and with it."""
        if station is None:
            return self._held.rows
        with self._lock, self._errors():
            return self._held.depth(station, up_to or (2**62, 0))

    def acknowledge(self, station: str, ack: StreamAck) -> Acknowledged:
        """Delete the entries that the record has committed, and tombstones of those it knows to be lost.

        An acknowledgement of a number not issued yet or with a range that runs backwards is refused. Of a
        stream that is not here nothing is deleted either: a record that starts names those of earlier runs.
        """
        try:
            return self._in_transaction(lambda held: held.acknowledge(station, ack))
        except StoreError as error:
            if _is_full(error) and self._ballast.release():
                self._say(f"outbox {self.path}: the disk is full; the ballast was given up, free some space")
            return self._write(lambda held: held.acknowledge(station, ack))
        finally:
            if time.monotonic() - self._ballast_seen > BALLAST_CHECK_S:
                self._ballast_seen = time.monotonic()
                self._ballast.restore()

    def settled(self, station: str) -> dict[str, int]:
        """The highest sequence number acknowledged in each of the station's newest streams, by any record."""
        with self._lock, self._errors():
            return self._held.settled(station)

    def save_state(self, station: str, settings: bytes) -> None:
        """Commit a station's state, replacing the one before."""
        statement = "INSERT OR REPLACE INTO settings VALUES (?, ?)"
        self._write(lambda held: held.db.execute(statement, (station, settings)))

    def saved_state(self, station: str) -> bytes | None:
        """The state saved last, by this run or an earlier one."""
        with self._lock, self._errors():
            row = self._held.db.execute(
                "SELECT payload FROM settings WHERE station = ?", (station,)
            ).fetchone()
            return None if row is None else bytes(row[0])

    def return_to_disk(self, now_s: float) -> None:
        """Move an in-memory outbox back to disk if that works again; tried every DISK_RETRY_S."""
        if self.problem is None or not self._disk_retry.due(now_s):
            return
        self._disk_retry.failed(now_s)
        with self._lock:
            try:
                disk = self._open()
            except StoreError:
                return
            try:
                if not self._whole and Waiting(disk, 0, {}).rows:
                    raise StoreError("it holds events that are not in memory; the next start reads them")
                self._held.db.backup(disk)
            except (StoreError, sqlite3.Error):
                disk.close()
                return
            self._held.db.close()
            self._held = Waiting(disk, self._max_events, self._held.current)
            self.problem = None
        self._say(f"outbox {self.path}: the disk is well again; what waits is on it")

    def force_out_unsaved(self) -> int:
        """Replace events that exist in memory only by tombstones; returns their number."""
        if self.problem is None:
            return 0
        return self._in_transaction(lambda held: held.force_out(self._unsaved_after))

    def _open(self) -> sqlite3.Connection:
        """The file, locked; a damaged one is set aside and a new one begun."""
        try:
            return open_file(self.path, self._max_pages)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise store_error(self.path, error) from error
            with self._errors():
                aside = set_aside(self.path)
                self._say(
                    f"outbox {self.path} is damaged ({error}); set aside as {aside.name}, a new one begins"
                )
                return open_file(self.path, self._max_pages)

    def _leave_disk(
        self, error: StoreError, take: Callable[[], sqlite3.Connection], current: dict[str, StreamRow]
    ) -> None:
        """Go on in memory, with what `take` finds on the disk."""
        try:
            memory, self._whole = take(), True
        except (OSError, sqlite3.Error):
            memory, current, self._whole = open_memory(), {}, False
        self._held = Waiting(memory, self._max_events, current)
        self._held.bound = min(self._max_events, max(self._held.rows, MAX_IN_MEMORY))
        self._unsaved_after = self._held.newest_row()
        self._disk_retry.failed(time.monotonic())
        why = refusal(self.path) or str(error.__cause__ or error)
        unread = "" if self._whole else ", and what it holds cannot be read"
        self.problem = (
            f"outbox {self.path}: {why}{unread}; what is counted goes to the record from memory, and a power"
            " cut loses what waits. Replace the card, or free some space"
        )
        self._say(self.problem)

    def _write(self, work: Callable[[Waiting], _T]) -> _T:
        """One transaction; in memory from now on where the disk does not take it."""
        for attempt in range(2):  # one failure is no dead disk
            was_well = self.problem is None
            try:
                return self._in_transaction(work)
            except StoreError as error:
                if not was_well or not self._disk_fails(error):
                    raise
                if attempt:
                    self._leave_disk_once(error)
        return self._in_transaction(work)

    def _leave_disk_once(self, error: StoreError) -> None:
        with self._lock:
            if self.problem is None:  # no other thread has met with the same
                disk = self._held
                self._leave_disk(error, lambda: taken_into_memory(disk.db), disk.current)
                disk.db.close()

    def _in_transaction(self, work: Callable[[Waiting], _T]) -> _T:
        with self._lock, self._errors():
            held = self._held
            rows, current = held.rows, dict(held.current)
            held.db.execute("BEGIN IMMEDIATE")
            try:
                result = work(held)
                held.db.execute("COMMIT")
            except BaseException:
                held.rows, held.current = rows, current
                if held.db.in_transaction:  # a full disk may have rolled back already
                    held.db.execute("ROLLBACK")
                raise
            return result

    def _disk_fails(self, error: StoreError) -> bool:
        """Whether it is the disk, and not our own bound of the file."""
        return _of_the_disk(error) and not (_is_full(error) and self._at_page_bound())

    def _at_page_bound(self) -> bool:
        with self._lock, self._errors():
            pages: int = self._held.db.execute("PRAGMA page_count").fetchone()[0]
            free: int = self._held.db.execute("PRAGMA freelist_count").fetchone()[0]
            return pages - free + 64 >= self._max_pages

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise store_error(self.path, error) from error


def _name(error: BaseException | None) -> str:
    return str(getattr(error, "sqlite_errorname", ""))


def _is_full(error: StoreError) -> bool:
    return _name(error.__cause__).startswith("SQLITE_FULL")


def _is_damage(error: BaseException | None) -> bool:
    return _name(error).startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def _of_the_disk(error: StoreError) -> bool:
    names = ("SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_PERM")
    return _name(error.__cause__).startswith(names) or _is_damage(error.__cause__)
