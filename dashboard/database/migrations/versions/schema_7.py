"""Times are instants and truths are booleans where the database has such types (PostgreSQL).

All times become RFC 3339 in UTC with milliseconds. What was no time lies before all others, as it was shown;
of a rep or a set it stays in `said_utc`.
"""

from typing import Any

import msgspec
from alembic import op
from sqlalchemy import Connection, Text, bindparam, column, select, table, update
from sqlalchemy.dialects.postgresql import TIMESTAMP

from dashboard.database.types import Truth
from dashboard.floor.times import UNREADABLE, format_utc, parse_utc

revision = "7"
down_revision = "6"
TIMES = (
    ("reps", "at_utc"), ("sets", "at_utc"), ("commands", "at_utc"), ("commands", "answered_utc"),
    ("corrections", "at_utc"), ("corrections", "undone_utc"), ("erased", "at_utc"), ("streams", "heard_utc"),
    ("quarantine", "at_utc"),
)  # fmt: skip
TRUTHS = (("reps", "counted"), ("commands", "ok"))


def upgrade() -> None:
    """Change the tables of schema 6."""
    connection = op.get_bind()
    for name, time in TIMES:
        _write_alike(connection, name, time)
    _write_originals_alike(connection)
    if connection.dialect.name == "postgresql":
        for name, time in TIMES:
            using = f"{time}::timestamptz"
            op.alter_column(name, time, type_=TIMESTAMP(timezone=True), postgresql_using=using)
        for name, truth in TRUTHS:
            op.alter_column(name, truth, type_=Truth(), postgresql_using=f"{truth} <> 0")


def _write_alike(connection: Connection, name: str, time: str) -> None:
    """Rewrite the times of a column that are not in our form."""
    here = table(name, column(time, Text), column("said_utc", Text))
    for said in connection.execute(select(here.c[time]).distinct()).scalars().all():
        if said is None or _alike(said) == said:
            continue
        values = {time: _alike(said)}
        if name in ("reps", "sets") and parse_utc(said) is None:
            values["said_utc"] = said
        connection.execute(update(here).where(here.c[time] == said).values(values))


def _write_originals_alike(connection: Connection) -> None:
    """Rewrite what corrections cover: rows as JSON, which come back when a correction is undone."""
    here = table("originals", *(column(name, Text) for name in ("site", "station", "event_id", "original")))
    rows = connection.execute(select(here).where(here.c.original != "null")).all()
    of_event = [here.c[name] == bindparam(f"its_{name}") for name in ("site", "station", "event_id")]
    for row in rows:
        original: dict[str, Any] = msgspec.json.decode(row.original)
        said = original["at_utc"]
        original["at_utc"] = _alike(said)
        if parse_utc(said) is None:
            original["said_utc"] = said
        if "counted" in original:
            original["counted"] = bool(original["counted"])
        connection.execute(
            update(here).where(*of_event).values(original=msgspec.json.encode(original).decode()),
            {"its_site": row.site, "its_station": row.station, "its_event_id": row.event_id},
        )


def _alike(said: str) -> str:
    return format_utc(parse_utc(said) or UNREADABLE)
