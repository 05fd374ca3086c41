"""The outbox's file: opening it, checking it, and setting a damaged one aside."""

import sqlite3
from pathlib import Path

from station.errors import StoreError
from station.messages import now_utc

SCHEMA_VERSION = 1
APPLICATION_ID = 0x504C4F42  # "PLOB": tells an outbox from any other SQLite file
BUSY_TIMEOUT_S = 1.0
JOURNAL_PAGES = 100  # the write-ahead log stays at 0.4 MB: a full disk must leave it room

_SCHEMA = """
CREATE TABLE streams (
    station TEXT PRIMARY KEY, stream TEXT NOT NULL UNIQUE, issued_seq INTEGER NOT NULL
) STRICT;
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    station TEXT NOT NULL REFERENCES streams (station),
    first_seq INTEGER NOT NULL,  -- below seq in a tombstone only
    seq INTEGER NOT NULL,
    lost INTEGER NOT NULL,       -- 0: an event; otherwise a tombstone for so many
    leaf TEXT NOT NULL,
    payload BLOB NOT NULL,
    UNIQUE (station, seq)
) STRICT;
"""

# What each station is set to. Beside the schema's version: a Plumbline that does not know it passes it over.
_SETTINGS = "CREATE TABLE IF NOT EXISTS settings (station TEXT PRIMARY KEY, payload BLOB NOT NULL) STRICT"


def open_file(path: Path, max_pages: int) -> sqlite3.Connection:
    """The database, locked for us alone; it is made where there is none.

    Raises sqlite3.DatabaseError (SQLITE_CORRUPT, SQLITE_NOTADB) for a damaged file, StoreError for another's.
    """
    _check_not_text(path)
    db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA wal_autocheckpoint = {JOURNAL_PAGES}")
        db.execute(f"PRAGMA max_page_count = {max_pages}")
        db.execute("BEGIN EXCLUSIVE")  # take the lock now, not at the first event
        found = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            error = sqlite3.DatabaseError(found)
            error.sqlite_errorname = "SQLITE_CORRUPT"
            raise error
        _check_schema(path, db)
        db.execute(_SETTINGS)
        db.execute("COMMIT")
    except BaseException:
        db.close()
        raise
    return db


def _check_not_text(path: Path) -> None:
    """A file of words was never an outbox: a wrong path is no reason to set somebody's station file aside."""
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError:
        return  # not there yet, or SQLite will say why
    if len(start) >= 16 and start.isascii() and b"\0" not in start:
        raise StoreError(f"{path}: a text file, not an outbox; give another file")


def _check_schema(path: Path, db: sqlite3.Connection) -> None:
    application: int = db.execute("PRAGMA application_id").fetchone()[0]
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if application == 0 and not db.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
        for statement in _SCHEMA.split(";\n"):
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    elif application != APPLICATION_ID:
        raise StoreError(f"{path}: an SQLite file, but not an outbox; give another file")
    elif version != SCHEMA_VERSION:
        raise StoreError(
            f"{path}: outbox of schema {version}, this Plumbline knows {SCHEMA_VERSION};"
            " use the Plumbline that wrote it until it is drained"
        )


def set_aside(path: Path) -> Path:
    """Rename a damaged file and what belongs to it; the new name."""
    aside = path.with_name(f"{path.name}.damaged-{now_utc().replace(':', '')}")
    for suffix in ("-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    path.rename(aside)
    return aside
