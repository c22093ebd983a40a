"""The table of bookings."""

import sqlalchemy as sa
from alembic import op

revision = "1f0c"
down_revision = None


def upgrade() -> None:
    """Make it."""
    op.create_table(
        "booking",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("title", sa.String(), nullable=False),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("booking")
