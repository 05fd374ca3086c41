"""A database as the history needs it: statements, transactions, rows; and the two that there are.

Statements are written once, with `?` for values, in the SQL that SQLite and PostgreSQL share.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, Self

from station.errors import StoreError, store_error

Row = dict[str, Any]
APPLICATION_ID = 0x504C4849  # "PLHI"
BUSY_TIMEOUT_S = 2.0
STREAMED_ROWS = 500  # fetched at a time


class Database(Protocol):
    """One connection. Any thread may call; a call raises StoreError when the database cannot serve it."""

    name: str  # for people: a path, or a URL without its password

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[Row]:
        """The answer to a query, a dict by column name each."""

    def stream(self, query: str, values: Sequence[Any] = ()) -> Iterator[Row]:
        """The same a few rows at a time, for answers of any size, all of one moment."""

    def run(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Change something; how many rows it changed."""

    def run_each(self, statement: str, values: Sequence[Sequence[Any]]) -> None:
        """The same statement with each of the values."""

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing, and nobody else writes meanwhile; committed is on disk."""

    def version(self) -> int | None:
        """The schema's version; None where there is none yet. Raises StoreError for another's database."""

    def set_version(self, version: int) -> None:
        """Note the schema's version, and that the database is a history."""

    def create(self, statement: str) -> None:
        """Run a CREATE statement with SQLite's names of types."""

    def scrub(self, tables: Sequence[str]) -> None:
        """Leave no trace of deleted rows in the files of the database."""

    def close(self) -> None:
        """Release it."""


class SqliteDatabase:
    """One SQLite file (WAL, synchronous=FULL).

    `read_only` needs a file that is there, and changes nothing in it.
    """

    def __init__(self, path: Path, read_only: bool = False) -> None:
        self.name = str(path)
        self._lock = threading.RLock()
        mode = "ro" if read_only else "rwc"
        with self._errors():
            if read_only and not path.is_file():
                raise StoreError(f"{path}: no such history; `plumbline record` and the dashboard write one")
            if not read_only:
                _make_private(path)
            self._db = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                timeout=BUSY_TIMEOUT_S,
                isolation_level=None,
                check_same_thread=False,
            )
        try:
            with self._errors():
                self._db.row_factory = _as_dict
                if not read_only:
                    self._db.execute("PRAGMA journal_mode = WAL")
                    self._db.execute("PRAGMA synchronous = FULL")
                    self._db.execute("PRAGMA foreign_keys = ON")
                    self._db.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """See Database.close."""
        with self._lock:
            self._db.close()

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[Row]:
        """See Database.rows."""
        with self._lock, self._errors():
            return self._db.execute(query, values).fetchall()

    def stream(self, query: str, values: Sequence[Any] = ()) -> Iterator[Row]:
        """See Database.stream."""
        with self._errors():
            cursor = self._db.execute(query, values)
            while some := cursor.fetchmany(STREAMED_ROWS):
                yield from some

    def run(self, statement: str, values: Sequence[Any] = ()) -> int:
        """See Database.run."""
        with self._lock, self._errors():
            return self._db.execute(statement, values).rowcount

    def run_each(self, statement: str, values: Sequence[Sequence[Any]]) -> None:
        """See Database.run_each."""
        with self._lock, self._errors():
            self._db.executemany(statement, values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See Database.transaction."""
        with self._lock, self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk may have rolled back already
                    self._db.execute("ROLLBACK")
                raise

    def version(self) -> int | None:
        """See Database.version."""
        with self._lock, self._errors():
            application: int = self.rows("PRAGMA application_id")[0]["application_id"]
            version: int = self.rows("PRAGMA user_version")[0]["user_version"]
            if application == 0 and not self.rows("SELECT 1 FROM sqlite_schema LIMIT 1"):
                return None
        if application != APPLICATION_ID:
            raise StoreError(f"{self.name}: an SQLite file, but not a history; give another file")
        return version

    def set_version(self, version: int) -> None:
        """See Database.set_version."""
        self.run(f"PRAGMA application_id = {APPLICATION_ID}")
        self.run(f"PRAGMA user_version = {version}")

    def create(self, statement: str) -> None:
        """See Database.create."""
        self.run(f"{statement} STRICT" if statement.startswith("CREATE TABLE") else statement)

    def scrub(self, tables: Sequence[str]) -> None:
        """See Database.scrub. The whole file is written anew, and the write-ahead log emptied."""
        with self._lock, self._errors():
            self._db.execute("VACUUM")
            busy = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()["busy"]
        if busy:
            raise StoreError(f"{self.name}: another process reads the old pages; end it")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.DataError):
            raise  # about a value, not about the database: trying again would not help
        except sqlite3.Error as error:
            raise store_error(self.name, error) from error


def _make_private(path: Path) -> None:
    """Make a new file its owner's alone; SQLite gives its side files the same mode."""
    with suppress(OSError):  # there already, or SQLite says why it cannot be
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> Row:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}
