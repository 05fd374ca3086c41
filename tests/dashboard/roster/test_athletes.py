"""Athletes: the coach's file with its line numbers, and everything about one of them, given or gone."""

import io
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dashboard.database.schema import open_history, open_writable
from dashboard.record.store import Arrived, PoisonMessage, Store, open_store
from dashboard.roster.athletes import athletes, erase, find_athlete, save, save_plan
from dashboard.roster.athletes_cli import athletes_command
from dashboard.roster.athletes_file import read_roster
from dashboard.roster.people import Athlete, Plan
from station.errors import ConfigError, PlumblineError, StoreError
from station.exercises import all_profiles
from station.messages import CommandMessage, ReplyMessage, RepMessage, SetMessage
from tests.dashboard.record import written

NOW = "2030-01-01T00:00:00.000Z"
TOML = """\
[[athletes]]
id = "a-17"
name = "Ana Okoro"
badge = "0042"

[[athletes.plans]]
exercise = "rdl"
load_kg = 60
sets = 3
tempo = "2-0-X-1.5"

[[athletes]]
id = "b-04"
name = "Ben Lund"
"""
CSV = """\
id,name,badge,exercise,load_kg,sets,tempo
a-17,Ana Okoro,0042,rdl,60,3,2-0-X-1.5
b-04,Ben Lund,,,,,
"""
ANA = Athlete(
    id="a-17",
    name="Ana Okoro",
    badge="0042",
    plans=(
        Plan(
            exercise="romanian-deadlift",
            load_kg=60.0,
            sets=3,
            eccentric_s=2.0,
            bottom_pause_s=0.0,
            top_pause_s=1.5,
        ),
    ),
)
BEN = Athlete(id="b-04", name="Ben Lund")


@pytest.mark.parametrize(("name", "text"), [("a.toml", TOML), ("a.csv", CSV), ("a.csv", "\ufeff" + CSV)])
def test_both_kinds_of_file_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    assert read_roster(file, all_profiles()) == ((ANA, BEN), ())


@pytest.mark.parametrize(
    ("was", "becomes", "words"),
    [
        ('id = "b-04"', 'id = "B 04"', "line 13: id: 'B 04'; use 1 to 32 of the characters"),
        ('id = "b-04"', 'id = "a-17"', "line 13: id: 'a-17' is in line 2 already"),
        ('id = "b-04"', "id = 4", "line 13: id: 4 is no text"),
        ('name = "Ben Lund"', 'nam = "Ben"', "line 14: unknown 'nam'; did you mean name"),
        ('name = "Ben Lund"', "", "line 12: name: missing"),
        ('name = "Ben Lund"', r'name = "B\u001b[31m"', "line 14: name: .*printable characters"),
        ('"rdl"', '"rdk"', "line 7: exercise: unknown 'rdk'"),
        ("load_kg = 60", "load_kg = -5", "line 8: load_kg: '-5'; expected a number from 0 to 1000"),
        ("load_kg = 60", "load_kg = nan", "line 8: load_kg: 'nan'"),
        ("sets = 3", "sets = 2.5", "line 9: sets: '2.5'; expected a whole number from 1 to 100"),
        ("sets = 3", "sets = true", "line 9: sets"),
        ('"2-0-X-1.5"', '"2-0-1"', "line 10: tempo: '2-0-1'; expected four numbers"),
        ("sets = 3", "sets =", "line 9: sets: .* is not valid TOML"),
        ("[[athletes]]", "[[people]]", "'people': expected"),
    ],
)
def test_what_is_wrong_in_a_toml_file_is_said_with_its_line(
    tmp_path: Path, was: str, becomes: str, words: str
) -> None:
    file = tmp_path / "a.toml"
    file.write_text(TOML.replace(was, becomes))
    with pytest.raises(ConfigError, match=words):
        read_roster(file, all_profiles())


@pytest.mark.parametrize(
    ("was", "becomes", "words"),
    [
        ("load_kg,", "load,", "line 1: unknown 'load'; did you mean load_kg"),
        ("id,name", "name,id2", "line 1: unknown 'id2'"),
        (",60,", ",sixty,", "line 2: load_kg: 'sixty'"),
        ("b-04,Ben Lund,,,,,", "b-04,Ben Lund,,,,,,,9", "line 3 has 9 cells, the header names 7 columns"),
        ("b-04,Ben Lund,", "a-17,Ben Lund,", "line 3: name of a-17 is 'Ben Lund', and 'Ana Okoro' in line 2"),
        ("b-04,Ben Lund,", ",Ben Lund,", "line 3: id: missing"),
    ],
)
def test_what_is_wrong_in_a_csv_file_is_said_with_its_line(
    tmp_path: Path, was: str, becomes: str, words: str
) -> None:
    file = tmp_path / "a.csv"
    file.write_text(CSV.replace(was, becomes))
    with pytest.raises(ConfigError, match=words):
        read_roster(file, all_profiles())


