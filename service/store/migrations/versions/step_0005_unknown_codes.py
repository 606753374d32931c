"""The codes that no value set knows, from a sample of answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "unknown_codes",
        sa.Column("sample", sa.Text, primary_key=True, nullable=False),
        sa.Column("day", sa.BigInteger, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        *(sa.Column(name, sa.Text, primary_key=True, nullable=False) for name in ("place", "system", "code")),
        sa.Column("looks_like", sa.Text, nullable=False),
    )
    op.create_index("unknown_codes_day", "unknown_codes", ["day"])


def downgrade() -> None:
    """Remove the table."""
    op.drop_table("unknown_codes")
