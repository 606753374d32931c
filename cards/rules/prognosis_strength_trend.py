"""Strength that falls although imaging or surgery is already in hand."""

from __future__ import annotations

from cards import findings
from cards.language import Card, Indicator, Plan, Suggestion, Verdict, not_applicable, rule, summary
from cards.language.escaping import between, days, sentence
from cards.record import Chart, Fact, Order, Side


@rule(
    "prognosis-strength-trend", hooks=["patient-view", "problem-list-item-create"],
    reads=[findings.measured_decline, findings.clinical_note, findings.mri_orders, *findings.MRI_REPORTS,
           findings.CONSULT],
    strength="conditional",
    quality="low: cohorts, most of which find that strength and duration predict recovery; some do not",
    reviewed="2026-11-28", version="2.0.0", suggests=["communication.spinal-team"],
    overrides=["already-arranged", "findings-disagree", "reassess-within-24-hours"],
)  # fmt: skip
def prognosis_strength_trend(chart: Chart) -> Verdict:
    """Strength falls despite a scan, request or referral: tell the spinal team today; the outlook falls with it."""
    loss = findings.measured_decline(chart)
    if loss is None:
        window = days(findings.LOSS_WINDOW)
        return not_applicable(f"no loss of a whole grade of dorsiflexion within {window} is recorded")
    known = _in_hand(chart)
    if known is not None:
        return _card(chart, loss, known)
    if not chart.has_seen(findings.CONSULT, *findings.MRI_REPORTS):
        return findings.unread("orders or reports", "whether imaging or a consult is in hand is not known")
    return not_applicable("neither imaging nor a consult is in hand: the imaging card carries the loss")


def _in_hand(chart: Chart) -> Fact | None:
    """D49: any MRI of this episode, any MRI order <=30 d, or a consult of this episode."""
    consults = findings.consults_in_episode(chart, [findings.CONSULT])
    reports = findings.reports_in_episode(chart, findings.MRI_REPORTS)
    return next(iter((*consults, *reports, *findings.mri_orders(chart))), None)


def _card(chart: Chart, loss: findings.Loss, known: Fact) -> Card:
    assert loss.before.when is not None
    assert loss.after.when is not None
    span = between(loss.after.when.since(loss.before.when))
    change = f"{int(loss.before.value)} to {int(loss.after.value)}/5 in {span}"
    side = "" if loss.after.side is Side.UNKNOWN else f"{loss.after.side} "
    is_consult = isinstance(known, Order) and findings.CONSULT in known.keys
    despite = "despite referral" if is_consult else "although imaging is in hand"
    text = f"{side}dorsiflexion {change} {despite}: tell the spinal team today; outlook falls with strength."
    message = Plan(
        key="communication.spinal-team",
        priority="urgent",
        note=f"Dorsiflexion fell from {change}. {findings.clinical_note(chart)}",
        reasons=findings.references(loss.before, loss.after, known),
    )
    return Card(
        indicator=Indicator.WARNING,
        summary=summary(sentence(text)),
        detail="Grade again daily. Many improve, few become normal.",
        because=findings.evidence(loss.before, loss.after, known),
        suggestions=(Suggestion(label="Message to the spinal surgery team", plans=(message,), is_recommended=True),),
    )
