"""A history in PostgreSQL, by the server's own tools; no password is in a command line."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from sqlalchemy import func, inspect, select, table

from dashboard.database.schema import connect
from station.errors import StoreError


def dump(url: str, out: Path) -> dict[str, int]:
    """Write an archive of pg_dump, of one moment; the tables' rows. Raises StoreError."""
    rows = _rows(url)
    if not rows:
        raise StoreError(f"{_shown(url)}: no history in it; give --db, or --no-history")
    _run("pg_dump", ["--format=custom", "--no-owner", "--no-privileges", f"--file={out}"], url)
    return rows


def put_back(archive: Path, url: str, *, over: bool) -> dict[str, int]:
    """Read an archive into a database, all of it or nothing; the tables' rows. Raises StoreError.

    over : tables that are there give way
    """
    if _rows(url) and not over:
        raise StoreError(f"{_shown(url)}: holds tables already; give --over, or an empty database")
    words = ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
    _run("pg_restore", [*words, *(["--clean", "--if-exists"] if over else []), str(archive)], url)
    return _rows(url)


def _rows(url: str) -> dict[str, int]:
    with connect(url, read_only=True) as db, db.connection() as connection:
        names = sorted(inspect(connection).get_table_names())
        counts = {name: select(func.count()).select_from(table(name)) for name in names}
        return {name: connection.execute(count).scalar_one() for name, count in counts.items()}


def _run(tool: str, words: Sequence[str], url: str) -> None:
    program = shutil.which(tool)
    if program is None:
        raise StoreError(f"{tool} is not installed; apt-get install postgresql-client")
    environment = dict(os.environ)
    password = urlsplit(url).password
    if password is not None:
        environment["PGPASSWORD"] = unquote(password)  # a command line is everybody's to read
    done = subprocess.run(
        [program, "--no-password", f"--dbname={_shown(url)}", *words],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line.lower()] or ["failed"]
        raise StoreError(f"{_shown(url)}: {lines[0].strip()}")


def _shown(url: str) -> str:
    """The URL without its password; options after `?` stay."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    user = parts.netloc.rpartition("@")[0].partition(":")[0]
    return urlunsplit((parts.scheme, f"{user}@{host}" if user else host, parts.path, parts.query, ""))
