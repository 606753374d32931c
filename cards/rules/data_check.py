"""Sides that do not agree, and a problem list that examination contradicts."""

from __future__ import annotations

from cards import findings
from cards.language import Card, Indicator, Verdict, could_not_evaluate, not_applicable, rule, summary
from cards.record import FEET, Chart, Evidence, Problem, Reading

_AGREED = not_applicable("sides agree as far as they are recorded, and no foot drop code is contradicted by grade 5")


@rule(
    "data-check",
    hooks=["patient-view", "problem-list-item-create"],
    reads=[findings.foot_drop, findings.side_mismatch],
    strength="strong",
    quality="moderate: safe-surgery guidance",
    reviewed="2026-11-25",
    version="1.0.0",
    overrides=["already-arranged", "findings-disagree"],
    needs_foot_drop=False,
)
def data_check(chart: Chart) -> Verdict:
    """Confirm sides before any referral, and update a problem list that says foot drop where strength is full."""
    drop = findings.foot_drop(chart)
    if not (drop or drop.cancelled or drop.codes):
        return _AGREED
    mismatch = findings.side_mismatch(chart) if drop else None
    if mismatch is not None:
        return _mismatch(chart, mismatch)
    if drop.cancelled:
        return _contradicted(*drop.cancelled[0], still_drops=bool(drop))
    if unseen := _cannot_tell(chart):
        return could_not_evaluate(unseen)
    return _AGREED


def _cannot_tell(chart: Chart) -> str:
    """What keeps the sides, or the problem list, from being checked; empty when nothing does."""
    drop = findings.foot_drop(chart)
    one_sided = bool(drop) and not drop.is_bilateral
    if one_sided and not chart.has_seen(*findings.MRI_REPORTS):
        return "reports could not be read: whether the sides agree is not known"
    reports = chart.reports(*findings.MRI_REPORTS, *findings.CT_REPORTS)
    if one_sided and any(report.lesions and report.when is None for report in reports):
        return "a report with a lesion has no date: it lies in no episode"
    full = [each for each in chart.readings("mrc-ankle-dorsiflexion") if each.value == findings.FULL_STRENGTH]
    if drop.codes and any(reading.when is None for reading in full):
        return "full strength of dorsiflexion is recorded without a date"
    return ""


def _mismatch(chart: Chart, seen: findings.Seen) -> Card:
    drop = findings.foot_drop(chart)
    return Card(
        indicator=Indicator.WARNING,
        summary=summary(
            f"Side mismatch: {findings.named_drop(drop)} but {seen.lesion.side} lesion on imaging. "
            "Confirm sides before any referral or consent."
        ),
        detail="Wrong-side surgery starts here, so no surgical referral is suggested for this lesion. An examination "
        "or electrodiagnosis may explain a lesion of the other side.",
        because=(
            Evidence.of(seen.report, f"{seen.report.text}: root compression, {seen.lesion.side}"),
            *findings.drop_evidence(drop),
        ),
        changes="A corrected side in the report, in the examination or on the problem list.",
    )


def _contradicted(code: Problem, reading: Reading, *, still_drops: bool) -> Card:
    side = f"{reading.side} " if reading.side in FEET else ""
    act = "update the side of" if still_drops else "resolve or update"
    return Card(
        indicator=Indicator.INFO,
        summary=summary(
            f"Active foot drop on the problem list but {side}dorsiflexion 5/5 on {reading.when}: {act} the entry."
        ),
        detail="Until the entry is updated, other systems will go on treating it as active.",
        because=(Evidence.of(code), Evidence.of(reading)),
        changes="The entry resolved, or a newer grade of 4 or less.",
    )
