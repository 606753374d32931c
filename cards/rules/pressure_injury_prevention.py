"""Skin of the patient who cannot move: turning and checks for cord injury, less for others, none for who walks."""

from __future__ import annotations

from cards.decide import COMFORT_READS
from cards.findings.foot_drop import drop_evidence, foot_drop
from cards.findings.gates import CORD_INJURY, trauma_path
from cards.findings.injury import precautions, walks
from cards.findings.phrases import once, references
from cards.findings.studies import is_pending
from cards.language.escaping import inside
from cards.language.finding import reads_of
from cards.language.rule import Card, Indicator, Plan, Suggestion, Verdict, answered, rule, silent, summary, unknown
from cards.record.chart import Chart
from cards.record.facts import Evidence, Fact

PLAN = "order.pressure-care-plan"
TURN = "start turning every 2-4 h (log-roll), daily skin checks and a pressure-relieving surface now."
WALKS_NOT = (
    "Foot drop and not walking: assess pressure risk; reposition 4-6 hourly, protect the heel and check skin daily."
)


_NOT_IMMOBILE = silent("no cord injury or precautions are recorded, and immobility is not recorded")


@rule(
    "pressure-injury-prevention",
    hooks=["patient-view", "problem-list-item-create"],
    reads=reads_of(COMFORT_READS, foot_drop, walks, precautions, trauma_path, CORD_INJURY, PLAN),
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
    answer = walks(chart)
    if answer is not None and answer.value:
        return silent("the patient walks", Evidence.of(answer))
    cause = _cause(chart, lies=answer is not None)
    if cause is None and answer is None:
        undated = [each for each in chart.readings("ambulatory") if not each.value and each.when is None]
        if undated and foot_drop(chart):
            return unknown("not walking is recorded without a date", Evidence.of(undated[0]))
        if not chart.has_seen(PLAN) and foot_drop(chart):
            return unknown("orders could not be read: whether precautions are on is not known")
    if cause is None and not (answer is not None and foot_drop(chart)):
        return _NOT_IMMOBILE
    plan = next((order for order in chart.orders(PLAN) if is_pending(order)), None)
    if plan is not None:
        return answered("a pressure-care plan is ordered", Evidence.of(plan))
    return _card(chart, cause, answer)


def _cause(chart: Chart, *, lies: bool) -> Fact | None:
    """D48: the acute path, precautions ordered; an older cord injury when recorded not walking.

    Where precautions are called for, the patient is on the acute path.
    """
    return trauma_path(chart) or precautions(chart) or (chart.problem(CORD_INJURY) if lies else None)


def _card(chart: Chart, cause: Fact | None, answer: Fact | None) -> Card:
    facts = [fact for fact in (cause, answer) if fact is not None]
    because = tuple(Evidence.of(fact) for fact in facts)
    why = references(*facts)
    why_coded = "condition.foot-drop" if foot_drop(chart) else ""
    priority = "urgent" if cause else "routine"
    is_acute = bool(trauma_path(chart) or precautions(chart))
    turning = Plan(
        key=PLAN, priority=priority, note=_note(cause is not None, is_acute), indication=why_coded, reasons=why
    )
    daily = "Daily; under collars, boards and any orthosis."
    skin = Plan(key="order.skin-assessment", note=daily, indication=why_coded, reasons=why)
    text = WALKS_NOT
    if cause is not None:
        turn = TURN if is_acute else TURN.replace(" (log-roll)", "")
        text = (
            f"Immobile with {inside(cause.text)}: {turn}" if answer else f"{cause.text}, mobility not recorded: {turn}"
        )
    return Card(
        indicator=Indicator.WARNING if cause is not None else Indicator.INFO,
        summary=summary(text),
        detail="NICE: at least every 6 hours at risk, every 4 hours at high risk; cord-injury guidance 2 to 4 hours, "
        "within precautions. Check under collars, boards and any AFO, and off-load the heels.",
        because=once((*because, *drop_evidence(foot_drop(chart)))),
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
