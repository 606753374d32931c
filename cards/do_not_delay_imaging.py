"""An order that defers imaging, or asks for it too slowly, while imaging is needed now."""

from __future__ import annotations

from cards.language.chart import Chart
from cards.language.decide import IMAGING_RULES, PRECEDENCE_READS, Need, imaging_need
from cards.language.facts import Draft, Evidence
from cards.language.finding import reads_of
from cards.language.findings.mr_safety import mr_safety
from cards.language.findings.studies import SPINE_CT, SPINE_MRI, URGENT
from cards.language.rule import (
    Card,
    Indicator,
    Plan,
    Reprioritise,
    Suggestion,
    Verdict,
    answered,
    rule,
    silent,
    summary,
)
from cards.language.text import listed
from cards.language.wording import clinical_note, once, reasons

# Epidural injection has no verified code yet (D45).
DEFERRING = {
    "order.emg-ncs": "EMG",
    "order.physiotherapy-referral": "physiotherapy",
    "order.xray-lumbar": "plain X-ray",
    "order.neurology-referral": "neurology referral",
}


@rule(
    "do-not-delay-imaging",
    hooks=["order-select", "order-sign"],
    reads=reads_of(PRECEDENCE_READS, *SPINE_MRI, *SPINE_CT, *DEFERRING),
    strength="strong for severe or progressive weakness",
    quality="moderate: appropriateness criteria; texts on the timing of denervation",
    reviewed="2026-11-25",
    version="1.0.0",
    overrides=["already-arranged", "findings-disagree", "patient-declined", "contraindicated"],
    asks=IMAGING_RULES,
)
def do_not_delay_imaging(chart: Chart) -> Verdict:
    """Keep the order that was chosen, and add the imaging that must not wait for it."""
    deferring = [draft for draft in chart.drafts if draft.selected and set(draft.keys) & set(DEFERRING)]
    slow = [draft for draft in chart.drafts if draft.selected and _is_slow_mri(draft)]
    if not deferring and not slow:
        return silent("no order being written defers imaging or asks for it as routine")
    need = imaging_need(chart)
    if need.indicator is None or need.indicator is Indicator.INFO:
        return silent("imaging is not urgently needed at this moment, or is in hand")
    meeting = next((draft for draft in chart.drafts if _meets(chart, draft)), None)
    if meeting is not None:
        return answered(f"an urgent {meeting.text.lower()} is among the orders being written", Evidence.of(meeting))
    return _card(chart, need, deferring, slow)


def _is_slow_mri(draft: Draft) -> bool:
    return bool(set(draft.keys) & set(SPINE_MRI)) and draft.priority not in URGENT


def _meets(chart: Chart, draft: Draft) -> bool:
    """D51: any urgent spine MRI, whatever the region; a CT too when MRI is unsafe or of unknown safety."""
    enough = {*SPINE_MRI, *(SPINE_CT if mr_safety(chart).is_hazard else ())}
    return draft.priority in URGENT and bool(enough & set(draft.keys))


def _card(chart: Chart, need: Need, deferring: list[Draft], slow: list[Draft]) -> Card:
    indicator = need.indicator or Indicator.WARNING
    is_critical = indicator is Indicator.CRITICAL
    priority = "stat" if is_critical else "urgent"
    loudest = max(need.cards.values(), key=lambda card: card.indicator.rank, default=need.replaced)
    if slow:
        suggestions = tuple(
            Suggestion(
                label=f"Make it {priority}: {draft.text.removeprefix('Order: ')}",
                plans=(Reprioritise(draft=draft, priority=priority),),
                is_recommended=True,
            )
            for draft in slow
        )
    else:
        suggestions = (_added(chart, need, priority),)
    drafts = (Evidence.of(draft) for draft in (*deferring, *slow))
    return Card(
        indicator=indicator,
        summary=summary(_summary(deferring, slow, is_critical)),
        detail="The order that was chosen stays. Denervation shows in limb muscles after 2 to 3 weeks, so an early EMG "
        "cannot replace imaging; severe or progressive weakness is the accepted ground for MRI at once."
        + (" Phone spinal surgery in parallel." if is_critical else ""),
        because=once((*drafts, *((loudest.because if loudest else ())[:5]))),
        changes="An urgent, asap or stat spine MRI among these orders or on record.",
        suggestions=suggestions,
        one_suggestion_only=False,
    )


def _summary(deferring: list[Draft], slow: list[Draft], is_critical: bool) -> str:
    if slow:
        if is_critical:
            return (
                "This foot drop is an emergency or worsening: make this MRI stat (same day) and phone spinal surgery."
            )
        return "Foot drop that should not wait: make this MRI urgent."
    names = listed(list(dict.fromkeys(DEFERRING[key] for draft in deferring for key in draft.keys if key in DEFERRING)))
    if is_critical:
        return f"Keep the {names}, but add a stat spine MRI today and phone spinal surgery: this cannot wait."
    return f"Keep {names}, but add urgent spine MRI: foot drop should not wait for denervation to appear."


def _added(chart: Chart, need: Need, priority: str) -> Suggestion:
    """The imaging that the loudest standing card suggests first; CT when MRI is unsafe."""
    note = clinical_note(chart)
    why = reasons(chart)
    if mr_safety(chart).level == "unsafe":
        plan = Plan(key="order.ct-lumbar", priority=priority, note=note, reasons=why)
        return Suggestion(
            label=f"Add {priority} CT of the lumbar spine (MRI is unsafe)", plans=(plan,), is_recommended=True
        )
    wide = "neuraxis-mri" in need.cards and "cauda-equina-emergency" not in need.cards
    key = "order.mri-whole-spine" if wide else "order.mri-lumbar"
    plan = Plan(key=key, priority=priority, note=note, reasons=why)
    label = f"Add {priority} {'whole-spine' if wide else 'lumbar'} MRI"
    return Suggestion(label=label, plans=(plan,), is_recommended=True)
