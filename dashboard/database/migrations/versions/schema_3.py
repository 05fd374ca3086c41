"""The athlete's own full range in a plan."""

from alembic import op
from sqlalchemy import Column

from dashboard.database.types import REAL

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Change the tables of schema 2."""
    op.add_column("plans", Column("full_range_m", REAL))
