"""Quiet after an answer: whether a card was shown, and whose cards an answer to it quietens. Pilots by location."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_JOINED = """
SELECT cards.uuid, cards.evaluation, cards.at AS shown_at, cards.client, cards.tenant, cards.rule, cards.version,
       cards.indicator, cards.evidence, cards.suggestions, feedback.at AS answered_at, feedback.outcome,
       feedback.suggestions AS accepted, feedback.reason, feedback.system, feedback.display
FROM cards LEFT JOIN feedback
ON feedback.card = cards.uuid AND feedback.client = cards.client
AND (feedback.tenant = cards.tenant OR feedback.tenant = '' OR cards.tenant = '')
"""
# Answers from before this step quieten cards too.
_ANSWERED = """
UPDATE cards SET quietens = COALESCE((SELECT patient FROM evaluations WHERE evaluations.id = cards.evaluation), '')
WHERE EXISTS (SELECT 1 FROM feedback WHERE feedback.card = cards.uuid)
"""


def upgrade() -> None:
    """Add the columns. While both versions run, a worker of the version before leaves them out."""
    op.execute("DROP VIEW answered_cards")
    op.add_column("cards", sa.Column("shown", sa.Boolean, nullable=False, server_default=sa.true()))
    op.add_column("cards", sa.Column("quietens", sa.Text, nullable=False, server_default=""))
    op.add_column("rule_modes", sa.Column("locations", sa.Text, nullable=False, server_default="[]"))
    op.execute(_ANSWERED)
    of_answered = sa.text("quietens <> ''")  # few cards are answered: the index leaves out all others
    op.create_index("cards_quietens", "cards", ["quietens"], sqlite_where=of_answered, postgresql_where=of_answered)
    op.execute(f"CREATE VIEW answered_cards AS {_JOINED} WHERE cards.shown")


def downgrade() -> None:
    """Remove the columns, and the cards that were not shown."""
    op.execute("DROP VIEW answered_cards")
    op.drop_index("cards_quietens", "cards")
    op.execute("DELETE FROM cards WHERE NOT shown")
    op.drop_column("cards", "quietens")
    op.drop_column("cards", "shown")
    op.drop_column("rule_modes", "locations")
    op.execute(f"CREATE VIEW answered_cards AS {_JOINED}")
