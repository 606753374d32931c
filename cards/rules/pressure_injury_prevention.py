"""Skin of the patient who cannot move: turning and checks for cord injury, less for others, none for who walks."""

from __future__ import annotations

from cards import findings
from cards.language import (
    Card,
    Indicator,
    Plan,
    Suggestion,
    Verdict,
    could_not_evaluate,
    not_applicable,
    rule,
    summary,
    suppressed,
)
from cards.language.escaping import inside
from cards.record import Chart, Evidence, Fact

PLAN = "order.pressure-care-plan"
TURN = "start turning every 2-4 h{roll}, daily skin checks and a pressure-relieving surface now."
WALKS_NOT = (
    "Foot drop and not walking: assess pressure risk; reposition 4-6 hourly, protect the heel and check skin daily."
)


_NOT_IMMOBILE = not_applicable("no cord injury or precautions are recorded, and immobility is not recorded")


@rule(
    "pressure-injury-prevention",
    hooks=["patient-view", "problem-list-item-create"],
    reads=[findings.foot_drop, findings.walks, findings.precautions, findings.trauma_path, findings.CORD_INJURY, PLAN],
    strength="strong for cord injury; conditional for others",
    quality="low: guideline and consensus on intervals",
    reviewed="2026-11-25",
    version="1.0.0",
    suggests=["order.pressure-care-plan", "order.skin-assessment"],
    overrides=["already-arranged", "findings-disagree", "not-in-goals-of-care"],
    needs_foot_drop=False,
)
def pressure_injury_prevention(chart: Chart) -> Verdict:
    """Immobile with cord injury or precautions: turn every 2 to 4 hours, check the skin daily, relieve pressure."""
    answer = findings.walks(chart)
    if answer is not None and answer.value:
        return not_applicable("the patient walks", Evidence.of(answer))
    cause = _cause(chart, lies=answer is not None)
    if cause is None and answer is None:
        undated = [each for each in chart.readings("ambulatory") if not each.value and each.when is None]
        if undated and findings.foot_drop(chart):
            return could_not_evaluate("not walking is recorded without a date", Evidence.of(undated[0]))
        if not chart.has_seen(PLAN) and findings.foot_drop(chart):
            return could_not_evaluate("orders could not be read: whether precautions are on is not known")
    if cause is None and not (answer is not None and findings.foot_drop(chart)):
        return _NOT_IMMOBILE
    plan = next((order for order in chart.orders(PLAN) if findings.is_pending(order)), None)
    if plan is not None:
        return suppressed("a pressure-care plan is ordered", Evidence.of(plan))
    return _card(chart, cause, answer)


def _cause(chart: Chart, *, lies: bool) -> Fact | None:
    """D48: the acute path, precautions ordered; an older cord injury when recorded not walking.

    Where precautions are called for, the patient is on the acute path.
    """
    return (
        findings.trauma_path(chart)
        or findings.precautions(chart)
        or (chart.problem(findings.CORD_INJURY) if lies else None)
    )


def _card(chart: Chart, cause: Fact | None, answer: Fact | None) -> Card:
    facts = [fact for fact in (cause, answer) if fact is not None]
    because = tuple(Evidence.of(fact) for fact in facts)
    why = findings.references(*facts)
    why_coded = "condition.foot-drop" if findings.foot_drop(chart) else ""
    priority = "urgent" if cause else "routine"
    is_acute = bool(findings.trauma_path(chart) or findings.precautions(chart))
    turning = Plan(
        key=PLAN, priority=priority, note=_note(cause is not None, is_acute), indication=why_coded, reasons=why
    )
    daily = "Daily; under collars, boards and any orthosis."
    skin = Plan(key="order.skin-assessment", note=daily, indication=why_coded, reasons=why)
    text = WALKS_NOT
    if cause is not None:
        turn = TURN.format(roll=" (log-roll)" if is_acute else "")
        text = (
            f"Immobile with {inside(cause.text)}: {turn}" if answer else f"{cause.text}, mobility not recorded: {turn}"
        )
    return Card(
        indicator=Indicator.WARNING if cause is not None else Indicator.INFO,
        summary=summary(text),
        detail="NICE: at least every 6 hours at risk, every 4 hours at high risk; cord-injury guidance 2 to 4 hours, "
        "within precautions. Check under collars, boards and any AFO, and off-load the heels.",
        because=findings.once((*because, *findings.drop_evidence(findings.foot_drop(chart)))),
        changes="A turning or pressure-care order; a patient who walks.",
        suggestions=(
            Suggestion(
                label="Turning and pressure-care plan, daily skin check",
                plans=(turning, skin),
                is_recommended=cause is not None,
            ),
        ),
    )


def _note(is_cord: bool, is_acute: bool) -> str:
    if not is_cord:
        return "Reposition every 4 to 6 hours, heels off-loaded."
    roll = " (log-roll within precautions)" if is_acute else ""
    return f"Reposition every 2 to 4 hours{roll}, heels off-loaded."
