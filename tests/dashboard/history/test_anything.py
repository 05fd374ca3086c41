"""Whatever numbers and times a history holds, everything that draws it draws something."""

import io
from collections.abc import Callable
from datetime import UTC, date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text, update

from dashboard.database.schema import open_history
from dashboard.database.tables import COMMANDS, PLANS, REPS, SETS
from dashboard.floor.units import Units
from dashboard.history import queries
from dashboard.history.export import COLUMNS, rows, write_csv, write_json_lines
from dashboard.history.kept import group_sessions
from dashboard.history.load_velocity import load_velocity
from dashboard.history.record_snapshot import read_record, signed_off_by_coaches
from dashboard.history.report import athlete_report, session_report
from dashboard.history.spreadsheet import rounded, write_excel
from dashboard.history.standings import since_utc, standings
from dashboard.history.trends import TITLES
from dashboard.record.store import Arrived, open_store
from dashboard.roster.athletes import erase, save
from dashboard.roster.people import Athlete, Plan
from dashboard.roster.plans import assignment, in_words
from dashboard.tui.widgets.board import board_lines, month_lines
from dashboard.tui.widgets.history import STANDINGS, list_lines, pair_lines, set_lines, trend_lines
from station.cli import main
from station.exercises import all_profiles
from station.messages import CommandMessage, ReplyMessage, RepMessage, SetMessage, decode, encode

EXTREMES = (0.0, -0.0, 1e308, -1e308, 5e-324, 9.9, -1.0, float("inf"), 1.797e308)
WHOLE = (0, 1, -1, 2**53, -(2**62))
TIMES = ("", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "soon", "2030-01-01T10:00:00.000Z", "2030-02-30")
NO_JSON = "{]"  # what a hand at the database leaves


@pytest.mark.parametrize("turn", range(3))
def test_anything_a_database_can_hold_is_drawn(
    tmp_path: Path, make_rep: Callable[..., RepMessage], make_set: Callable[..., SetMessage], turn: int
) -> None:
    where, profiles = tmp_path / "h.db", all_profiles()
    with open_store(where) as store:
        for n in range(12):
            rep = make_rep(
                n % 4 + 1, event_id=f"r{n}", stream="s", seq=n + 1, set_number=n // 4 + 1, athlete="ana"
            )
            store.ingest([Arrived("gym", "rack-1", rep)])
        store.ingest([Arrived("gym", "rack-1", make_set(1, stream="s", seq=99, athlete="ana"))])
        with store.db.transaction():
            for table in (REPS, SETS):
                for place, column in enumerate(table.c):
                    kind = column.type.python_type
                    if column.name in ("counted", "set_number") or kind not in (float, int):
                        continue
                    values: Any = EXTREMES if kind is float else WHOLE
                    for row in range(12):
                        value = values[(turn + place * (row % 3) + row) % len(values)]
                        here = table.c.event_id == f"r{row}"
                        store.db.run(
                            update(table).where(here if table is REPS else ~here).values({column: value})
                        )
            for row in range(12):
                at_utc = TIMES[(turn + row) % len(TIMES)]
                said = text("UPDATE reps SET at_utc = :at_utc WHERE event_id = :event_id")
                store.db.run(said, {"at_utc": at_utc, "event_id": f"r{row}"})
    with open_history(where) as db:
        sets = queries.sets(db)
        assert len(sets) == 3
        athlete_report("Ana", sets, profiles, UTC)
        session_report("Ana", sets[:1], profiles, UTC)
        list_lines(queries.practised(db), 0, profiles, {}, 20)
        for units in Units:
            set_lines(sets, 1, sets[0], units, 120, 40)
        for measure in TITLES:
            trend_lines(sets, measure, profiles, 120, 40)
        pair_lines(sets[0], sets[1], 120, 40)
        group_sessions(queries.sets(db))
        read_record(db, (("ana", sets[0].exercise),))
        for write in (write_csv, write_json_lines, write_excel):
            assert write(rounded(rows(db, "reps")), COLUMNS["reps"], io.StringIO()) == 12
        load_velocity(sets)
        for line in queries.practised(db):
            since, tempo = since_utc(line.last_utc), profiles[line.exercise].tempo
            done = queries.efforts(db, line.exercise, since, tempo)
            for by in STANDINGS:
                board_lines(standings(done, by, sets[0].load_kg), by, None, "", None, {}, 120)
        for first in (date(1, 1, 1), date(9999, 12, 1)):
            month_lines(queries.training_days(db, "ana"), first, 120)


def test_json_columns_may_hold_anything(tmp_path: Path, make_rep: Callable[..., RepMessage]) -> None:
    where = tmp_path / "h.db"
    signed = CommandMessage(
        event_id="c", at_utc="2030-01-01T00:00:00Z", name="sign-off", by="cleo", athlete="ana", exercise="rdl"
    )
    with open_store(where) as store:
        store.ingest([Arrived("gym", "rack-1", make_rep(1, stream="s", seq=1, athlete="ana"))])
        for number in (1, 2):
            command = msgspec.structs.replace(signed, event_id=f"c{number}")
            reply = ReplyMessage(
                event_id=f"a{number}", at_utc=signed.at_utc, in_reply_to=f"c{number}", ok=True, text=""
            )
            store.ingest([Arrived("gym", "rack-1", command), Arrived("gym", "rack-1", reply)])
        with store.db.transaction():
            store.db.run(update(REPS).values(curve=NO_JSON))
            store.db.run(update(COMMANDS).where(COMMANDS.c.event_id == "c1").values(command=NO_JSON))
    with open_history(where) as db:
        assert signed_off_by_coaches(db) == {("ana", "rdl")}
        assert queries.sets(db)[0].reps[0].rep.curve is None
        for what in ("reps", "commands"):
            held = io.StringIO()
            write_json_lines(rows(db, what), COLUMNS[what], held)
            assert f'"{NO_JSON}"' in held.getvalue()  # as it stands there
    with open_store(where) as store:
        assert erase(store.db, "ana")["reps"] == 1


@pytest.mark.parametrize("turn", range(len(EXTREMES)))
def test_a_plan_of_any_numbers_is_shown_and_asks_for_what_can_be(tmp_path: Path, turn: int) -> None:
    where, profiles = tmp_path / "h.db", all_profiles()
    ana = Athlete(id="ana", name="", squad="", note="", plans=(Plan(exercise="romanian-deadlift"),))
    with open_store(where) as store:
        save(store.db, [ana])
        values = {int: WHOLE[turn % len(WHOLE)], float: EXTREMES[turn]}
        kinds = {column: column.type.python_type for column in PLANS.c}
        with store.db.transaction():
            store.db.run(
                update(PLANS).values({one: values[kind] for one, kind in kinds.items() if kind in values})
            )
    assert main(["athletes", "list", "--db", str(where)]) == 0
    with open_history(where) as db:
        (one,) = read_record(db).athletes
        in_words(one, one.plans[0], profiles)
        for command in assignment(one, None, profiles, "cleo"):
            decode("command", encode(command))
