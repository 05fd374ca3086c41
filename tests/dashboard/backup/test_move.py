"""A history from SQLite to PostgreSQL and back: row by row the same, or not moved at all."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from dashboard.backup import move as moving
from dashboard.database.schema import connect
from dashboard.database.tables import ATHLETES, METADATA, PLANS, QUARANTINE, REPS, VERSION
from dashboard.record.store import Arrived, open_store
from station.cli import main
from station.messages import RepMessage

MakeRep = Callable[..., RepMessage]


def fill(where: str, make_rep: MakeRep, count: int = 700) -> None:
    with open_store(where) as store:
        reps = [
            make_rep(
                n,
                stream="s",
                seq=n,
                event_id=f"e{n}",
                session="a",
                set_number=1,
                athlete="Ärzte-ß" if n % 2 else "b",
            )
            for n in range(1, count + 1)
        ]
        store.ingest([Arrived("gym", "rack-1", rep) for rep in reps])
        store.ingest([Arrived("gym", "Z-rack", make_rep(1, stream="t", seq=1, event_id="z"))])
        with store.db.transaction() as db:
            db.execute(insert(ATHLETES).values(id="a-1", name="Ana Ökoro", badge=None))
            db.execute(insert(PLANS).values(athlete="a-1", exercise="rdl", load_kg=62.5, sets=3))
            for n in range(3):
                at, data = "2030-01-01T00:00:00.000Z", bytes(range(256))
                db.execute(insert(QUARANTINE).values(at_utc=at, topic=f"t{n}", reason="odd", payload=data))
            db.execute(QUARANTINE.delete().where(QUARANTINE.c.topic == "t0"))


def content(where: str) -> dict[str, list[tuple[Any, ...]]]:
    with connect(where, read_only=True) as db, db.connection() as read:
        return {
            table.name: sorted((tuple(row) for row in read.execute(select(table))), key=repr)
            for table in METADATA.sorted_tables
            if table is not VERSION
        }


def test_there_and_back_it_is_the_same(
    tmp_path: Path, postgres: Any, make_rep: MakeRep, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = str(tmp_path / "a.db"), postgres.database(), str(tmp_path / "b.db")
    fill(first, make_rep)
    assert main(["history", "move", first, second]) == 0
    assert "701 reps" in capsys.readouterr().out
    assert main(["history", "move", second, third]) == 0
    assert content(first) == content(second) == content(third)
    assert len(content(third)["reps"]) == 701
    for where in (second, third):  # what comes next goes on from there
        with open_store(where) as store:
            store.ingest([Arrived("gym", "rack-9", make_rep(1, stream="new", seq=1, event_id="n"))])
            store.ingest([Arrived("gym", "rack-1", make_rep(7, stream="s", seq=7, event_id="e7"))])
        assert len(content(where)["reps"]) == 702


def test_one_that_holds_something_is_not_written_over(
    tmp_path: Path, make_rep: MakeRep, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = str(tmp_path / "a.db"), str(tmp_path / "b.db")
    fill(first, make_rep, 5)
    fill(second, make_rep, 9)
    before = content(second)
    assert main(["history", "move", first, second]) == 1
    error = capsys.readouterr().err
    assert "give an empty one" in error and len(error.splitlines()) == 1 and content(second) == before


def test_a_row_that_comes_out_otherwise_moves_nothing(
    tmp_path: Path, postgres: Any, make_rep: MakeRep, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    first, second = str(tmp_path / "a.db"), postgres.database()
    fill(first, make_rep, 5)
    copy = moving._copy

    def spoilt(table: Any, read: Any, written: Any) -> int:
        count = copy(table, read, written)
        if table is REPS:
            written.execute(REPS.update().where(REPS.c.event_id == "e3").values(rom_m=0.123))
        return count

    monkeypatch.setattr(moving, "_copy", spoilt)
    assert main(["history", "move", first, second]) == 1
    assert "reps gym, rack-1, e3: not the same" in capsys.readouterr().err
    assert {name: rows for name, rows in content(second).items() if rows} == {}


@pytest.mark.parametrize("source", ["none.db", "other.db"])
def test_what_is_no_history_is_said_in_a_line(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as db:
        db.execute("CREATE TABLE a (b)")
    assert main(["history", "move", str(tmp_path / source), str(tmp_path / "new.db")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1 and not (tmp_path / "new.db").exists()


@pytest.mark.parametrize(
    "said",
    [
        "UPDATE reps SET at_utc = 'soon' WHERE number = 3",
        "UPDATE athletes SET name = 'a' || char(0)",
    ],
)
def test_a_value_that_the_other_kind_cannot_hold_is_named_and_moves_nothing(
    tmp_path: Path, postgres: Any, make_rep: MakeRep, capsys: pytest.CaptureFixture[str], said: str
) -> None:
    first, second = str(tmp_path / "a.db"), postgres.database()
    fill(first, make_rep, 5)
    with closing(sqlite3.connect(first)) as db, db:
        db.execute(said)
    assert main(["history", "move", first, second]) == 1
    words = capsys.readouterr().err.strip()
    assert len(words.splitlines()) <= 2 and "put it right in the old one" in words
    assert not any(content(second).values())
