"""The mode of its rule when a card was written: who was shown it while it was in pilot."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; a worker of the version before leaves it out, while both run: the mode is then not known."""
    op.add_column("cards", sa.Column("mode", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Take the column away."""
    op.drop_column("cards", "mode")
