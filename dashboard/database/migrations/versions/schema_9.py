"""What of a stream stays missing, and between which times it was."""

from alembic import op
from sqlalchemy import Column, ForeignKey

from dashboard.database.types import TIME, WHOLE

revision = "9"
down_revision = "8"


def upgrade() -> None:
    """Change the tables of schema 8."""
    op.create_table(
        "holes",
        Column("stream_id", WHOLE, ForeignKey("streams.id"), primary_key=True, autoincrement=False),
        Column("first_seq", WHOLE, primary_key=True, autoincrement=False),
        Column("last_seq", WHOLE, nullable=False),
        Column("noticed_utc", TIME, nullable=False),
        Column("after_utc", TIME),
        Column("before_utc", TIME),
        sqlite_strict=True,
    )
