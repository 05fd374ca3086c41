"""What comes out of the record: queries, trends, exports and reports; the same from SQLite and PostgreSQL."""

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from dashboard.database.schema import open_history
from dashboard.history import cli, queries
from dashboard.history.export import COLUMNS, rows, write_csv, write_json_lines
from dashboard.history.kept import Filter, KeptRep, KeptSet, group_sessions, group_sets
from dashboard.history.standings import TITLES, Standing, standings
from dashboard.history.trends import compare_sets, trend
from dashboard.record.store import Arrived, Store, open_store
from station.errors import StoreError
from station.exercises import Profile, all_profiles
from station.exercises.coaching import tempo_adherence_pct
from station.messages import RepMessage, SetMessage
from station.records import Rep, SetSummary

MakeRep = Callable[..., RepMessage]
on_sqlite = pytest.mark.parametrize("where", ["sqlite"], indirect=True)  # a page is the same from both


class Past:
    """Fills a history set by set; a set's reps are four seconds apart."""

    def __init__(self, store: Store, make_rep: MakeRep, make_set: Callable[..., SetMessage]) -> None:
        self.store = store
        self._make_rep = make_rep
        self._make_set = make_set
        self._seq = 0

    def add_set(self, session: str, number: int, velocities: list[float], at: str, **given: Any) -> None:
        """One set; `at` is its minute as 2030-01-31T10:00."""
        arrived = []
        for n, velocity in enumerate(velocities, 1):
            self._seq += 1
            fields = {
                "mean_concentric_velocity_mps": velocity,
                "start_s": 4.0 * n,
                "end_s": 4.0 * n + 3,
            } | given
            message = self._make_rep(
                n,
                event_id=f"{session}-s{number}-r{n}",
                session=session,
                set_number=number,
                at_utc=f"{at}:{4 * n:02d}.000Z",
                **{"stream": "past", "seq": self._seq} | fields,
            )
            arrived.append(Arrived("gym", given.get("station", "rack-1"), message))
        self._seq += 1
        summary = self._make_set(
            number,
            event_id=f"{session}-s{number}",
            session=session,
            at_utc=f"{at}:59.000Z",
            **{"stream": "past", "seq": self._seq, "athlete": given.get("athlete")},
        )
        self.store.ingest([*arrived, Arrived("gym", "rack-1", summary)])


@pytest.fixture
def past(where: str, make_rep: MakeRep, make_set: Callable[..., SetMessage]) -> Iterator[Past]:
    """A history with three sets of a-17 on two days, and one of b-04."""
    with open_store(where) as store:
        past = Past(store, make_rep, make_set)
        past.add_set("one", 1, [0.5, 0.6, 0.45], "2030-01-31T10:00", athlete="a-17", load_kg=60.0, rom_m=0.4)
        past.add_set("one", 2, [0.4, 0.38], "2030-01-31T10:05", athlete="a-17", load_kg=80.0, rom_m=0.42)
        past.add_set("one", 3, [0.7], "2030-01-31T10:10", athlete="b-04", exercise="back-squat")
        past.add_set("two", 1, [0.62, 0.6], "2030-02-03T10:00", athlete="a-17", load_kg=60.0, rom_m=0.44)
        yield past


def test_sets_hold_their_reps_by_number_and_the_figures_of_the_contract(past: Past, where: str) -> None:
    with open_history(where) as db:
        first, second, third = queries.sets(db, Filter(athlete="a-17"))
    assert first.key == ("gym", "rack-1", "one", 1)
    assert [one.rep.number for one in first.reps] == [1, 2, 3]
    assert (first.load_kg, second.load_kg, third.load_kg) == (60.0, 80.0, 60.0)
    summary = first.summary
    assert summary.fastest_mean_concentric_velocity_mps == 0.6
    assert summary.velocity_loss_pct == pytest.approx(25.0)
    assert (summary.counted_reps, summary.median_rom_m, summary.largest_path_deviation_m) == (3, 0.4, None)


def test_a_session_is_what_an_athlete_did_on_a_day(past: Past, where: str) -> None:
    with open_history(where) as db:
        found = group_sessions(queries.sets(db), UTC)
    assert [one.id for one in found] == ["a-17/2030-02-03", "b-04/2030-01-31", "a-17/2030-01-31"]
    assert [len(one.sets) for one in found] == [1, 1, 2]
    assert found[1].exercises == ("back-squat",)


