"""How sure each number of a rep is, its balance and slack, and why it was not counted, as a code."""

from alembic import op
from sqlalchemy import Column

from dashboard.database.types import REAL, TEXT, WHOLE

revision = "4"
down_revision = "3"
NUMBERS = (
    "rom_sigma_m", "mean_concentric_velocity_sigma_mps", "peak_concentric_velocity_sigma_mps",
    "eccentric_sigma_s", "bottom_pause_sigma_s", "concentric_sigma_s", "top_pause_sigma_s",
    "confidence", "signal_noise_m", "slack_s", "heel_pct", "heel_least_pct", "left_pct",
)  # fmt: skip


def upgrade() -> None:
    """Change the tables of schema 3."""
    for name in NUMBERS:
        op.add_column("reps", Column(name, REAL))
    op.add_column("reps", Column("repaired_samples", WHOLE))
    op.add_column("reps", Column("reason_code", TEXT))
