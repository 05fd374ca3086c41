"""Histories as they were: the first edition's tables of schema 1 to 6, and later ones made from those."""

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dashboard.database.first_edition import NEWEST
from dashboard.database.migrating import migrate
from dashboard.database.schema import connect

STATEMENTS = Path(__file__).with_name("first_edition.sql").read_text(encoding="utf-8")
TYPES = (
    (r"\bINTEGER PRIMARY KEY AUTOINCREMENT\b", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
    (r"\bINTEGER\b", "BIGINT"),
    (r"\bREAL\b", "DOUBLE PRECISION"),
    (r"\bBLOB\b", "BYTEA"),
)
GYM = {"site": "gym", "station": "rack-1"}
AROUND = GYM | {"revision": 1, "session": "day-1", "session_s": 4.5, "exercise": "romanian-deadlift"}
UNDO = {"name": "undo", "by": "coach", "command": "{}", "ok": 1}
ROWS: list[tuple[int, str, dict[str, Any]]] = [  # since which schema, table, row
    (1, "reps", AROUND | {"event_id": "r1", "at_utc": "2026-01-01T00:00:01.500Z", "state": "confirmed",
                          "set_number": 1, "number": 1, "counted": 1, "rom_m": 0.1, "athlete": "ana"}),
    (1, "reps", AROUND | {"event_id": "r2", "at_utc": "2026-01-01T02:00:02.25+02:00", "state": "rejected",
                          "set_number": 1, "number": 2**53 - 1, "counted": 0, "load_kg": 60}),
    (1, "reps", AROUND | {"event_id": "r3", "at_utc": "yesterday", "state": "pending", "set_number": 2,
                          "number": 1}),
    (1, "sets", AROUND | {"event_id": "s1", "at_utc": "2026-01-01T00:00:30Z", "number": 1}),
    (1, "commands", GYM | {"event_id": "c1", "at_utc": "2026-01-01T00:00:31.000Z", "name": "sign-off",
                           "by": "coach", "command": "{}", "ok": 1, "answer": "signed off",
                           "answered_utc": "2026-01-01T00:00:31.100000Z"}),
    (1, "commands", GYM | UNDO | {"event_id": "c2", "at_utc": "2026-01-01T00:00:32.000Z",
                                  "answer": "undone: signed off"}),
    (1, "commands", GYM | {"event_id": "c3", "at_utc": "2026-02-30T00:00:00.000Z", "name": "tare",
                           "by": "coach", "command": "{}"}),
    (1, "streams", GYM | {"stream": "f00", "heard_utc": "2026-01-01T00:00:33.000Z"}),
    (1, "received", {"stream_id": 1, "first_seq": 1, "last_seq": 2**53 - 1}),
    (1, "gaps", {"stream_id": 1, "first_seq": 7, "last_seq": 9}),
    (1, "quarantine", {"at_utc": "2026-01-01T00:00:34.000Z", "topic": "t", "reason": "", "payload": b"\xff"}),
    (2, "athletes", {"id": "ana", "name": "Ana", "badge": "7"}),
    (2, "plans", {"athlete": "ana", "exercise": "romanian-deadlift", "load_kg": 60.0, "sets": 3}),
    (5, "corrections", GYM | {"event_id": "k1", "session": "day-1", "at_utc": "2026-01-02T00:00:00.000Z",
                              "by": "coach", "action": "k1", "command": "{}",
                              "undone_utc": "2026-01-02T00:01:00.000Z", "undone_by": "coach"}),
    (5, "originals", GYM | {"event_id": "r1", "session": "day-1", "kind": "reps",
                            "original": '{"event_id":"r1","at_utc":"2026-01-01T00:00:01.500Z","counted":1}'}),
    (5, "originals", GYM | {"event_id": "added", "session": "day-1", "kind": "reps", "original": "null"}),
    (5, "erased", {"athlete_hash": "ABC", "at_utc": "2026-01-03T00:00:00.000Z"}),
]  # fmt: skip


@pytest.fixture
def make_old() -> Callable[[str, int], None]:
    """Make an old history with a row or more in each table: where, and of which schema."""

    def make(where: str, schema: int) -> None:
        first = min(schema, NEWEST)
        sections = re.split(r"^-- schema \d$", STATEMENTS, flags=re.MULTILINE)[1 : first + 1]
        statements = [text.strip() for section in sections for text in section.split(";") if text.strip()]
        rows = [(table, row) for since, table, row in ROWS if since <= first]
        (_on_postgres if where.startswith("postgresql:") else _on_sqlite)(where, statements, rows, first)
        if schema > first:
            with connect(where) as db, db.transaction(10.0) as connection:
                migrate(connection, first, str(schema))

    return make


def _on_sqlite(where: str, statements: list[str], rows: list[tuple[str, Any]], schema: int) -> None:
    db = sqlite3.connect(where, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("BEGIN")
    for statement in statements:
        db.execute(f"{statement} STRICT" if statement.startswith("CREATE TABLE") else statement)
    for table, row in rows:
        columns = ", ".join(f'"{name}"' for name in row)
        values = ", ".join(f":{name}" for name in row)
        db.execute(f"INSERT INTO {table} ({columns}) VALUES ({values})", row)
    db.execute(f"PRAGMA application_id = {0x504C4849}")
    db.execute(f"PRAGMA user_version = {schema}")
    db.execute("COMMIT")
    db.close()


def _on_postgres(where: str, statements: list[str], rows: list[tuple[str, Any]], schema: int) -> None:
    with psycopg.connect(where) as db:
        for statement in statements:
            for here, there in TYPES:
                statement = re.sub(here, there, statement)  # noqa: PLW2901
            db.execute(statement.encode())
        for table, row in rows:
            columns = ", ".join(f'"{name}"' for name in row)
            values = ", ".join(f"%({name})s" for name in row)
            db.execute(f"INSERT INTO {table} ({columns}) VALUES ({values})".encode(), row)
        db.execute("CREATE TABLE plumbline_history (schema_version BIGINT NOT NULL)")
        db.execute("INSERT INTO plumbline_history VALUES (%s)", (schema,))
