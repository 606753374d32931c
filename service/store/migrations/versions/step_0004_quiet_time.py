"""Quiet after an answer: of whom and for whom a card was, and whether it was shown; pilots by place."""

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
# A card of this patient that in the 24 hours up to now was shown to five users, none of whom has answered.
_SAME = "other.patient = cards.patient AND other.rule = cards.rule AND other.shown"
_WITHIN = "other.at > cards.at - 86400000 AND other.at <= cards.at"
_UNHEEDED = f"""
CREATE VIEW unheeded_cards AS
SELECT cards.uuid, cards.at, cards.client, cards.tenant, cards.patient, cards.rule, cards.version, cards.indicator
FROM cards
WHERE cards.shown AND cards.patient <> ''
AND 5 <= (SELECT count(DISTINCT other.asker) FROM cards AS other WHERE {_SAME} AND {_WITHIN} AND other.asker <> '')
AND NOT EXISTS (
    SELECT 1 FROM cards AS other JOIN feedback ON feedback.card = other.uuid AND feedback.client = other.client
    WHERE {_SAME} AND {_WITHIN}
)
"""
# What was answered before this step quietens too. Older cards stay without: nobody looks for them.
_KNOWN = """
UPDATE cards SET
    patient = (SELECT patient FROM evaluations WHERE evaluations.id = cards.evaluation),
    asker = (SELECT asker FROM evaluations WHERE evaluations.id = cards.evaluation)
WHERE EXISTS (SELECT 1 FROM feedback WHERE feedback.card = cards.uuid)
AND EXISTS (SELECT 1 FROM evaluations WHERE evaluations.id = cards.evaluation)
"""


def upgrade() -> None:
    """Add the columns, what they are found by, and the views."""
    op.execute("DROP VIEW answered_cards")
    op.add_column("cards", sa.Column("shown", sa.Boolean, nullable=False, server_default=sa.true()))
    for name in ("patient", "asker"):  # a worker of the version before leaves them out, while both run
        op.add_column("cards", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.add_column("rule_modes", sa.Column("locations", sa.Text, nullable=False, server_default="[]"))
    op.execute(_KNOWN)
    op.create_index("cards_patient", "cards", ["patient", "at"])
    op.execute(f"CREATE VIEW answered_cards AS {_JOINED} WHERE cards.shown")
    op.execute(_UNHEEDED)


def downgrade() -> None:
    """Take them away, with the cards that were not shown."""
    op.execute("DROP VIEW unheeded_cards")
    op.execute("DROP VIEW answered_cards")
    op.drop_index("cards_patient", "cards")
    op.execute("DELETE FROM cards WHERE NOT shown")
    for name in ("shown", "patient", "asker"):
        op.drop_column("cards", name)
    op.drop_column("rule_modes", "locations")
    op.execute(f"CREATE VIEW answered_cards AS {_JOINED}")