def test_filters_are_half_open_and_rejected_reps_are_never_there(
    past: Past, where: str, make_rep: MakeRep
) -> None:
    rejected = make_rep(9, stream="r", seq=1, state="rejected", event_id="no", athlete="a-17")
    past.store.ingest([Arrived("gym", "rack-1", rejected)])
    with open_history(where) as db:
        kept = queries.reps(
            db, Filter(since_utc="2030-01-31T10:00:08.000Z", until_utc="2030-01-31T10:05:08.000Z")
        )
        assert [one.event_id for one in kept] == ["one-s1-r2", "one-s1-r3", "one-s2-r1"]
        assert len(queries.reps(db, Filter(athlete="a-17"))) == 7
        assert len(list(rows(db, "reps", Filter(athlete="a-17"), rejected=True))) == 8
        assert [one.exercise for one in queries.practised(db)] == ["romanian-deadlift", "back-squat"]


def test_a_limit_never_shows_half_a_set(past: Past, where: str) -> None:
    with open_history(where) as db:
        found = queries.sets(db, limit=4)
    assert [one.key[2:] for one in found] == [("one", 3), ("two", 1)]


def places_from_whole_sets(
    done: list[KeptSet], by: Standing, profile: Profile, load_kg: float
) -> dict[str | None, float]:
    """The slow and obvious board: every set as a record, the definition of each standing word by word."""
    found: dict[str | None, float] = {}
    for who in {one.athlete for one in done}:
        theirs = [one for one in done if one.athlete == who and one.counted]
        values = {
            "load": [one.load_kg for one in theirs],
            "velocity": [
                one.summary.fastest_mean_concentric_velocity_mps for one in theirs if one.load_kg == load_kg
            ],
            "tempo": [tempo_adherence_pct(profile, [rep for one in theirs for rep in one.counted])],
            "reps": [float(sum(len(one.counted) for one in theirs)) or None],
        }[by]
        if known := [value for value in values if value is not None]:
            found[who] = max(known)
    return found


@pytest.mark.parametrize("by", list(TITLES))
def test_the_board_is_added_up_by_the_database_and_stands_as_from_whole_sets(
    past: Past, where: str, by: Standing, make_rep: MakeRep
) -> None:
    tempo = {"eccentric_s": 2.0, "bottom_pause_s": 0.0, "concentric_s": 1.0, "top_pause_s": 1.0}
    kept, rushed = {"athlete": "c-01", "load_kg": 60.0} | tempo, {"eccentric_s": 0.4}
    past.add_set("three", 1, [0.55, 0.5], "2030-02-04T10:00", **kept)
    past.add_set("three", 2, [0.65], "2030-02-04T11:00", **kept | rushed)
    past.add_set("three", 3, [0.9], "2030-02-04T12:00", **kept, counted=False)
    past.add_set("three", 4, [0.9], "2030-02-04T13:00", athlete="d-02", load_kg=1e6, top_pause_s=99.0)
    past.add_set("four", 1, [0.5, 0.4], "2030-01-10T10:00", athlete="e-03", load_kg=200.0)  # weeks ago
    past.add_set("five", 1, [0.3], "2030-02-05T10:00")  # of nobody
    struck = {"event_id": "struck", "stream": "r", "state": "rejected", "athlete": "c-01"}
    late = {"event_id": "late", "stream": "r", "session": "three", "athlete": "c-01", "load_kg": 70.0}
    some = [
        make_rep(9, **struck, seq=1, at_utc="2030-02-04T10:00:00.000Z", mean_concentric_velocity_mps=3.0),
        # Given another load while it was on, which is the one that was meant; and beyond all bounds.
        make_rep(9, **late, seq=2, at_utc="2030-02-04T10:00:30.000Z", mean_concentric_velocity_mps=900.0),
    ]
    past.store.ingest([Arrived("gym", "rack-1", one) for one in some])
    profile, since = all_profiles()["romanian-deadlift"], "2030-01-31T10:00:06.000Z"
    with open_history(where) as db:
        whole = queries.sets(db, Filter(exercise=profile.name, since_utc=since))
        done = queries.efforts(db, profile.name, since, profile.tempo)
    assert [one.at_utc for one in done] == [one.at_utc for one in whole]
    expected = places_from_whole_sets(whole, by, profile, 60.0)
    places = standings(done, by, 60.0)
    assert {one.athlete: one.value for one in places} == pytest.approx(expected)
    assert [one.value for one in places] == sorted((one.value for one in places), reverse=True)
    assert "e-03" not in expected and "a-17" in expected


