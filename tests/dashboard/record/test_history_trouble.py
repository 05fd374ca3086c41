"""A history that is locked, full, torn, newer or gone: one clear line, and what needs none goes on."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text, update

from dashboard.database.database import Database
from dashboard.database.postgres import without_password
from dashboard.database.schema import open_history, open_writable
from dashboard.database.tables import SCHEMA_VERSION, VERSION
from dashboard.history import queries
from dashboard.record.embedded import EmbeddedRecord
from dashboard.record.record import Record
from dashboard.record.store import Arrived, Store, open_store
from dashboard.roster.athletes import save
from dashboard.roster.people import Athlete
from edge.broker.mosquitto import Broker
from station.config import Mqtt
from station.errors import StoreError
from station.messages import RepMessage, encode
from tests.dashboard.record import written

MakeRep = Callable[..., RepMessage]
TOPIC = "plumbline/1/gym/rack-1/rep"


def fill(store: Store, make_rep: MakeRep, count: int = 1) -> None:
    store.ingest([Arrived("gym", "rack-1", make_rep(n, stream="s", seq=n)) for n in range(1, count + 1)])


def note_version(db: Database, version: int) -> None:
    """Let it be of another version than it is."""
    with db.transaction():
        db.run(update(VERSION).values(version_num=str(version)))


def tear(path: Path, make_rep: MakeRep) -> None:
    """Overwrite the middle of a history's file, as a dying card does."""
    with open_store(path) as store:
        fill(store, make_rep, 200)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 8192))


def test_a_locked_history_is_said_and_can_still_be_read(tmp_path: Path, make_rep: MakeRep) -> None:
    path = tmp_path / "h.db"
    with open_store(path) as store:
        fill(store, make_rep)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="in use by another process"):
            fill(store, make_rep, 2)
        with open_history(path) as db:
            assert len(queries.reps(db)) == 1
        other.execute("ROLLBACK")
        other.close()
        fill(store, make_rep, 2)
        assert len(written.reps(store, "gym", "rack-1")) == 2


def test_a_full_history_takes_nothing_loses_nothing_and_goes_on_when_there_is_room(
    tmp_path: Path, make_rep: MakeRep
) -> None:
    with open_store(tmp_path / "h.db") as store:
        pages = store.db.rows(text("PRAGMA page_count"))[0]["page_count"]
        store.db.rows(text(f"PRAGMA max_page_count = {pages + 4}"))
        with pytest.raises(StoreError, match="no room left; free some disk space"):
            fill(store, make_rep, 500)
        assert written.reps(store, "gym", "rack-1") == []
        assert store.acks() == {}
        store.db.rows(text("PRAGMA max_page_count = 1000000"))
        fill(store, make_rep, 500)
        assert len(written.reps(store, "gym", "rack-1", 1000)) == 500


def test_a_torn_history_is_said_wherever_it_is_read(tmp_path: Path, make_rep: MakeRep) -> None:
    path = tmp_path / "h.db"
    tear(path, make_rep)
    with pytest.raises(StoreError, match="not a sound SQLite database"), open_history(path) as db:
        queries.sets(db)


def test_a_history_of_another_version_is_said(where: str) -> None:
    with open_writable(where) as db:
        note_version(db, SCHEMA_VERSION + 1)
    for opened in (open_writable, open_history):
        with pytest.raises(StoreError, match=f"schema {SCHEMA_VERSION + 1}, .* use the newer Plumbline"):
            opened(where)


def test_uncertainty_confidence_and_what_was_repaired_are_kept(tmp_path: Path, make_rep: MakeRep) -> None:
    said = {"rom_sigma_m": 0.001, "bottom_pause_sigma_s": 0.02, "confidence": 0.97, "repaired_samples": 4}
    with open_store(tmp_path / "h.db") as store:
        store.ingest([Arrived("gym", "rack-1", make_rep(stream="s", seq=1, **said))])
        (kept,) = written.reps(store, "gym", "rack-1")
    assert {column: kept[column] for column in said} == said


def test_reading_makes_no_history_and_changes_none(tmp_path: Path, make_rep: MakeRep) -> None:
    with pytest.raises(StoreError, match="no such history"):
        open_history(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []
    open_store(tmp_path / "h.db").close()
    with open_history(tmp_path / "h.db") as db, pytest.raises(StoreError):
        save(db, [Athlete(id="a-1", name="A")])


def test_another_programs_database_is_left_alone(tmp_path: Path, postgres: Any) -> None:
    path, url = tmp_path / "other.db", postgres.database()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE reps (mine TEXT)")
    db.close()
    with psycopg.connect(url) as server:
        server.execute("CREATE TABLE reps (mine TEXT)")
    for other in (path, url):
        with pytest.raises(StoreError, match="not a history; give another"):
            open_writable(other)


def test_a_lost_server_is_said_and_found_again(postgres: Any, make_rep: MakeRep) -> None:
    with open_store(postgres.database()) as store:
        fill(store, make_rep)
        with psycopg.connect(postgres.url, autocommit=True) as server:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'plumbline'"
            )
        with pytest.raises(StoreError, match="cannot be reached or used"):
            fill(store, make_rep, 2)
        fill(store, make_rep, 2)
        assert len(written.reps(store, "gym", "rack-1")) == 2
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1/x: cannot be reached"):
        open_store("postgresql://coach:secret@127.0.0.1:1/x")


