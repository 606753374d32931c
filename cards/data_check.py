"""Sides that do not agree, and a problem list that examination contradicts."""

from __future__ import annotations

from cards.language.chart import Chart
from cards.language.decide import PRECEDENCE_READS
from cards.language.facts import Evidence, Problem, Reading
from cards.language.finding import reads_of
from cards.language.findings.foot_drop import drop_evidence, foot_drop
from cards.language.findings.studies import Seen, side_mismatch
from cards.language.rule import Card, Indicator, Verdict, rule, silent, summary
from cards.language.wording import named_drop


@rule(
    "data-check",
    hooks=["patient-view", "problem-list-item-create"],
    reads=reads_of(PRECEDENCE_READS, foot_drop, side_mismatch),
    strength="strong",
    quality="moderate: safe-surgery guidance",
    reviewed="2026-11-25",
    version="1.0.0",
    overrides=["already-arranged", "findings-disagree"],
    needs_foot_drop=False,
)
def data_check(chart: Chart) -> Verdict:
    """Confirm sides before any referral, and update a problem list that says foot drop where strength is full."""
    drop = foot_drop(chart)
    mismatch = side_mismatch(chart) if drop else None
    if mismatch is not None:
        return _mismatch(chart, mismatch)
    if drop.cancelled:
        return _contradicted(*drop.cancelled[0])
    return silent("sides agree as far as they are recorded, and no foot drop code is contradicted by grade 5")


def _mismatch(chart: Chart, seen: Seen) -> Card:
    drop = foot_drop(chart)
    return Card(
        indicator=Indicator.WARNING,
        summary=summary(
            f"Side mismatch: {named_drop(drop)} but {seen.lesion.side} lesion on imaging. Confirm sides before any "
            "referral or consent."
        ),
        detail="Wrong-side surgery starts here, so no surgical referral is suggested for this lesion. An examination "
        "or electrodiagnosis may explain a lesion of the other side.",
        because=(
            Evidence.of(seen.report, f"{seen.report.text}: root compression, {seen.lesion.side}"),
            *drop_evidence(drop),
        ),
        changes="A corrected side in the report, in the examination or on the problem list.",
    )


def _contradicted(code: Problem, reading: Reading) -> Card:
    return Card(
        indicator=Indicator.INFO,
        summary=summary(
            f"Active foot drop on the problem list but dorsiflexion 5/5 on {reading.when}: resolve or update the entry."
        ),
        detail="Until the entry is updated, other systems will go on treating it as active.",
        because=(Evidence.of(code), Evidence.of(reading)),
        changes="The entry resolved, or a newer grade of 4 or less.",
    )
