"""The curve of a rep: its place and path, JSON."""

from alembic import op
from sqlalchemy import Column

from dashboard.database.types import TEXT

revision = "8"
down_revision = "7"


def upgrade() -> None:
    """Change the tables of schema 7."""
    op.add_column("reps", Column("curve", TEXT))
