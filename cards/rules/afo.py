"""An ankle-foot orthosis for everyone who walks with a dropped foot, whatever the cause or the plan."""

from __future__ import annotations

from cards import findings
from cards.language import Card, Indicator, Plan, Suggestion, Verdict, not_applicable, rule, suppressed
from cards.record import Chart, Evidence, Order, Reading, Side

AFO = "order.afo"
ORTHOTIST = "order.orthotist-referral"
ULCER = "condition.foot-ulcer"

SUPPLY = (
    "Foot drop MRC <=3: supply an ankle-foot orthosis today (trip and fall risk), whatever the cause or surgical plan."
)
CONSIDER = "Consider ankle-foot orthosis; check strength, gait and skin first."
SKIN_FIRST = (
    "Foot drop with ulcer/insensate foot: orthotist or diabetic-foot team to fit AFO; avoid off-the-shelf brace."
)


@rule(
    "afo",
    hooks=["patient-view", "problem-list-item-create", "encounter-discharge"],
    reads=[findings.walks, findings.precautions, findings.red_flags, AFO, ULCER],
    strength="strong",
    quality="low: gait benefit shown in small trials; the benefit for falls is expert opinion",
    reviewed="2026-11-25",
    version="1.0.0",
    suggests=["order.afo", "order.orthotist-referral"],
    overrides=["already-arranged", "findings-disagree", "patient-declined", "contraindicated"],
)
def afo(chart: Chart) -> Verdict:
    """Foot drop in somebody who walks: supply an ankle-foot orthosis now, whatever the cause or surgical plan."""
    if supplied := chart.devices(AFO):
        return suppressed("an ankle-foot orthosis is supplied", Evidence.of(supplied[0]))
    if orders := _requested(chart):
        return suppressed(
            f"an ankle-foot orthosis is requested ({orders[0].when or 'undated'})", Evidence.of(orders[0])
        )
    if order := findings.precautions(chart):
        return suppressed("spinal precautions are ordered: no orthosis until the spine is cleared", Evidence.of(order))
    answer = findings.walks(chart)
    if answer is not None and not answer.value:
        return not_applicable("the patient does not walk", Evidence.of(answer))
    declined = findings.refusal(chart, findings.red_flags(chart).newest, AFO)
    if declined is not None:
        return suppressed(f"the patient declined an orthosis on {declined.when}", Evidence.of(declined))
    return _card(chart, answer)


def _requested(chart: Chart) -> list[Order]:
    """D38: active, on hold or draft whatever its date, or completed in this episode."""
    drop = findings.foot_drop(chart)
    return [
        order
        for order in chart.orders(AFO)
        if findings.is_pending(order) or (order.status == "completed" and findings.in_episode(chart, drop, order.when))
    ]


def _card(chart: Chart, answer: Reading | None) -> Card:
    drop = findings.foot_drop(chart)
    ulcer = chart.problem(ULCER)
    is_weak = drop.weakest is not None and drop.weakest <= findings.DROPPED
    indicator = Indicator.WARNING if is_weak and answer is not None and ulcer is None else Indicator.INFO
    summary = SKIN_FIRST if ulcer else SUPPLY if indicator is Indicator.WARNING else CONSIDER
    missing = [
        word
        for word, known in (
            ("strength", drop.weakest is not None),
            ("whether the patient walks", answer is not None),
        )
        if not known
    ]
    ask = f"Not recorded: {' and '.join(missing)}. " if missing else ""
    facts = [*([ulcer] if ulcer else []), *([answer] if answer else [])]
    return Card(
        indicator=indicator,
        summary=summary,
        detail=f"{ask}Use it even when surgery is planned. Wear in gradually, check the skin daily, and take it off "
        "if redness lasts over 30 minutes. That it prevents falls in L5 palsy is expert opinion; that it improves "
        "gait is shown. Severe oedema or a fixed equinus: orthotist review first.",
        because=findings.once((*findings.drop_because(chart), *(Evidence.of(fact) for fact in facts))),
        changes="An orthosis supplied or requested; a patient who does not walk; grade 4, an ulcer or a critical card "
        "makes it information only.",
        suggestions=(_supply(chart, ulcer is not None, indicator),),
        quiet_summary=SKIN_FIRST if ulcer else CONSIDER,
    )


def _supply(chart: Chart, needs_orthotist: bool, indicator: Indicator) -> Suggestion:
    """The orthosis with the orthotist referral beside it; for damaged skin the referral alone."""
    drop = findings.foot_drop(chart)
    why, note = findings.reasons(chart), findings.clinical_note(chart)
    side = "" if drop.side is Side.UNKNOWN else drop.side.value
    device = Plan(key=AFO, side=side, note=note, reasons=why)
    referral = Plan(key=ORTHOTIST, side=side, note=note, reasons=why)
    if needs_orthotist:
        return Suggestion(label="Referral to an orthotist to fit the orthosis", plans=(referral,))
    where = {"left": ", left", "right": ", right", "both": ", both feet"}.get(side, "")
    label = f"Ankle-foot orthosis{where}, and orthotist referral"
    return Suggestion(label=label, plans=(device, referral), is_recommended=indicator is Indicator.WARNING)