def test_all_wrong_lines_are_named_at_once(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text(TOML.replace("60", "-1").replace('"b-04"', '"B"').replace("sets = 3", "sets = 0"))
    with pytest.raises(ConfigError, match=r"line 8: load_kg.*\n.*line 9, 13"):
        read_roster(file, all_profiles())


def test_files_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes("id,name\na-1,Zoë\n".encode("latin-1"))
    (tmp_path / "a.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    (tmp_path / "empty.toml").write_text("")
    for name, words in (
        ("latin.csv", "save it as UTF-8"),
        ("a.xls", "an Excel workbook"),
        ("empty.toml", "no athlete in it"),
        ("missing.toml", "cannot be read"),
    ):
        with pytest.raises(ConfigError, match=words):
            read_roster(tmp_path / name, all_profiles())


def test_an_id_that_gives_the_name_away_is_warned_of(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text(TOML.replace('"b-04"', '"ben-2"'))
    (warning,) = read_roster(file, all_profiles()).warnings
    assert "line 13: id 'ben-2' gives the name away" in warning


def test_importing_again_replaces_a_person_and_leaves_the_others(where: str) -> None:
    with open_writable(where) as db:
        save(db, [ANA, BEN])
        save(db, [ANA, BEN])
        new = Athlete(id="a-17", name="Ana Lund", badge="7")
        save(db, [new])
        assert athletes(db) == [new, BEN]
        with pytest.raises(StoreError, match="badge '7' of c-1 is a-17's"):
            save(db, [Athlete(id="c-1", name="C", badge="7")])
        save(db, [Athlete(id="a-17", name="Ana Lund"), Athlete(id="c-1", name="C", badge="7")])
        assert [one.badge for one in athletes(db)] == [None, None, "7"]


def test_squads_notes_and_velocities_go_from_a_file_into_the_record(tmp_path: Path, where: str) -> None:
    file = tmp_path / "athletes.csv"
    file.write_text(
        "id,name,squad,note,exercise,velocity_least_mps,velocity_most_mps,rest_s\n"
        "a-17,Ana Okoro,Juniors,left knee,rdl,0.45,0.6,120\n",
        encoding="utf-8",
    )
    roster = read_roster(file, all_profiles())
    plan = Plan(exercise="romanian-deadlift", velocity_least_mps=0.45, velocity_most_mps=0.6, rest_s=120.0)
    ana = Athlete(id="a-17", name="Ana Okoro", squad="Juniors", note="left knee", plans=(plan,))
    assert roster.athletes == (ana,)
    with open_writable(where) as db:
        save(db, roster.athletes)
        assert athletes(db) == [ana]


def test_one_plan_of_an_athlete_is_changed_and_the_others_stay(where: str) -> None:
    with open_writable(where) as db:
        save(db, [ANA])
        squat = Plan(exercise="back-squat", load_kg=80.0)
        save_plan(db, "a-17", squat)
        heavier = msgspec.structs.replace(ANA.plans[0], load_kg=62.5)
        save_plan(db, "a-17", heavier)
        assert athletes(db)[0].plans == (squat, heavier)
        with pytest.raises(StoreError, match="b-04 is not in the record"):
            save_plan(db, "b-04", squat)


def test_a_person_is_found_by_id_badge_or_name(where: str) -> None:
    with open_writable(where) as db:
        save(db, [ANA, BEN, Athlete(id="b-05", name="ben lund")])
        assert {find_athlete(db, word) for word in ("a-17", "0042", "ana okoro")} == {"a-17"}
        with pytest.raises(StoreError, match="'Ben Lund' is 2 athletes: b-04, b-05"):
            find_athlete(db, "Ben Lund")
        with pytest.raises(StoreError, match="no athlete 'x'; there is a-17, b-04, b-05"):
            find_athlete(db, "x")


@pytest.fixture
def store(
    where: str, make_rep: Callable[..., RepMessage], make_set: Callable[..., SetMessage]
) -> Iterator[Store]:
    """A history with a-17 in every corner of it, and a-1 beside."""
    with open_store(where) as store:
        save(store.db, [ANA, Athlete(id="a-1", name="Al")])
        said = {"at_utc": NOW, "by": "coach"}
        messages: list[Any] = [
            make_rep(1, athlete="a-17", stream="s", seq=1, event_id="e1"),
            make_rep(2, athlete="a-17", stream="s", seq=2, event_id="e2", state="rejected"),
            make_rep(3, athlete="a-1", stream="s", seq=3, event_id="e3"),
            make_set(1, athlete="a-17", stream="s", seq=4),
            CommandMessage(event_id="c1", name="set-athlete", athlete="a-17", **said),
            CommandMessage(event_id="c2", name="mark-rep", rep_event_id="e1", mark="false", **said),
            CommandMessage(event_id="c3", name="set-athlete", athlete="a-1", **said),
            CommandMessage(event_id="c4", name="tare", **said),
            ReplyMessage(event_id="r4", at_utc=NOW, in_reply_to="c4", ok=True, text="tared; a-17 lifts"),
        ]
        store.ingest([Arrived("gym", "rack-1", message) for message in messages])
        store.quarantine(
            [
                PoisonMessage("t", b'{"athlete": "a-17"', "torn"),
                PoisonMessage("t", b'{"athlete": "a-170"', "torn"),
            ]
        )
        yield store


def test_everything_about_an_athlete_is_one_file(store: Store, where: str, tmp_path: Path) -> None:
    file = tmp_path / "a-17.json"
    assert athletes_command(["export", "0042", str(file), "--db", where]) == 0
    assert file.stat().st_mode & 0o777 == 0o600
    found = json.loads(file.read_text())
    assert found["athletes"][0]["name"] == "Ana Okoro"
    assert found["plans"][0]["load_kg"] == 60.0
    assert [row["event_id"] for row in found["reps"]] == ["e1", "e2"]
    assert [row["number"] for row in found["sets"]] == [1]
    assert [row["event_id"] for row in found["commands"]] == ["c1", "c2", "c4"]
    assert [row["payload"] for row in found["quarantine"]] == ['{"athlete": "a-17"']


def test_an_erased_athlete_is_gone_and_the_others_are_as_they_were(store: Store, where: str) -> None:
    with open_writable(where) as db:
        gone = erase(db, "a-17")
    assert gone == {"reps": 2, "sets": 1, "commands": 3, "quarantine": 1, "plans": 1, "athletes": 1}
    assert [row["event_id"] for row in written.reps(store, "gym", "rack-1")] == ["e3"]
    assert [row["event_id"] for row in written.commands(store, "gym", "rack-1")] == ["c3"]
    assert [row["payload"] for row in written.quarantined(store)] == [b'{"athlete": "a-170"']
    assert [ack.committed_seq for ack in store.acks().values()] == [
        4
    ]  # else stations would send it all again


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
def test_an_erased_athlete_leaves_no_byte_in_the_files(
    store: Store, where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def bytes_of_history() -> bytes:
        return b"".join(path.read_bytes() for path in tmp_path.glob("history.db*"))

    assert b"Okoro" in bytes_of_history()
    assert athletes_command(["erase", "a-17", "--yes", "--db", where]) == 0
    assert "2 reps" in capsys.readouterr().out
    left = bytes_of_history()
    for trace in (b"Okoro", b"0042", b"e1", b'"a-17"', b"a-17 lifts"):
        assert trace not in left
    assert left.count(b"a-17") == left.count(b"a-170")


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
def test_erasing_beside_a_reader_says_that_traces_are_left_and_again_removes_them(
    store: Store, where: str, tmp_path: Path
) -> None:
    erasing = ["erase", "a-17", "--yes", "--db", where]
    reader = sqlite3.connect(where, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM reps").fetchone()
    with pytest.raises(StoreError, match=r"still hold what was erased.*\n.*erase once more"):
        athletes_command(erasing)
    reader.execute("ROLLBACK")
    with pytest.raises(StoreError, match="no athlete 'a-17'"):
        athletes_command(erasing)
    reader.close()
    assert b"Okoro" not in b"".join(path.read_bytes() for path in tmp_path.glob("history.db*"))


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
def test_erasing_asks_first(
    store: Store, where: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(PlumblineError, match="say --yes"):
        athletes_command(["erase", "a-17", "--db", where])

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
    assert athletes_command(["erase", "a-17", "--db", where]) == 1
    assert len(written.reps(store, "gym", "rack-1")) == 3
    monkeypatch.setattr("sys.stdin", Terminal("a-17\n"))
    assert athletes_command(["erase", "a-17", "--db", where]) == 0
    assert len(written.reps(store, "gym", "rack-1")) == 1


def test_a_list_shows_who_is_there_and_what_they_are_to_do(
    where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.toml"
    file.write_text(TOML)
    assert athletes_command(["import", str(file), "--db", where]) == 0
    assert "2 athletes with 1 plans" in capsys.readouterr().out
    assert athletes_command(["list", "--db", where]) == 0
    assert "a-17         Ana Okoro  (badge 0042)" in capsys.readouterr().out
    with open_history(where) as db:
        assert athletes(db) == [ANA, BEN]
