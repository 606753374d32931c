"""Skin of patients who cannot move: turning and checks in cord injury, less for others, none for those who walk."""

from __future__ import annotations

from cards import findings
from cards.language import (
    SOURCES,
    Card,
    Indicator,
    Plan,
    Suggestion,
    Verdict,
    not_applicable,
    rule,
    summary,
    suppressed,
)
from cards.language.escaping import inside, name
from cards.record import Chart, Evidence, Fact

PLAN = "order.pressure-care-plan"


@rule(
    "pressure-injury-prevention",
    hooks=["patient-view", "problem-list-item-create"],
    reads=[findings.foot_drop, findings.walks, findings.precautions, findings.trauma_path, findings.CORD_INJURY, PLAN],
    strength="strong for cord injury; conditional for others",
    quality="low: guideline and consensus on intervals",
    reviewed="2026-11-28", version="2.0.0",
    suggests=["order.pressure-care-plan", "order.skin-assessment"],
    overrides=["already-arranged", "findings-disagree", "not-in-goals-of-care"],
    needs_foot_drop=False,
)  # fmt: skip
def pressure_injury_prevention(chart: Chart) -> Verdict:
    """Immobile with cord injury or precautions: turn every 2 to 4 hours, check the skin daily, relieve pressure."""
    walking = findings.walks(chart)
    if walking is not None and walking.value:
        return not_applicable("the patient walks", Evidence.of(walking))
    # D48: the acute path, precautions ordered; an older cord injury if the patient is recorded as not walking.
    # If precautions are called for, the patient is on the acute path.
    acute = findings.trauma_path(chart) or findings.precautions(chart)
    cause = acute or (chart.problem(findings.CORD_INJURY) if walking is not None else None)
    if cause is None and walking is None:
        return _cannot_tell(chart) or _NOT_IMMOBILE
    if cause is None and not findings.foot_drop(chart):
        return _NOT_IMMOBILE
    plan = next((order for order in chart.orders(PLAN) if findings.is_pending(order)), None)
    if plan is not None:
        return suppressed("a pressure-care plan is ordered", Evidence.of(plan))
    return _card(chart, cause, walking, is_acute=acute is not None)


_NOT_IMMOBILE = not_applicable("no cord injury or precautions are recorded, and immobility is not recorded")


def _cannot_tell(chart: Chart) -> Verdict | None:
    if not findings.foot_drop(chart):
        return None
    lying = (reading for reading in chart.readings("ambulatory") if not reading.value)
    undated = next((reading for reading in lying if reading.when is None), None)
    if undated is not None:
        return findings.undated(undated)
    return None if chart.has_seen(PLAN) else findings.unread("orders", "whether precautions are on is not known")


HIGH_RISK, AT_RISK, FROM, TO = 4, 6, 2, 4  # hours between turns: NICE, then in cord injury
MOST_CAUSE = 34  # characters of the injury: the advice after it is never cut
WALKS_NOT = (
    f"Foot drop and not walking: assess pressure risk; reposition {HIGH_RISK}-{AT_RISK} hourly, protect the heel and "
    "check skin daily."
)


def _card(chart: Chart, cause: Fact | None, walking: Fact | None, *, is_acute: bool) -> Card:
    facts = [fact for fact in (cause, walking) if fact is not None]
    indicator = Indicator.INFO if cause is None else Indicator.WARNING
    text, note = WALKS_NOT, f"Reposition every {HIGH_RISK} to {AT_RISK} hours, heels off-loaded."
    if cause is not None:
        injury = name(cause.text, MOST_CAUSE)
        who = f"Immobile with {inside(injury)}" if walking else f"{injury}, mobility not recorded"
        how, roll = (" (log-roll)", " (log-roll within precautions)") if is_acute else ("", "")
        text = f"{who}: turn every {FROM}-{TO} h{how}, check skin daily, pressure-relieving surface now."
        note = f"Reposition every {FROM} to {TO} hours{roll}, heels off-loaded."
    return Card(
        indicator=indicator,
        summary=summary(text),
        detail="Check under collars, boards and any orthosis, and off-load the heels.",
        source=None if cause is None else SOURCES["pressure-injury-prevention.cord-injury"],
        because=findings.once((*map(Evidence.of, facts), *findings.drop_evidence(findings.foot_drop(chart)))),
        suggestions=(_suggestion(chart, facts, note, indicator),),
    )


def _suggestion(chart: Chart, facts: list[Fact], note: str, indicator: Indicator) -> Suggestion:
    indication, why = "condition.foot-drop" if findings.foot_drop(chart) else "", findings.references(*facts)
    daily = "Daily; under collars, boards and any orthosis."
    turning = Plan(key=PLAN, priority=indicator.priority, note=note, indication=indication, reasons=why)
    skin = Plan(key="order.skin-assessment", note=daily, indication=indication, reasons=why)
    label = "Turning and pressure-care plan, daily skin check"
    return Suggestion(label=label, plans=(turning, skin), is_recommended=indicator is Indicator.WARNING)
