"""An ankle-foot orthosis for everyone who walks with a dropped foot, whatever the cause or the plan."""

from __future__ import annotations

from cards import findings
from cards.language import SOURCES, Card, Indicator, Plan, Suggestion, Verdict, not_applicable, rule, suppressed
from cards.language.escaping import listed, sentence
from cards.record import Chart, Evidence, Order, Reading, Side

AFO, ULCER = "order.afo", "condition.foot-ulcer"


@rule(
    "afo",
    hooks=["patient-view", "problem-list-item-create", "encounter-discharge"],
    reads=[findings.walks, findings.precautions, findings.red_flags, AFO, ULCER],
    strength="strong",
    quality="low: gait benefit shown in small trials; the benefit for falls is expert opinion",
    reviewed="2026-11-28",
    version="2.0.0",
    suggests=["order.afo", "order.orthotist-referral"],
    overrides=["already-arranged", "findings-disagree", "patient-declined", "contraindicated"],
)
def afo(chart: Chart) -> Verdict:
    """Foot drop in somebody who walks: supply an ankle-foot orthosis now, whatever the cause or surgical plan."""
    if supplied := chart.devices(AFO):
        return suppressed("an ankle-foot orthosis is supplied", Evidence.of(supplied[0]))
    if (order := _requested(chart)) is not None:
        return suppressed(f"an ankle-foot orthosis is requested ({order.when or 'undated'})", Evidence.of(order))
    if order := findings.precautions(chart):
        return suppressed("spinal precautions are ordered: no orthosis until the spine is cleared", Evidence.of(order))
    walking = findings.walks(chart)
    if walking is not None and not walking.value:
        return not_applicable("the patient does not walk", Evidence.of(walking))
    return findings.declined(chart, "an orthosis", AFO) or _card(chart, walking)


def _requested(chart: Chart) -> Order | None:
    """D38: the request that is active, on hold or a draft, whatever its date, or completed in this episode."""
    drop = findings.foot_drop(chart)
    for order in chart.orders(AFO):
        is_done = order.status == "completed" and findings.in_episode(chart, drop, order.when)
        if is_done or findings.is_pending(order):
            return order
    return None


SUPPLY = (
    f"Foot drop of grade {findings.DROPPED} or less: supply an ankle-foot orthosis today (trip and fall risk), "
    "whatever the cause or surgical plan."
)
CONSIDER = "Consider ankle-foot orthosis; check strength, gait and skin first."
SKIN_FIRST = (
    "Foot drop with ulcer/insensate foot: orthotist or diabetic-foot team to fit AFO; avoid off-the-shelf brace."
)


def _card(chart: Chart, walking: Reading | None) -> Card:
    weakest, ulcer = findings.foot_drop(chart).weakest, chart.problem(ULCER)
    is_clear = weakest is not None and weakest <= findings.DROPPED and walking is not None and ulcer is None
    missing = ["strength"] * (weakest is None) + ["whether the patient walks"] * (walking is None)
    branch = "afo.skin" if ulcer else "afo" if is_clear else "afo.mild"
    because = (Evidence.of(fact) for fact in (ulcer, walking) if fact is not None)
    return Card(
        indicator=Indicator.WARNING if is_clear else Indicator.INFO,
        summary=SKIN_FIRST if ulcer else SUPPLY if is_clear else CONSIDER,
        detail="Wear in gradually, check the skin daily, and take it off if redness lasts over 30 minutes. Severe "
        "oedema or a fixed equinus: orthotist review first.",
        ask=f"{sentence(listed(missing))}." if missing else "",
        source=SOURCES[branch],
        because=findings.once((*findings.drop_because(chart), *because)),
        suggestions=(_supply(chart, has_ulcer=ulcer is not None, is_recommended=is_clear),),
        quiet_summary=SKIN_FIRST if ulcer else CONSIDER,
    )


WHERE = {Side.LEFT: ", left", Side.RIGHT: ", right", Side.BOTH: ", both feet", Side.UNKNOWN: ""}


def _supply(chart: Chart, *, has_ulcer: bool, is_recommended: bool) -> Suggestion:
    """The orthosis together with the orthotist referral; only the referral if the skin is damaged."""
    drop, why, note = findings.foot_drop(chart), findings.reasons(chart), findings.clinical_note(chart)
    side = findings.dropped_side(chart)
    device, referral = (Plan(key=key, side=side, note=note, reasons=why) for key in (AFO, "order.orthotist-referral"))
    if has_ulcer:
        return Suggestion(label="Referral to an orthotist to fit the orthosis", plans=(referral,))
    label = f"Ankle-foot orthosis{WHERE[drop.side]}, and orthotist referral"
    return Suggestion(label=label, plans=(device, referral), is_recommended=is_recommended)
