"""SQLite as a history's database: one file, in write-ahead mode with synchronous=FULL."""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, Table, create_engine
from sqlalchemy.dialects import sqlite

from dashboard.database.database import LOCK_WAIT_S, Database
from dashboard.database.foreign import refuse_foreign
from station.errors import StoreError, store_error
from station.program.process import make_private


class SqliteDatabase(Database):
    """One SQLite file. `read_only` needs a file that is there, and changes nothing in it."""

    def __init__(self, path: Path, read_only: bool = False) -> None:
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            pass  # SQLite says it better
        except (OSError, ValueError) as error:  # too long, or with a NUL
            reason = getattr(error, "strerror", None) or error
            raise StoreError(f"{str(path)[:80]!r}: no name of a file ({reason}); give another") from error
        if path.is_dir():
            raise StoreError(f"{path}: a folder; give the history's file")
        if read_only and not path.is_file():
            raise StoreError(f"{path}: no such history; `plumbline record` and the dashboard write one")
        if read_only:
            _refuse_log_alone(path)
        else:
            refuse_foreign(path, _way(path))
            make_private(path)
        uri = f"{path.absolute().as_uri()}?{_way(path) if read_only else 'mode=rwc'}"

        def connect() -> sqlite3.Connection:
            # Without isolation_level the driver begins nothing by itself: `_begin` does.
            db = sqlite3.connect(
                uri, uri=True, timeout=LOCK_WAIT_S, isolation_level=None, check_same_thread=False
            )
            if not read_only:
                _prepare(db)
            return db

        engine = create_engine("sqlite://", creator=connect, hide_parameters=True)
        super().__init__(str(path), writing=engine, reading=engine)

    def insert(self, table: Table) -> sqlite.Insert:
        """See Database.insert."""
        return sqlite.insert(table)

    def scrub(self, tables: Sequence[Table]) -> None:
        """See Database.scrub. The whole file is written anew, and the write-ahead log emptied."""
        with self.connection() as connection:
            connection.exec_driver_sql("VACUUM")
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar_one()
        if busy:
            raise StoreError(
                f"{self.name}: another process has it open, and its files still hold what was erased; end it"
            )

    def _begin(self, connection: Connection, wait_s: float) -> None:
        if wait_s == LOCK_WAIT_S:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {round(1000 * wait_s)}")
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {round(1000 * LOCK_WAIT_S)}")

    def _meaning(self, error: Exception) -> StoreError:
        return store_error(self.name, error)


def _way(path: Path) -> str:
    """How to read a file: beside a writer, or from a medium or folder where no side files can be made."""
    still = not os.access(path.parent, os.W_OK) and not _has_log(path)
    return "mode=ro&immutable=1" if still else "mode=ro"


def _has_log(path: Path) -> bool:
    """Whether the newest rows are in the write-ahead log beside a file."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    except OSError:
        return False


def _refuse_log_alone(path: Path) -> None:
    """Raise StoreError for a log whose index is missing and cannot be made: SQLite would ask to write."""
    index = path.with_name(f"{path.name}-shm")
    if _has_log(path) and not index.exists() and not os.access(path.parent, os.W_OK):
        raise StoreError(
            f"{path}: its newest rows are in {path.name}-wal, and that cannot be read where nothing may be"
            " written; copy both files to a folder of yours"
        )


def _prepare(db: sqlite3.Connection) -> None:
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
    except BaseException:
        db.close()
        raise
