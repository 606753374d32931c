"""The tokens that were used, until they expire."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "used_tokens",
        sa.Column("issuer", sa.Text, primary_key=True),
        sa.Column("jti", sa.Text, primary_key=True),
        sa.Column("expires", sa.BigInteger, nullable=False),
    )
    op.create_index("used_tokens_expires", "used_tokens", ["expires"])


def downgrade() -> None:
    """Remove the table."""
    op.drop_table("used_tokens")
