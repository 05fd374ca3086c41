"""Athletes and their plans. Schema 1 had reps, sets, commands and the streams' ranges."""

from alembic import op
from sqlalchemy import Column, ForeignKey

from dashboard.database.types import REAL, TEXT, WHOLE

revision = "2"
down_revision = None
NUMBERS = (
    "eccentric_s", "bottom_pause_s", "concentric_s", "top_pause_s",
    "velocity_loss_cutoff_pct", "path_limit_m", "rest_s",
)  # fmt: skip


def upgrade() -> None:
    """Change the tables of schema 1."""
    op.create_index("reps_by_athlete", "reps", ["athlete", "exercise", "at_utc"])
    op.create_table(
        "athletes",
        Column("id", TEXT, primary_key=True),
        Column("name", TEXT, nullable=False),
        Column("badge", TEXT, unique=True),
        sqlite_strict=True,
    )
    op.create_table(
        "plans",
        Column("athlete", TEXT, ForeignKey("athletes.id", ondelete="CASCADE"), primary_key=True),
        Column("exercise", TEXT, primary_key=True),
        Column("load_kg", REAL),
        Column("sets", WHOLE),
        Column("reps", WHOLE),
        *(Column(name, REAL) for name in NUMBERS),
        sqlite_strict=True,
    )
