"""A history in SQLite, copied while it is written to, and put back where nobody holds it."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from dashboard.backup.folder import as_owner_of, open_plain
from station.errors import StoreError, store_error

_OURS = {"reps", "sets", "received"}  # the tables of every edition


def copy_out(history: Path, out: Path) -> dict[str, int]:
    """Copy a history into a file of its own, of one moment; the rows of each table. Raises StoreError."""
    if not history.is_file():
        raise StoreError(f"{history}: no such history; give --db, or --no-history")
    with _shelf(history.parent) as shelf, _said(history):
        with as_owner_of(history.parent):
            rows = _copy(history, shelf / "copy.db")
        with open_plain(shelf / "copy.db") as read, out.open("xb") as written:
            shutil.copyfileobj(read, written)
    return rows


def copy_in(copy: Path, history: Path, *, over: bool) -> dict[str, int]:
    """Put a copy where the history is; one that is there is kept beside it. Its rows. Raises StoreError.

    over : a history that is there and not empty gives way
    """
    holder = _holder(history)
    if holder is not None:
        raise StoreError(f"{history}: in use by {holder}; end that first")
    if not history.parent.is_dir():
        raise StoreError(f"{history.parent}: no such folder; start the record once, or make it")
    with _shelf(history.parent) as shelf, _said(history):
        with open_plain(copy) as read, (shelf / "copy.db").open("xb") as written:
            shutil.copyfileobj(read, written)
        _hand_over(shelf / "copy.db", history.parent)
        with as_owner_of(history.parent):
            if history.exists() and any(_rows_of(history).values()):
                if not over:
                    raise StoreError(
                        f"{history}: holds a history already; give --over to keep it beside this one"
                    )
                _copy(history, _aside(history))
            rows = _copy(shelf / "copy.db", history)
            history.chmod(0o600)
    return rows


def _copy(source: Path, target: Path) -> dict[str, int]:
    """SQLite's own online backup, in one step: what is written meanwhile is not in it, or wholly."""
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=10.0)) as read,
        closing(sqlite3.connect(target, timeout=10.0)) as written,
    ):
        if not _rows(read).keys() >= _OURS:
            raise StoreError(f"{source}: not a Plumbline history; give the file the record writes")
        read.backup(written)
        sound = written.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if sound != "ok":
            raise StoreError(f"{source}: damaged ({sound}); restore an older backup")
        written.execute("PRAGMA journal_mode = DELETE")
        return _rows(written)


def _rows_of(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10.0)) as db:
        return _rows(db)


def _rows(db: sqlite3.Connection) -> dict[str, int]:
    names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return {
        name: int(db.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])
        for (name,) in sorted(names.fetchall())
        if not name.startswith("plumbline_")  # which version the others have
    }


def _aside(history: Path) -> Path:
    """A name beside it that nothing has."""
    number = 1
    while (path := history.with_name(f"{history.name}.before-{number}")).exists():
        number += 1
    return path


@contextmanager
def _shelf(folder: Path) -> Iterator[Path]:
    """A folder of the history's owner where nobody else may put anything."""
    with tempfile.TemporaryDirectory(prefix="plumbline-backup-") as name:
        shelf = Path(name)
        _hand_over(shelf, folder)
        yield shelf


def _hand_over(path: Path, folder: Path) -> None:
    """Give a file to who owns a folder."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


@contextmanager
def _said(history: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise store_error(history, error) from error
    except OSError as error:
        raise StoreError(f"{error.filename or history}: {error.strerror}; give another place") from error


def _holder(path: Path) -> str | None:
    """Which other process has the file open; None: none that we may see."""
    wanted = path.resolve()
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        with suppress(OSError):
            if any(link.resolve() == wanted for link in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return None
