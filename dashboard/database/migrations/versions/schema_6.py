"""The load as it was weighed."""

from alembic import op
from sqlalchemy import Column

from dashboard.database.types import REAL

revision = "6"
down_revision = "5"


def upgrade() -> None:
    """Change the tables of schema 5."""
    for table in ("reps", "sets"):
        for name in ("load_measured_kg", "load_measured_sigma_kg"):
            op.add_column(table, Column(name, REAL))
