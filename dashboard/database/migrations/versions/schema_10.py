"""The squad and a note of an athlete, and the velocity that a plan asks for."""

from alembic import op
from sqlalchemy import Column

from dashboard.database.types import REAL, TEXT

revision = "10"
down_revision = "9"


def upgrade() -> None:
    """Change the tables of schema 9."""
    for name in ("squad", "note"):
        op.add_column("athletes", Column(name, TEXT))
    for name in ("velocity_least_mps", "velocity_most_mps", "velocity_best_pct"):
        op.add_column("plans", Column(name, REAL))
