"""Sides that do not agree, and a problem list that the examination contradicts."""

from __future__ import annotations

from cards import findings
from cards.language import SOURCES, Card, Indicator, Verdict, could_not_evaluate, not_applicable, rule, summary
from cards.record import FEET, Chart, Evidence, Problem, Reading
from cards.record.side import opposite


@rule(
    "data-check",
    hooks=["patient-view", "problem-list-item-create"],
    reads=[findings.foot_drop, findings.side_mismatch],
    strength="strong",
    quality="moderate: safe-surgery guidance",
    reviewed="2026-11-28",
    version="2.0.0",
    overrides=["already-arranged", "findings-disagree"],
    needs_foot_drop=False,
)
def data_check(chart: Chart) -> Verdict:
    """Confirm sides before any referral, and update a problem list that says foot drop where strength is full."""
    drop = findings.foot_drop(chart)
    if not (drop or drop.cancelled or drop.codes):
        return _AGREED
    if drop.is_disputed:
        return _examined_elsewhere(drop)
    mismatch = findings.side_mismatch(chart) if drop else None
    if mismatch is not None:
        return _mismatch(chart, mismatch)
    if drop.cancelled:
        return _contradicted(*drop.cancelled[0], still_drops=bool(drop))
    return _cannot_tell(chart) or _AGREED


FULL = findings.FULL_STRENGTH
_AGREED = not_applicable(
    f"sides agree as far as they are recorded, and no foot drop code is contradicted by grade {FULL}"
)


def _cannot_tell(chart: Chart) -> Verdict | None:
    """What prevents a check of the sides or of the problem list; None if nothing does."""
    drop = findings.foot_drop(chart)
    one_sided = bool(drop) and not drop.is_bilateral
    if one_sided and not chart.has_seen(*findings.MRI_REPORTS):
        return findings.unread("reports", "whether the sides agree is not known")
    reports = chart.reports(*findings.MRI_REPORTS, *findings.CT_REPORTS)
    if one_sided and any(report.lesions and report.when is None for report in reports):
        return could_not_evaluate("a report with a lesion has no date: it lies in no episode")
    full = (reading for reading in chart.readings("mrc-ankle-dorsiflexion") if reading.value == FULL)
    undated = next((reading for reading in full if reading.when is None), None)
    return findings.undated(undated) if drop.codes and undated is not None else None


def _examined_elsewhere(drop: findings.FootDrop) -> Card:
    """D78: one side is listed, and the other was examined and drops."""
    listed = opposite(drop.side)
    return Card(
        indicator=Indicator.WARNING,
        summary=f"{listed.value.capitalize()} foot drop is listed, {drop.side} was examined: test both feet now; if "
        "both are weak, treat as cauda equina.",
        detail=f"Until then the {drop.side} foot, which was examined, is taken as the one that drops. Imaging does not "
        "wait for this.",
        because=findings.drop_evidence(drop),
        source=SOURCES["data-check.contradicted"],
    )


def _mismatch(chart: Chart, seen: findings.Seen) -> Card:
    drop = findings.foot_drop(chart)
    return Card(
        indicator=Indicator.WARNING,
        summary=summary(
            f"Side mismatch: {findings.named_drop(drop)} but {seen.lesion.side} lesion on imaging. "
            "Confirm sides before any referral or consent."
        ),
        detail="Wrong-side surgery starts here, so no surgical referral is suggested for this lesion.",
        because=(
            Evidence.of(seen.report, f"{seen.report.text}: {seen.name}, {seen.lesion.side}"),
            *findings.drop_evidence(drop),
        ),
    )


def _contradicted(code: Problem, reading: Reading, *, still_drops: bool) -> Card:
    full = f"{reading.side} dorsiflexion" if reading.side in FEET else "dorsiflexion"
    act = "update the side of" if still_drops else "resolve or update"
    return Card(
        indicator=Indicator.INFO,
        summary=summary(
            f"Active foot drop on the problem list but {full} {FULL}/{FULL} on {reading.when}: {act} the entry."
        ),
        detail="Until then other systems will go on treating it as active.",
        source=SOURCES["data-check.contradicted"],
        because=(Evidence.of(code), Evidence.of(reading)),
    )
