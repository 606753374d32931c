"""Strength that falls although imaging or surgery is already in hand."""

from __future__ import annotations

from cards.decide import PRECEDENCE_READS
from cards.findings.course import Loss, loss_evidence
from cards.findings.foot_drop import foot_drop, in_episode
from cards.findings.phrases import clinical_note, once, references
from cards.findings.studies import (
    MRI_REPORTS,
    consults_in_episode,
    measured_decline,
    mri_orders,
)
from cards.language.escaping import between
from cards.language.finding import reads_of
from cards.language.rule import Card, Indicator, Plan, Suggestion, Verdict, rule, silent, summary, unknown
from cards.record.chart import Chart
from cards.record.facts import Evidence, Fact, Order
from cards.record.side import Side

CONSULT = "order.spine-surgery-consult"


@rule(
    "prognosis-strength-trend",
    hooks=["patient-view", "problem-list-item-create"],
    reads=reads_of(PRECEDENCE_READS, measured_decline, mri_orders, *MRI_REPORTS, CONSULT),
    strength="conditional",
    quality="low: cohorts, most of which find that strength and duration predict recovery; some do not",
    reviewed="2026-11-25",
    version="1.0.0",
    suggests=["communication.spinal-team"],
    overrides=["already-arranged", "findings-disagree", "reassess-within-24-hours"],
)
def prognosis_strength_trend(chart: Chart) -> Verdict:
    """Strength falls despite a scan, request or referral: tell the spinal team today; the outlook falls with it."""
    loss = measured_decline(chart)
    if loss is None:
        return silent("no loss of a whole grade of dorsiflexion within 14 days is recorded")
    known = _in_hand(chart)
    if known is None:
        if not chart.has_seen(CONSULT, *MRI_REPORTS):
            return unknown("orders or reports could not be read: whether imaging or a consult is in hand is not known")
        return silent("neither imaging nor a consult is in hand: the imaging card carries the loss")
    return _card(chart, loss, known)


def _in_hand(chart: Chart) -> Fact | None:
    """D49: any MRI of this episode, any MRI order <=30 d, or a consult of this episode."""
    drop = foot_drop(chart)
    reported = (report for report in chart.reports(*MRI_REPORTS) if in_episode(chart, drop, report.when))
    return next(iter((*consults_in_episode(chart, [CONSULT]), *reported, *mri_orders(chart))), None)


def _card(chart: Chart, loss: Loss, known: Fact) -> Card:
    assert loss.before.when is not None
    assert loss.after.when is not None
    side = "" if loss.after.side is Side.UNKNOWN else f"{loss.after.side.value.capitalize()} "
    span = between(loss.after.when.since(loss.before.when))
    despite = (
        "despite referral" if isinstance(known, Order) and CONSULT in known.keys else "although imaging is in hand"
    )
    change = f"{int(loss.before.value)} to {int(loss.after.value)}/5 in {span}"
    text = f"{side}dorsiflexion {change} {despite}: tell the spinal team today; outlook falls with strength."
    message = Plan(
        key="communication.spinal-team",
        priority="urgent",
        note=f"Dorsiflexion fell from {change}. {clinical_note(chart)}",
        reasons=references(loss.before, loss.after, known),
    )
    return Card(
        indicator=Indicator.WARNING,
        summary=summary(text[:1].upper() + text[1:]),
        detail="Strength and a short duration of palsy predict recovery in most series, not in all; many improve, "
        "few become normal: 84 % improved but 16 % reached grade 4 or better in one series, 71 % recovered fully in "
        "another. "
        "Grade again daily. A difference of half a grade (4-, 4, 4+) is no loss.",
        because=once((*loss_evidence(loss), Evidence.of(known))),
        changes="Strength that holds; decompression.",
        suggestions=(Suggestion(label="Message to the spinal surgery team", plans=(message,), is_recommended=True),),
    )