def test_a_password_is_never_shown() -> None:
    shown = without_password("postgresql://coach:secret@db.gym:5433/history?sslmode=require&password=secret")
    assert shown == "postgresql://coach@db.gym:5433/history"


def test_two_records_on_one_server_lose_nothing_of_a_stream(postgres: Any, make_rep: MakeRep) -> None:
    url = postgres.database()
    with open_store(url) as one, open_store(url) as two:

        def take(store: Store, first: int) -> None:
            for n in range(first, 81, 2):
                store.ingest([Arrived("gym", "rack-1", make_rep(n, stream="s", seq=n))])

        threads = [threading.Thread(target=take, args=pair) for pair in ((one, 1), (two, 2))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30.0)
        (ack,) = one.acks().values()
        assert (ack.committed_seq, ack.missing) == (80, [])
        assert len(written.reps(one, "gym", "rack-1")) == 80


def test_the_record_says_that_its_history_is_locked_and_takes_all_when_it_is_not(
    broker: Broker, wire: Any, make_rep: MakeRep, until: Any, tmp_path: Path
) -> None:
    path = tmp_path / "h.db"
    mqtt = Mqtt(host="127.0.0.1", port=broker.port, tls=False)
    with open_store(path) as store, Record(mqtt, store, say=lambda _: None) as record:
        until(lambda: record.connected)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        wire.say(TOPIC, encode(make_rep(stream="s", seq=1)))
        until(lambda: record.problem)
        assert "in use by another process" in str(record.problem)
        assert record.alive
        other.execute("ROLLBACK")
        other.close()
        until(lambda: record.problem is None and len(written.reps(store, "gym", "rack-1")) == 1)


def test_a_history_that_is_locked_at_the_start_is_written_once_it_is_free(
    broker: Broker, wire: Any, make_rep: MakeRep, until: Any, tmp_path: Path
) -> None:
    path = tmp_path / "h.db"
    open_writable(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    mqtt = Mqtt(host="127.0.0.1", port=broker.port, tls=False)
    with EmbeddedRecord(mqtt, None, path, {}) as recording:
        until(recording.trouble)
        assert "no history: " in str(recording.trouble())
        other.execute("ROLLBACK")
        other.close()
        until(lambda: recording.trouble() is None)
        with open_history(path) as db:
            # Said again and again, as an outbox does.
            until(lambda: wire.say(TOPIC, encode(make_rep(stream="s", seq=1))) or queries.reps(db))


def test_a_history_that_stays_shut_is_said_once_however_often_it_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    path = tmp_path / "h.db"
    path.write_bytes(b"no database at all" * 100)
    said: list[str] = []
    tried: list[str] = []

    def opened(database: str) -> Store:
        tried.append(database)
        return open_store(database)

    monkeypatch.setattr("dashboard.record.store.open_store", opened)
    monkeypatch.setattr("dashboard.record.embedded.RETRY_S", 0.01)
    with EmbeddedRecord(
        Mqtt(host="127.0.0.1", port=1, tls=False), None, str(path), {}, said.append
    ) as recording:
        until(lambda: len(tried) > 3)
        assert said == [recording.trouble()]


@pytest.mark.parametrize("trouble", ["newer", "torn", "locked"])
def test_the_live_lines_go_on_without_a_history(
    broker: Broker, wire: Any, make_rep: MakeRep, tmp_path: Path, trouble: str
) -> None:
    path = tmp_path / "h.db"
    held = None
    if trouble == "torn":
        tear(path, make_rep)
    else:
        with open_writable(path) as db:
            note_version(db, SCHEMA_VERSION + (trouble == "newer"))
        if trouble == "locked":
            held = sqlite3.connect(path, isolation_level=None)
            held.execute("BEGIN EXCLUSIVE")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "station.cli", "dashboard", "--plain", "--for", "20", "--no-tls"),
            *("--port", str(broker.port), "--db", str(path)),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    lines = []
    try:
        seen = {"history": False, "rep": False}
        for line in process.stdout:
            lines.append(line)
            if "localhost" in line:
                wire.say(TOPIC, encode(make_rep(stream="s", seq=1)))
            seen["history"] |= "history: " in line
            seen["rep"] |= "rack-1" in line
            if all(seen.values()):
                break
        assert all(seen.values()), "".join(lines)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        if held is not None:
            held.close()
