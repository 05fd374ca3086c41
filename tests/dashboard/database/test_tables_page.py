"""What docs/tables.md says of the tables is so, and its SQL runs on PostgreSQL as Grafana sends it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dashboard.database.schema import open_writable
from dashboard.database.tables import METADATA, REPS, SETS
from dashboard.record.store import Arrived, open_store
from station.messages import Tombstone, now_utc
from station.records import Rep, SetSummary

PAGE = (Path(__file__).parents[3] / "docs" / "tables.md").read_text(encoding="utf-8")
GRANTS, *PANELS = re.findall(r"^```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SECONDS = {"15m": 900}


def expanded(panel: str) -> str:
    """The macros of Grafana's PostgreSQL source, as it writes them out."""
    shown = r"\1 BETWEEN '2020-01-01T00:00:00Z' AND '2100-01-01T00:00:00Z'"
    panel = re.sub(r"\$__timeFilter\((\w+)\)", shown, panel)
    return re.sub(
        r"\$__timeGroupAlias\((\w+), '(\w+)'\)",
        lambda found: 'floor(extract(epoch from {0})/{1})*{1} AS "time"'.format(found[1], SECONDS[found[2]]),
        panel,
    )


@pytest.fixture
def filled(postgres: Any, make_rep: Callable[..., Any], make_set: Callable[..., Any]) -> str:
    """A history with a set of three reps of this minute, one of them partial, and a gap."""
    url: str = postgres.database()
    around = {"at_utc": now_utc(), "athlete": "a-17", "load_kg": 60.0, "exercise": "romanian-deadlift"}
    reps = [
        make_rep(n, stream="s", seq=n, event_id=f"r{n}", counted=n != 3, confidence=0.6, **around)
        for n in (1, 2, 3)
    ]
    lost = Tombstone(event_id="t", at_utc=now_utc(), stream="s", seq=9, first_seq=5, lost=5)
    done = make_set(1, stream="s", seq=4, velocity_loss_pct=12.5, **around)
    with open_store(url) as store:
        store.ingest([Arrived("gym", "rack-1", one) for one in (*reps, done, lost)])
    return url


def test_every_panel_of_the_page_gives_rows_without_a_cast(filled: str) -> None:
    assert len(PANELS) == 6
    assert "::" not in PAGE and "cast(" not in PAGE.lower()
    with psycopg.connect(filled) as server:
        for statement in GRANTS.split(";")[:-1]:
            server.execute(statement.encode())
        server.execute("SET ROLE grafana")
        found = [server.execute(expanded(panel).encode()).fetchall() for panel in PANELS]
        velocity, day, load, week, doubtful, gaps = found
        assert [row[1] for row in velocity] == ["a-17, 60 kg"]
        assert [tuple(map(round, row[1:])) for row in day] == [(3, 67, 33)]
        assert [row[1:] for row in load] == [("rack-1", 120.0)]
        assert [row[1:] for row in week] == [("a-17", 12.5)]
        assert len(doubtful) == 2
        assert [row[:3] for row in gaps] == [("gym", "rack-1", 5)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            server.execute("SELECT name FROM athletes")


def test_on_postgres_every_column_has_the_type_its_value_has(postgres: Any) -> None:
    url = postgres.database()
    open_writable(url).close()
    with psycopg.connect(url) as server:
        types = server.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'public'"
        ).fetchall()
    for table, column, kind in types:
        if table == "plumbline_history":  # of the first edition
            continue
        if column.endswith("_utc") and column != "said_utc":
            assert kind == "timestamp with time zone", (table, column)
        elif column in ("counted", "ok"):
            assert kind == "boolean"
        elif re.search(r"_(m|mps|s|n|w|j|kg|pct)$", column) or column == "confidence":
            assert kind == "double precision", (table, column)
        else:
            assert kind in ("text", "bigint", "bytea"), (table, column, kind)


def test_every_table_and_column_is_on_the_page() -> None:
    lines = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| (.*) \|$", PAGE, re.MULTILINE))
    assert set(lines) == set(METADATA.tables)
    envelope = re.findall(r"`(\w+)`", lines["reps"].split("(")[0])
    for name, table in METADATA.tables.items():
        named = set(re.findall(r"`(\w+)`", lines[name])) - {"pending", "confirmed", "rejected"}
        if table is REPS:
            named |= set(Rep.__struct_fields__)
        if table is SETS:
            named |= set(envelope) - {"state"}
            assert set(SetSummary.__struct_fields__) <= named
        assert set(table.c.keys()) == named, name
