"""Opening a history: from a medium that cannot be written, and only what is one."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dashboard.database.schema import open_history, open_writable
from dashboard.record.store import Arrived, open_store
from station.errors import StoreError
from station.messages import RepMessage

ROOT = Path(__file__).parents[3]


def test_a_history_in_a_folder_that_cannot_be_written_is_read(
    tmp_path: Path, make_rep: Callable[..., RepMessage]
) -> None:
    path = tmp_path / "copy" / "h.db"
    path.parent.mkdir()
    with open_store(path) as store:
        store.ingest([Arrived("gym", "rack-1", make_rep(stream="s", seq=1))])
    path.chmod(0o444)
    path.parent.chmod(0o555)
    for folder in path.parents:
        if folder.owner() == "root" and folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(0o755)  # pytest's own, which are their owner's alone
        if folder.name.startswith("pytest-of"):
            break
    code = (
        "import os, sys\n"
        "from dashboard.database.schema import open_history\n"
        "from dashboard.history.queries import reps\n"
        "import sqlalchemy.dialects.sqlite\n"
        "if os.geteuid() == 0: os.setgid(65534), os.setuid(65534)\n"
        "with open_history(sys.argv[1]) as db: print(len(reps(db)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=False, cwd=ROOT
    )
    path.parent.chmod(0o755)
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert [one.name for one in path.parent.iterdir()] == ["h.db"]


def test_a_database_with_tables_of_somebody_else_is_refused_and_left_as_it_was(
    tmp_path: Path, postgres: Any
) -> None:
    path, url = tmp_path / "other.db", postgres.database()
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    with psycopg.connect(url) as server:
        server.execute("CREATE TABLE recipes (name TEXT)")
    for where in (path, url):
        for opened in (open_writable, open_history):
            with pytest.raises(StoreError, match="has tables, but is not a history; give another database"):
                opened(where)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT name FROM sqlite_schema").fetchall() == [("recipes",)]
