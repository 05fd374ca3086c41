"""PostgreSQL as a history's database, for gyms that keep one (psycopg, the extra `postgres`)."""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from dashboard.database.database import STREAMED_ROWS, Row
from station.distribution import install_with
from station.errors import StoreError

try:
    import psycopg
    from psycopg.rows import dict_row
except ImportError as error:
    raise StoreError(f"a history on PostgreSQL needs psycopg; {install_with('postgres')}") from error

CONNECT_TIMEOUT_S = 5
LOCK_TIMEOUT_S = 2  # as SQLite's busy timeout
_WRITER = 0x504C4849  # "PLHI": the advisory lock of whoever writes
# SQLite's words to PostgreSQL's. AUTOINCREMENT comes with INTEGER PRIMARY KEY before it.
_TYPES = (
    (r"\bINTEGER PRIMARY KEY AUTOINCREMENT\b", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
    (r"\bINTEGER\b", "BIGINT"),
    (r"\bREAL\b", "DOUBLE PRECISION"),
    (r"\bBLOB\b", "BYTEA"),
)


class PostgresDatabase:
    """One connection to a PostgreSQL server; see Database. A lost connection is made anew."""

    def __init__(self, url: str, read_only: bool = False) -> None:
        self.name = without_password(url)
        self._url = url
        self._read_only = read_only
        self._lock = threading.RLock()
        self._held: psycopg.Connection[Row] | None = None
        with self._errors():
            self._db()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """See Database.close."""
        with self._lock:
            if self._held is not None:
                self._held.close()
                self._held = None

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[Row]:
        """See Database.rows."""
        with self._lock, self._errors():
            return self._db().execute(_marked(query), values).fetchall()

    def stream(self, query: str, values: Sequence[Any] = ()) -> Iterator[Row]:
        """See Database.stream."""
        with self._lock, self._errors():
            db = self._db()
            with db.transaction(), db.cursor("stream") as cursor:
                cursor.itersize = STREAMED_ROWS
                yield from cursor.execute(_marked(query), values)

    def run(self, statement: str, values: Sequence[Any] = ()) -> int:
        """See Database.run."""
        with self._lock, self._errors():
            return self._db().execute(_marked(statement), values).rowcount

    def run_each(self, statement: str, values: Sequence[Sequence[Any]]) -> None:
        """See Database.run_each."""
        with self._lock, self._errors(), self._db().cursor() as cursor:
            cursor.executemany(_marked(statement), values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """See Database.transaction."""
        with self._lock, self._errors():
            db = self._db()
            with db.transaction():
                # Two records that both read a stream's ranges would each overwrite what the other added.
                db.execute("SELECT pg_advisory_xact_lock(%s)", (_WRITER,))
                yield

    def version(self) -> int | None:
        """See Database.version."""
        (found,) = self.rows("SELECT to_regclass('plumbline_history') IS NOT NULL AS ours")
        if found["ours"]:
            (noted,) = self.rows("SELECT schema_version FROM plumbline_history")
            return int(noted["schema_version"])
        (found,) = self.rows("SELECT to_regclass('reps') IS NOT NULL AS taken")
        if found["taken"]:
            raise StoreError(f"{self.name}: has a table `reps`, but is not a history; give another database")
        return None

    def set_version(self, version: int) -> None:
        """See Database.set_version."""
        self.run("CREATE TABLE IF NOT EXISTS plumbline_history (schema_version BIGINT NOT NULL)")
        self.run("DELETE FROM plumbline_history")
        self.run("INSERT INTO plumbline_history VALUES (?)", (version,))

    def create(self, statement: str) -> None:
        """See Database.create."""
        for here, there in _TYPES:
            statement = re.sub(here, there, statement)
        self.run(statement)

    def scrub(self, tables: Sequence[str]) -> None:
        """See Database.scrub. The server's write-ahead log and its backups are the server's."""
        for table in tables:
            self.run(f"VACUUM FULL {table}")

    def _db(self) -> "psycopg.Connection[Row]":
        if self._held is None or self._held.closed or self._held.broken:
            options = f"-c lock_timeout={LOCK_TIMEOUT_S}s -c client_encoding=UTF8"
            if self._read_only:
                options += " -c default_transaction_read_only=on"
            else:
                options += " -c synchronous_commit=on"  # an acknowledgement follows the commit
            self._held = psycopg.connect(
                self._url,
                autocommit=True,
                row_factory=dict_row,
                connect_timeout=CONNECT_TIMEOUT_S,
                application_name="plumbline",
                options=options,
            )
        return self._held

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.IntegrityError, psycopg.DataError):
            raise  # about a value, not about the database: trying again would not help
        except psycopg.Error as error:
            raise StoreError(f"{self.name}: {_meaning(error)}") from error


def without_password(url: str) -> str:
    """A URL as it may be shown."""
    parts = urlsplit(url)
    user = parts.username or ""
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, f"{user}@{host}" if user else host, parts.path, "", ""))


def _marked(query: str) -> Any:
    return query.replace("?", "%s")


def _meaning(error: psycopg.Error) -> str:
    """What an error means for the person at the keyboard, in one line."""
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return "in use by another process that writes; end that one"
    if isinstance(error, psycopg.errors.DiskFull):
        return "no room left on the server; free some disk space"
    if isinstance(error, psycopg.errors.InsufficientPrivilege | psycopg.errors.ReadOnlySqlTransaction):
        return "this user may not write there; ask who runs the server"
    lines = str(error).split("\n") or [""]
    if isinstance(error, psycopg.OperationalError):
        return f"cannot be reached or used ({lines[0][:200]}); check the URL and that the server runs"
    return lines[0][:200]
