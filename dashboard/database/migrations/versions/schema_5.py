"""Corrections and what they cover, the codes of replies, and times that cannot be right."""

from alembic import op
from sqlalchemy import Column

from dashboard.database.types import TEXT

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """Change the tables of schema 4."""
    op.add_column("reps", Column("said_utc", TEXT))
    op.add_column("sets", Column("said_utc", TEXT))
    for name in ("code", "action", "undone"):
        op.add_column("commands", Column(name, TEXT))
    # What replies of the first edition said in words alone.
    op.execute(
        """UPDATE commands SET undone = (
            SELECT max(signed.event_id) FROM commands AS signed
            WHERE signed.site = commands.site AND signed.station = commands.station
            AND signed.name = 'sign-off' AND commands.answer = 'undone: ' || signed.answer
        ) WHERE name = 'undo'"""
    )
    for table, always, maybe in (
        ("corrections", ("session", "at_utc", "by", "action", "command"), ("undone_utc", "undone_by")),
        ("originals", ("session", "kind", "original"), ()),
    ):
        op.create_table(
            table,
            *(Column(name, TEXT, primary_key=True) for name in ("site", "station", "event_id")),
            *(Column(name, TEXT, nullable=False) for name in always),
            *(Column(name, TEXT) for name in maybe),
            sqlite_strict=True,
        )
        op.create_index(f"{table}_by_session", table, ["site", "station", "session"])
    op.create_table(
        "erased",
        Column("athlete_hash", TEXT, primary_key=True),
        Column("at_utc", TEXT, nullable=False),
        sqlite_strict=True,
    )
