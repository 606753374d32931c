"""The mode of a card's rule when the card was written: it tells which cards were shown during a pilot."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column. While both versions run, the version before leaves it out, and the mode is then not known."""
    op.add_column("cards", sa.Column("mode", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Remove the column."""
    op.drop_column("cards", "mode")
