"""Going home with foot drop: the return advice, if no other card gives it."""

from __future__ import annotations

from cards import findings
from cards.language import Card, Indicator, Verdict, not_applicable, rule
from cards.record import Chart


@rule(
    "discharge-advice",
    hooks=["encounter-discharge"],
    reads=[findings.drop_because],
    strength="expert judgement",
    quality="low: national red-flag guidance on what to return for",
    reviewed="2026-11-28",
    version="2.0.0",
    overrides=["already-arranged", "known-stable-cause"],
)
def discharge_advice(chart: Chart) -> Verdict:
    """A foot drop that is not long-standing goes home with the return advice and a named follow-up."""
    if findings.is_older_than(chart, findings.foot_drop(chart), findings.CHRONIC):
        return not_applicable(f"the foot drop began more than {findings.CHRONIC.days} days ago")
    return Card(
        indicator=Indicator.INFO,
        summary="Going home with foot drop: give the return advice and confirm who follows up.",
        detail="Say who looks at strength, imaging and nerve studies after today, and when.",
        because=findings.drop_because(chart),
    )