def test_trends_have_a_point_per_set_and_none_for_what_was_not_measured(past: Past, where: str) -> None:
    with open_history(where) as db:
        done = queries.sets(db, Filter(athlete="a-17"))
    points = trend(done, "fastest_mean_concentric_velocity_mps")
    assert [(p.load_kg, p.value) for p in points] == [(60.0, 0.6), (80.0, 0.4), (60.0, 0.62)]
    assert [p.value for p in trend(done, "median_rom_m")] == [0.4, 0.42, 0.44]
    assert trend(done, "largest_path_deviation_m") == []
    assert trend(done, "tempo_adherence_pct", {}) == []
    assert [p.value for p in trend(done, "tempo_adherence_pct", all_profiles())] == [100.0, 100.0, 100.0]


def test_two_sets_are_compared_rep_by_rep(past: Past, where: str) -> None:
    with open_history(where) as db:
        first, _, third = queries.sets(db, Filter(athlete="a-17"))
    lacks = [(pair.one is None, pair.other is None) for pair in compare_sets(first, third)]
    assert lacks == [(False, False)] * 2 + [(False, True)]


def test_an_export_has_the_names_of_the_records_and_says_missing_by_nothing(past: Past, where: str) -> None:
    assert {field.name for field in msgspec.structs.fields(Rep)} <= set(COLUMNS["reps"])
    assert {field.name for field in msgspec.structs.fields(SetSummary)} <= set(COLUMNS["sets"])
    with open_history(where) as db:
        as_csv, as_json = io.StringIO(), io.StringIO()
        assert write_csv(rows(db, "reps"), COLUMNS["reps"], as_csv) == 8
        assert write_json_lines(rows(db, "reps"), COLUMNS["reps"], as_json) == 8
    first = next(csv.DictReader(io.StringIO(as_csv.getvalue())))
    assert (first["counted"], first["rom_m"], first["mean_force_n"]) == ("true", "0.4", "")
    parsed = [json.loads(line) for line in as_json.getvalue().splitlines()]
    assert (parsed[0]["counted"], parsed[0]["mean_force_n"]) == (True, None)
    assert list(parsed[0]) == list(COLUMNS["reps"])


def test_export_writes_each_format_by_athlete_days_and_exercise(
    past: Past, where: str, tmp_path: Path
) -> None:
    for suffix in ("csv", "jsonl", "parquet"):
        file = str(tmp_path / f"x.{suffix}")
        wanted = ["--athlete", "a-17", "--from", "2030-02-02", "--exercise", "romanian-deadlift"]
        assert cli.export_command([file, "--db", where, *wanted]) == 0
    table = pq.read_table(tmp_path / "x.parquet").to_pylist()
    assert [row["mean_concentric_velocity_mps"] for row in table] == [0.62, 0.6]
    assert table[0]["counted"] is True
    assert [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()] == table
    assert len((tmp_path / "x.csv").read_text().splitlines()) == 3


