"""An index of the titles."""

from alembic import op

revision = "2a7e"
down_revision = "1f0c"


def upgrade() -> None:
    """Make it."""
    op.create_index("booking_title", "booking", ["title"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("booking_title", "booking")
