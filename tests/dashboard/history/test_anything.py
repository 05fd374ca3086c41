"""Whatever numbers and times a history holds, everything that draws it draws something."""

import io
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from dashboard.database.schema import open_history
from dashboard.database.tables import REPS, SETS
from dashboard.floor.units import Units
from dashboard.history import queries
from dashboard.history.export import COLUMNS, rows, write_csv, write_json_lines
from dashboard.history.record_snapshot import read_record
from dashboard.history.report import athlete_report, session_report
from dashboard.history.trends import TITLES
from dashboard.record.store import Arrived, open_store
from dashboard.tui.widgets.history import list_lines, pair_lines, set_lines, trend_lines
from station.exercises import all_profiles
from station.messages import RepMessage, SetMessage

EXTREMES = (0.0, -0.0, 1e308, -1e308, 5e-324, 9.9, -1.0)
WHOLE = (0, 1, -1, 2**53, -(2**62))
TIMES = ("", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "soon", "2030-01-01T10:00:00.000Z", "2030-02-30")


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
        queries.sessions(db)
        read_record(db, (("ana", sets[0].exercise),))
        for write in (write_csv, write_json_lines):
            assert write(rows(db, "reps"), COLUMNS["reps"], io.StringIO()) == 12