def test_an_export_that_fails_leaves_the_old_file_as_it_was(
    past: Past, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "x.csv"
    file.write_text("old")

    def torn(*_: Any) -> Iterator[dict[str, Any]]:
        yield dict.fromkeys(COLUMNS["reps"])
        raise StoreError("the disk is gone")

    monkeypatch.setattr(cli, "rows", torn)
    with pytest.raises(StoreError, match="the disk is gone"):
        cli.export_command([str(file), "--db", where])
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_text_that_a_spreadsheet_would_run_is_quoted_in_csv() -> None:
    file = io.StringIO()
    write_csv([{"a": "=HYPERLINK(1)", "b": -0.5}], ("a", "b"), file)
    assert file.getvalue() == "a,b\n'=HYPERLINK(1),-0.5\n"


def test_unusable_wishes_of_an_export_are_said(past: Past, where: str, tmp_path: Path) -> None:
    for args, words in (
        ([str(tmp_path / "x.xls")], "there are .csv, .jsonl and .parquet"),
        ([str(tmp_path / "no" / "x.csv")], "cannot be written"),
        ([str(tmp_path / "x.csv"), "--athlete", "nobody"], "no athlete 'nobody'; there is a-17, b-04"),
        ([str(tmp_path / "x.csv"), "--what", "commands", "--athlete", "a-17"], "belong to a station"),
    ):
        with pytest.raises(StoreError, match=words):
            cli.export_command([*args, "--db", where])


class Page(HTMLParser):
    """Collects what a page would fetch or run, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "srcset")]
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


@on_sqlite
def test_a_report_is_one_page_with_plots_that_fetches_nothing(
    past: Past, where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, plots = tmp_path / "a.html", tmp_path / "plots"
    assert cli.report_command(["a-17", "--db", where, "-o", str(page), "--png", str(plots)]) == 0
    found = Page(page.read_text(encoding="utf-8"))
    assert len(found.addresses) >= 4
    assert all(address.startswith("data:image/svg+xml;base64,") for address in found.addresses)
    assert "script" not in found.tags
    assert "Romanian deadlift" in found.text
    assert (
        "no estimate of the one-repetition maximum: needs 3 different loads, there are 2"
        in found.text.lower()
    )
    assert "path not measured" in found.text
    written = sorted(path.name for path in plots.iterdir())
    assert "romanian-deadlift-velocity.png" in written
    assert all((plots / name).read_bytes().startswith(b"\x89PNG") for name in written)
    assert str(plots / written[0]) in capsys.readouterr().out


@on_sqlite
def test_a_report_on_a_session_shows_its_sets(past: Past, where: str, tmp_path: Path) -> None:
    page = tmp_path / "s.html"
    for session in ("one", "a-17/2030-01-31"):
        cli.report_command([session, "--db", where, "-o", str(page), "--exercise", "romanian-deadlift"])
        text = Page(page.read_text(encoding="utf-8")).text
        assert "set 2" in text and "80 kg" in text
    with pytest.raises(StoreError, match="no set of 'a-17/1999-01-01'"):
        cli.report_command(["a-17/1999-01-01", "--db", where])
    with pytest.raises(StoreError, match="no athlete 'a-17/soon'; there is a-17, b-04"):
        cli.report_command(["a-17/soon", "--db", where])


@on_sqlite
def test_text_from_outside_stays_text_in_a_report(
    where: str, make_rep: MakeRep, make_set: Callable[..., SetMessage], tmp_path: Path
) -> None:
    evil = "<img src=x onerror=alert(1)>$x^$</title>"
    with open_store(where) as store:
        Past(store, make_rep, make_set).add_set(
            "s", 1, [0.5, 0.4], "2030-01-31T10:00", athlete=evil, exercise=evil
        )
    page = tmp_path / "evil.html"
    cli.report_command([evil, "--db", where, "-o", str(page), "--png", str(tmp_path)])
    found = Page(page.read_text(encoding="utf-8"))
    assert evil in found.text
    assert all(address.startswith("data:") for address in found.addresses)
    assert list(tmp_path.glob("*-velocity.png"))


def test_a_set_may_lack_every_number(make_rep: MakeRep) -> None:
    kept = KeptRep(
        site="gym",
        station="band-1",
        event_id="e",
        revision=1,
        state="confirmed",
        at_utc="2030-01-31T10:00:00.000Z",
        session="s",
        exercise="banded-hinge",
        athlete=None,
        load_kg=None,
        set_number=1,
        rep=make_rep(mean_concentric_velocity_mps=None).rep,
    )
    summary = group_sets([kept])[0].summary
    assert (summary.velocity_loss_pct, summary.median_rom_m, summary.counted_reps) == (None, None, 1)


@pytest.mark.parametrize(
    ("module", "args", "words"),
    [
        ("psycopg", ["x.csv", "--db", "postgresql://db.gym/history"], "plumbline-gym\\[postgres\\]"),
        ("pyarrow", ["x.parquet"], "plumbline-gym\\[parquet\\]"),
        ("matplotlib", ["a-17"], "plumbline-gym\\[plot\\]"),
    ],
)
def test_an_extra_that_is_missing_is_named(
    tmp_path: Path,
    make_rep: MakeRep,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    args: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with open_store(tmp_path / "history.db") as store:
        store.ingest([Arrived("gym", "rack-1", make_rep(athlete="a-17", stream="s", seq=1))])
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "dashboard.database.postgres", raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    command = cli.report_command if module == "matplotlib" else cli.export_command
    with pytest.raises(StoreError, match=words):
        command(args if "--db" in args else [*args, "--db", str(tmp_path / "history.db")])
    assert [path.name for path in tmp_path.iterdir() if "history" not in path.name] == []
