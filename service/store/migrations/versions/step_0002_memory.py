"""What was evaluated and shown, and what became of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# Feedback belongs to a card of the same client, and of the same tenant if both name one.
_VIEW = """
CREATE VIEW answered_cards AS
SELECT cards.uuid, cards.evaluation, cards.at AS shown_at, cards.client, cards.tenant, cards.rule, cards.version,
       cards.indicator, cards.evidence, cards.suggestions, feedback.at AS answered_at, feedback.outcome,
       feedback.suggestions AS accepted, feedback.reason, feedback.system, feedback.display
FROM cards LEFT JOIN feedback
ON feedback.card = cards.uuid AND feedback.client = cards.client
AND (feedback.tenant = cards.tenant OR feedback.tenant = '' OR cards.tenant = '')
"""


def upgrade() -> None:
    """Add the tables, and the view that joins cards and feedback."""
    _add_answers()
    _add_feedback()
    op.execute(_VIEW)


def downgrade() -> None:
    """Take them away."""
    op.execute("DROP VIEW answered_cards")
    for table in ("feedback", "cards", "verdicts", "evaluations"):
        op.drop_table(table)


def _text(name: str, *, is_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=is_key, nullable=False)


def _time(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _add_answers() -> None:
    op.create_table(
        "evaluations",
        _text("id", is_key=True),
        _time("at"),
        *(_text(name) for name in ("client", "tenant", "service", "hook", "patient", "encounter", "asker")),
        sa.Column("milliseconds", sa.Double, nullable=False),
        sa.Column("records", sa.BigInteger, nullable=False),
        sa.Column("unreadable", sa.BigInteger, nullable=False),
        *(_text(name) for name in ("missing", "verdict_set")),
        sqlite_with_rowid=False,  # so that a row is written to one tree, not two
    )
    op.create_index("evaluations_at", "evaluations", ["at"])
    op.create_index("evaluations_verdict_set", "evaluations", ["verdict_set"])
    op.create_table(
        "verdicts",
        _text("verdict_set", is_key=True),
        _text("rule", is_key=True),
        *(_text(name) for name in ("version", "outcome", "reason")),
    )
    op.create_table(
        "cards",
        _text("uuid", is_key=True),
        _text("evaluation"),
        _time("at"),
        *(_text(name) for name in ("client", "tenant", "rule", "version", "indicator", "fingerprint")),
        *(_text(name) for name in ("evidence", "suggestions")),
    )
    op.create_index("cards_evaluation", "cards", ["evaluation"])


def _add_feedback() -> None:
    op.create_table(
        "feedback",
        _text("id", is_key=True),
        _time("at"),
        _time("received"),
        *(_text(name) for name in ("client", "tenant", "service", "card", "outcome", "suggestions")),
        *(_text(name) for name in ("reason", "system", "display", "extension", "comment")),
    )
    op.create_index("feedback_card", "feedback", ["card"])
    op.create_index("feedback_received", "feedback", ["received"])
