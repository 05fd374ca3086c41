"""Histories of the first edition are brought up to date and keep every row, whatever happens meanwhile."""

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from sqlalchemy import Connection, inspect, select

from dashboard.database.database import Database
from dashboard.database.schema import open_history, open_writable, version_of
from dashboard.database.tables import METADATA, SCHEMA_VERSION
from dashboard.floor.times import format_utc
from dashboard.record.store import Arrived, open_store
from station.errors import StoreError
from tests.dashboard.record import written

MakeOld = Callable[[str, int], None]
EPOCH = "1970-01-01T00:00:00.000Z"
ALIKE = {
    "2026-01-01T02:00:02.25+02:00": "2026-01-01T00:00:02.250Z",
    "2026-01-01T00:00:30Z": "2026-01-01T00:00:30.000Z",
    "2026-01-01T00:00:31.100000Z": "2026-01-01T00:00:31.100Z",
    "yesterday": EPOCH,
    "2026-02-30T00:00:00.000Z": EPOCH,
}
TRUTHS = {("reps", "counted"), ("commands", "ok")}


def read_raw(where: str) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, as the driver alone gives it."""
    if where.startswith("postgresql:"):
        with psycopg.connect(where, row_factory=dict_row) as server:
            names = server.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            tables = [row["tablename"] for row in names]
            found = {name: server.execute(f"SELECT * FROM {name}".encode()).fetchall() for name in tables}
            return {name: [{**row, **_as_text(row)} for row in rows] for name, rows in found.items()}
    with closing(sqlite3.connect(where)) as db:
        db.row_factory = sqlite3.Row
        names = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*'")
        found = {name: db.execute(f"SELECT * FROM {name}").fetchall() for (name,) in names.fetchall()}
        return {name: [dict(row) for row in rows] for name, rows in found.items()}


def _as_text(row: dict[str, Any]) -> dict[str, str]:
    """Its times, from schema 7 on the server's own, as the history writes them."""
    return {name: format_utc(value) for name, value in row.items() if isinstance(value, datetime)}


def sorted_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: str([row.get(key) for key in ("event_id", "stream_id", "id")]))


def assert_every_row_is_there(db: Database, before: dict[str, list[dict[str, Any]]]) -> None:
    for table in METADATA.sorted_tables:
        rows = sorted_rows(before.get(table.name, []))
        if table.name == "plumbline_version":
            continue
        now = sorted_rows(db.rows(select(table)))
        assert len(now) == len(rows), table.name
        for old, new in zip(rows, now, strict=True):
            for name, value in old.items():
                expected = ALIKE.get(value, value) if name.endswith("_utc") and name != "said_utc" else value
                if (table.name, name) in TRUTHS and value is not None:
                    expected = bool(value)
                if name == "original" and value != "null":
                    assert json.loads(new[name]) == json.loads(value) | {"counted": True}
                elif name == "payload":
                    assert bytes(new[name]) == bytes(value)
                elif name == "said_utc" and old["at_utc"] == "yesterday":
                    assert new[name] == "yesterday"
                elif name != "undone":
                    assert new[name] == expected, (table.name, name)
                    assert type(new[name]) is type(expected)


def foreign_keys(connection: Connection, table: str) -> list[Any]:
    if connection.dialect.name == "sqlite":  # SQLAlchemy reads no ON DELETE beside a column
        return [tuple(row) for row in connection.exec_driver_sql(f"PRAGMA foreign_key_list({table})")]
    keys = inspect(connection).get_foreign_keys(table)
    return [(key["constrained_columns"], key["referred_table"], key["options"]) for key in keys]


def shape(db: Database) -> dict[str, Any]:
    """Tables, columns with types, keys and indexes as the database itself says."""
    with db.connection() as connection:
        said = inspect(connection)
        return {
            table: {
                "columns": {
                    c["name"]: (str(c["type"]), c["nullable"] and c["name"] != "id")  # a key is never null
                    for c in said.get_columns(table)
                },
                "key": said.get_pk_constraint(table)["constrained_columns"],
                "foreign": foreign_keys(connection, table),
                "unique": [sorted(key["column_names"]) for key in said.get_unique_constraints(table)],
                "indexes": {
                    index["name"]: index["column_names"]
                    for index in said.get_indexes(table)
                    if not index.get("duplicates_constraint")
                },
            }
            for table in METADATA.tables
        }


