"""The outbox's file: opening it, checking it, bringing it into memory, and setting a damaged one aside."""

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from station.errors import StoreError
from station.messages import now_utc
from station.program.process import make_private

SCHEMA_VERSION = 2
APPLICATION_ID = 0x504C4F42  # "PLOB": tells an outbox from any other SQLite file
BUSY_TIMEOUT_S = 1.0
JOURNAL_PAGES = 100  # the write-ahead log stays at 0.4 MB: a full disk must leave it room
IN_MEMORY = ("/dev/shm", "/run")  # folders that are there without a disk

_VERSION = f"PRAGMA user_version = {SCHEMA_VERSION}"

_SCHEMA = """
CREATE TABLE streams (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    station TEXT NOT NULL, stream TEXT NOT NULL UNIQUE, issued_seq INTEGER NOT NULL
) STRICT;
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stream_id INTEGER NOT NULL REFERENCES streams (id),
    first_seq INTEGER NOT NULL,  -- below seq in a tombstone only
    seq INTEGER NOT NULL,
    lost INTEGER NOT NULL,       -- 0: an event; otherwise a tombstone for so many
    leaf TEXT NOT NULL,
    payload BLOB NOT NULL,
    UNIQUE (stream_id, seq)
) STRICT;
"""

# Version 1 had one stream for each station, for ever.
_FROM_VERSION_1 = f"""
ALTER TABLE streams RENAME TO old_streams;
ALTER TABLE events RENAME TO old_events;
{_SCHEMA}
INSERT INTO streams (station, stream, issued_seq) SELECT station, stream, issued_seq FROM old_streams;
INSERT INTO events (id, stream_id, first_seq, seq, lost, leaf, payload)
    SELECT old.id, streams.id, first_seq, seq, lost, leaf, payload
    FROM old_events AS old JOIN streams USING (station) ORDER BY old.id;
DROP TABLE old_events;
DROP TABLE old_streams;
"""

# What each station is set to. Beside the schema's version: a Plumbline that does not know it passes it over.
_SETTINGS = "CREATE TABLE IF NOT EXISTS settings (station TEXT PRIMARY KEY, payload BLOB NOT NULL) STRICT"


def open_file(path: Path, max_pages: int) -> sqlite3.Connection:
    """The database, locked for us alone; it is made where there is none.

    Raises sqlite3.DatabaseError (SQLITE_CORRUPT, SQLITE_NOTADB) for a damaged file, StoreError for another's.
    """
    _check_not_text(path)
    make_private(path)
    db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA wal_autocheckpoint = {JOURNAL_PAGES}")
        db.execute("PRAGMA cache_size = -128")  # KiB, 2 MB as it comes: events are written and read once
        db.execute("BEGIN EXCLUSIVE")  # take the lock now, not at the first event
        found = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            error = sqlite3.DatabaseError(found)
            error.sqlite_errorname = "SQLITE_CORRUPT"
            raise error
        _check_schema(path, db)
        db.execute("COMMIT")
        db.execute(f"PRAGMA max_page_count = {max_pages}")
    except BaseException:
        db.close()
        raise
    return db


def open_memory() -> sqlite3.Connection:
    """An empty outbox that is nowhere but in memory."""
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    _check_schema(Path(":memory:"), db)
    return db


def copy_into_memory(path: Path) -> sqlite3.Connection:
    """What a file holds that cannot be opened for writing, in memory; an empty outbox where there is no file.

    SQLite reads a write-ahead log only where it may write beside it, so a copy is opened.

    Raises OSError or sqlite3.Error where it cannot be read, StoreError for another's file.
    """
    if not path.exists():
        return open_memory()
    _check_not_text(path)
    import shutil  # noqa: PLC0415 - seldom needed, and slow to import
    import tempfile  # noqa: PLC0415

    folder = next((one for one in IN_MEMORY if os.access(one, os.W_OK)), None)
    with tempfile.TemporaryDirectory(prefix="plumbline-", dir=folder) as beside:
        copy = Path(beside) / path.name
        shutil.copyfile(path, copy)
        log = path.with_name(path.name + "-wal")
        if log.exists():
            shutil.copyfile(log, copy.with_name(log.name))
        with closing(sqlite3.connect(copy, isolation_level=None)) as read:
            _check_schema(path, read)
            return taken_into_memory(read)


def taken_into_memory(db: sqlite3.Connection) -> sqlite3.Connection:
    """The same outbox, in memory. Raises sqlite3.Error where it cannot be read."""
    memory = open_memory()
    try:
        db.backup(memory)
        found = memory.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(found)
    except BaseException:
        memory.close()
        raise
    return memory


def refusal(path: Path) -> str | None:
    """What the disk itself has against the file, such as "Read-only file system"; None: nothing.

    This user's rights, or a folder that is not there, are not the disk's.
    """
    from tempfile import TemporaryFile  # noqa: PLC0415

    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        with TemporaryFile(dir=path.parent) as probe:
            os.posix_fallocate(probe.fileno(), 0, 4096 * JOURNAL_PAGES)
    except OSError as error:
        # EPERM, unlike EACCES, is no matter of rights: the file or its folder is sealed (chattr +i).
        no_disk = (errno.EROFS, errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EPERM)
        return error.strerror if error.errno in no_disk else None
    return None


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
    """Make the tables, or bring those of an older Plumbline up to date."""
    application: int = db.execute("PRAGMA application_id").fetchone()[0]
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if application == 0 and not db.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
        _run(db, f"{_SCHEMA};\nPRAGMA application_id = {APPLICATION_ID};\n{_VERSION}")
    elif application != APPLICATION_ID:
        raise StoreError(f"{path}: an SQLite file, but not an outbox; give another file")
    elif version == 1:
        _run(db, f"{_FROM_VERSION_1};\n{_VERSION}")
    elif version != SCHEMA_VERSION:
        raise StoreError(
            f"{path}: outbox of schema {version}, this Plumbline knows {SCHEMA_VERSION};"
            " use the Plumbline that wrote it until it is drained"
        )
    db.execute(_SETTINGS)


def _run(db: sqlite3.Connection, script: str) -> None:
    """Statement by statement: `executescript` would commit what it finds begun."""
    for statement in script.split(";\n"):
        if statement.strip(" ;\n"):
            db.execute(statement)


def set_aside(path: Path) -> Path:
    """Rename a damaged file and what belongs to it; the new name."""
    aside = path.with_name(f"{path.name}.damaged-{now_utc().replace(':', '')}")
    for suffix in ("-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    path.rename(aside)
    return aside
