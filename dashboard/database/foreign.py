"""Another program's SQLite file, told before anything is changed in it."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from dashboard.database.first_edition import APPLICATION_ID
from station.errors import StoreError


def refuse_foreign(path: Path, way: str) -> None:
    """Raise StoreError for a database with tables that is no history.

    Opening one to write would turn it to write-ahead mode, which its owner may not expect. SQLite looks:
    a plain open and close of the file would take its locks off every connection of this process (POSIX locks,
    https://sqlite.org/howtocorrupt.html 2.2), and another process's last close would then remove the log they
    write. `way` is how to read it, as a URI's query.
    """
    with (
        suppress(sqlite3.Error),  # not there yet, no database or locked: whoever opens it to write says so
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?{way}", uri=True)) as db,
    ):
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        if application != APPLICATION_ID and pages > 1:
            raise StoreError(f"{path}: has tables, but is not a history; give another database")