@pytest.fixture
def new_shape(where: str, tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    """What a new history of the same kind looks like."""
    other = str(tmp_path / "new.db")
    if where.startswith("postgresql:"):
        other = request.getfixturevalue("postgres").database()
    with open_writable(other) as db:
        return shape(db)


@pytest.mark.parametrize("schema", range(1, SCHEMA_VERSION))
def test_an_old_history_keeps_every_row_and_looks_like_a_new_one(
    where: str, schema: int, make_old: MakeOld, new_shape: dict[str, Any]
) -> None:
    make_old(where, schema)
    before = read_raw(where)
    with pytest.raises(StoreError, match=rf"history of schema {schema}, .* brings it up to date"):
        open_history(where)
    with open_writable(where) as db:
        assert_every_row_is_there(db, before)
        assert shape(db) == new_shape
        assert version_of(db) == SCHEMA_VERSION
        (misdated,) = (row for row in db.rows(select(METADATA.tables["reps"])) if row["event_id"] == "r3")
        assert (misdated["at_utc"], misdated["said_utc"]) == (EPOCH, "yesterday")
        (undone,) = (row for row in db.rows(select(METADATA.tables["commands"])) if row["event_id"] == "c2")
        assert undone["undone"] == (None if schema >= 5 else "c1")
    with open_history(where) as db:  # once is enough
        assert_every_row_is_there(db, before)


def test_what_comes_next_goes_into_a_history_brought_up_to_date(
    where: str, make_old: MakeOld, make_rep: Any
) -> None:
    make_old(where, 3)
    with open_store(where) as store:
        store.ingest([Arrived("gym", "rack-2", make_rep(stream="new", seq=1))])
        assert [row["counted"] for row in written.reps(store, "gym", "rack-2")] == [True]
        assert {key[1:] for key in store.acks()} == {("rack-1", "f00"), ("rack-2", "new")}


def test_a_dump_of_the_first_edition_restored_over_a_newer_history_is_brought_up_to_date(
    postgres: Any, make_old: MakeOld
) -> None:
    where = postgres.database()
    open_writable(where).close()
    with psycopg.connect(where) as server:
        for table in (*METADATA.tables, "plumbline_history"):
            if table != "plumbline_version":  # of which the dump knows nothing
                server.execute(f"DROP TABLE {table} CASCADE".encode())
    make_old(where, 1)
    before = read_raw(where)
    with open_writable(where) as db:
        assert_every_row_is_there(db, before)
    open_history(where).close()


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
def test_the_first_edition_refuses_what_was_brought_up_to_date(where: str, make_old: MakeOld) -> None:
    make_old(where, 5)
    open_writable(where).close()
    with closing(sqlite3.connect(where)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


def test_a_view_of_somebodys_own_that_stands_in_the_way_is_named(postgres: Any, make_old: MakeOld) -> None:
    where = postgres.database()
    make_old(where, 5)
    with psycopg.connect(where) as server:
        server.execute("CREATE VIEW mine AS SELECT at_utc::timestamptz FROM reps")
    before = read_raw(where)
    with pytest.raises(StoreError, match="view mine depends on column"):
        open_writable(where)
    assert read_raw(where) == before


COMMIT = -1
# Forks for each history given and dies in it, before its N-th statement or its commit; says how many it has.
DYING = """
import json, os, signal, sys
from sqlalchemy import Engine, event
import dashboard.database.migrating
from dashboard.database.schema import open_writable

left = 0
done = 0

def step(*_):
    global done
    done += 1
    if done == left:
        os.kill(os.getpid(), signal.SIGKILL)

def at_the_commit(*_):
    if left == -1:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(Engine, "before_cursor_execute", step)
event.listen(Engine, "commit", at_the_commit)
for where, left in json.loads(sys.argv[1]):
    pid = os.fork()
    if not pid:
        done = 0
        open_writable(where).close()
        print(done, flush=True)
        os._exit(0)
    print("ended by", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


def die(*jobs: tuple[str, int]) -> list[str]:
    command = [sys.executable, "-c", DYING, json.dumps(jobs)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.split("\n")[:-1]


def test_a_migration_killed_anywhere_leaves_the_old_history(where: str, make_old: MakeOld) -> None:
    make_old(where, 1)
    before = read_raw(where)
    dies_at = (3, 5, 20, 40, 50, 60)
    assert die(*((where, at) for at in dies_at)) == [f"ended by {-signal.SIGKILL}"] * len(dies_at)
    assert read_raw(where) == before
    steps = int(die((where, 0))[0])
    assert steps > max(dies_at)
    with open_writable(where) as db:
        assert_every_row_is_there(db, before)


def test_a_migration_killed_at_its_commit_leaves_the_old_history(where: str, make_old: MakeOld) -> None:
    make_old(where, 4)
    before = read_raw(where)
    assert die((where, COMMIT)) == [f"ended by {-signal.SIGKILL}"]
    assert read_raw(where) == before
    with open_writable(where) as db:
        assert_every_row_is_there(db, before)


# Opens a history; stops where it is told to until a line comes. Nobody waits for more than the migration.
OPENING = """
import sys
from sqlalchemy import Engine, event
import dashboard.database.schema as schema
from tests.dashboard.record import written

schema.LOCK_WAIT_S = 0.0
where, stop_at = sys.argv[1:]

@event.listens_for(Engine, "before_cursor_execute")
def step(connection, cursor, statement, *_):
    if statement.startswith(("BEGIN IMMEDIATE", "SELECT pg_advisory")):
        print("begins", flush=True)
    if statement.startswith(stop_at):
        print("in the middle", flush=True)
        sys.stdin.readline()

schema.open_writable(where).close()
print("migrated" if "alembic" in sys.modules else "waited", flush=True)
"""


@contextmanager
def opening(where: str, stop_at: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", OPENING, where, stop_at],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_of_two_that_open_an_old_history_one_brings_it_up_to_date_and_the_other_waits(
    where: str, make_old: MakeOld
) -> None:
    make_old(where, 2)
    before = read_raw(where)
    with opening(where, "\nCREATE TABLE corrections") as first:
        assert first.stdout and first.stdin
        assert [first.stdout.readline() for _ in range(2)] == ["begins\n", "in the middle\n"]
        with opening(where, "never") as second:
            assert second.stdout
            assert second.stdout.readline() == "begins\n"
            first.stdin.write("\n")
            first.stdin.flush()
            assert [first.stdout.readline(), second.stdout.readline()] == ["migrated\n", "waited\n"]
            assert [first.wait(), second.wait()] == [0, 0]
    with open_history(where) as db:
        assert_every_row_is_there(db, before)
