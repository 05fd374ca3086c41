"""Databases as people have them: another encoding, another program's, locked, half there, a copy."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dashboard.database.schema import open_history, open_writable
from dashboard.roster.athletes import Athlete, athletes, save
from station.cli import main
from station.errors import StoreError

ANA = Athlete(id="a-17", name="Łukasz Ström", badge="0042")


@pytest.mark.parametrize("encoding", ["LATIN1", "LATIN2", "SQL_ASCII", "WIN1252", "EUC_JP"])
def test_a_server_database_that_is_no_utf8_is_refused_in_one_line_at_start(
    postgres: Any, encoding: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    name = f"in_{encoding.lower()}"
    with psycopg.connect(postgres.url, autocommit=True) as db:
        made = f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
        db.execute(made.encode())
    url = postgres.url.replace("/postgres", f"/{name}")
    for opened in (open_writable, open_history):
        with pytest.raises(StoreError, match=f"its encoding is {encoding}, .*ENCODING 'UTF8'"):
            opened(url)
    (tmp_path / "names.csv").write_text("id,name\na-17,Łukasz\n", encoding="utf-8")
    assert main(["athletes", "import", str(tmp_path / "names.csv"), "--db", url]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and f"its encoding is {encoding}" in said


@pytest.mark.parametrize("name", ["a" * 5000, "b" * 300 + ".db", "none/there.db", "nul\0.db", "."])
def test_a_name_that_can_be_no_history_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    for opened in (open_writable, open_history):
        with pytest.raises(StoreError) as refused:
            opened(tmp_path / name)
        assert "\n" not in str(refused.value)


@pytest.fixture
def history(tmp_path: Path) -> Path:
    path = tmp_path / "history.db"
    with open_writable(str(path)) as db:
        save(db, [ANA])
    return path


def test_a_copy_is_read_where_it_lies(history: Path, tmp_path: Path) -> None:
    copy = tmp_path / "from the gym (1).db"
    shutil.copy(history, copy)
    copy.chmod(0o444)
    with open_history(str(copy)) as db:
        assert [one.name for one in athletes(db)] == [ANA.name]
    for words in (["athletes", "list"], ["export", str(tmp_path / "x.csv")], ["report", "list"]):
        assert main([*words, "--db", str(copy)]) == 0


@pytest.mark.parametrize(
    "spoil, says",
    [
        (lambda path: path.write_bytes(b"SQLite format 3\0" + b"\0" * 84), "not a sound|empty|not a"),
        (lambda path: path.write_bytes(path.read_bytes()[:1500]), "not a sound SQLite database|malformed"),
        (lambda path: path.write_text("id,name\na-17,Ana\n"), "not a sound SQLite database"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.unlink(), "no such history"),
        (lambda path: (path.unlink(), path.mkdir()), "a folder; give"),
    ],
)
def test_what_is_no_history_is_refused_in_one_line(
    history: Path, capsys: pytest.CaptureFixture[str], spoil: Any, says: str
) -> None:
    for side in history.parent.glob("history.db-*"):
        side.unlink()
    spoil(history)
    for words in (["athletes", "list"], ["report", "a-17"], ["export", "-"]):
        assert main([*words, "--db", str(history)]) == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and str(history) in said
        assert any(one in said for one in says.split("|")), said


def test_another_programs_database_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "places.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE moz_places (id INTEGER)")
    before = path.read_bytes()
    (tmp_path / "names.csv").write_text("id,name\na-17,Ana\n")
    for words in (["athletes", "list"], ["athletes", "import", str(tmp_path / "names.csv")]):
        assert main([*words, "--db", str(path)]) == 1
        assert "not a history" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_a_locked_history_can_be_read_and_is_not_written(
    history: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "names.csv").write_text("id,name\nb-04,Ben\n")
    with sqlite3.connect(history, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        assert main(["athletes", "list", "--db", str(history)]) == 0
        assert ANA.name in capsys.readouterr().out
        assert main(["athletes", "import", str(tmp_path / "names.csv"), "--db", str(history)]) == 1
        assert "in use by another process" in capsys.readouterr().err
    other.close()


def test_a_folder_and_urls_of_other_databases_are_called_so(tmp_path: Path) -> None:
    for where, says in (
        (str(tmp_path), "a folder; give the history's file"),
        ("mysql://coach:pw@localhost/gym", "mysql://…: give the path of a file, or postgresql://…"),
        (f"sqlite:///{tmp_path}/h.db", "sqlite://…: give the path of a file"),
    ):
        for opened in (open_writable, open_history):
            with pytest.raises(StoreError) as refused:
                opened(where)
            assert says in str(refused.value) and "pw" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_role_that_may_only_read_a_server_reads_it_and_is_told_that_it_may_not_write(
    postgres: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with psycopg.connect(postgres.url, autocommit=True) as db:
        db.execute("CREATE DATABASE looked_at ENCODING 'UTF8' TEMPLATE template0")
        db.execute("CREATE ROLE onlooker LOGIN PASSWORD 'pw'")
    url = postgres.url.replace("/postgres", "/looked_at")
    with open_writable(url) as db:
        save(db, [ANA])
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO onlooker")
    parts = psycopg.conninfo.conninfo_to_dict(url)
    theirs = f"postgresql://onlooker:pw@{parts.get('host', '')}:{parts.get('port', 5432)}/looked_at"
    if parts.get("host", "").startswith("/"):
        theirs = f"postgresql://onlooker:pw@/looked_at?host={parts['host']}&port={parts.get('port', 5432)}"
    (tmp_path / "names.csv").write_text("id,name\na-18,Bo\n")
    for words in (["athletes", "list"], ["export", str(tmp_path / "x.csv")], ["report", "list"]):
        assert main([*words, "--db", theirs]) == 0
    assert "Łukasz" in capsys.readouterr().out
    assert main(["athletes", "import", str(tmp_path / "names.csv"), "--db", theirs]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "onlooker:" not in said and "not the right to do that there" in said


def test_a_copy_with_its_log_where_nothing_may_be_written_says_to_copy_both(
    history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    medium = tmp_path / "medium"
    medium.mkdir()
    with open_writable(str(history)) as db:
        save(db, [ANA, Athlete(id="b-04", name="Bo", badge=None)])
        for name in ("history.db", "history.db-wal"):
            shutil.copy(tmp_path / name, medium / name)
    assert (medium / "history.db-wal").stat().st_size > 0
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write into every folder
    with pytest.raises(StoreError, match=r"newest rows are in history\.db-wal.*copy both"):
        open_history(str(medium / "history.db"))
    (medium / "history.db-wal").write_bytes(b"")
    with open_history(str(medium / "history.db")) as db:
        assert "a-17" in [one.id for one in athletes(db)]
    assert sorted(one.name for one in medium.iterdir()) == ["history.db", "history.db-wal"]
