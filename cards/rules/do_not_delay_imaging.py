"""An order that defers imaging, or asks for it too slowly, while imaging is needed now."""

from __future__ import annotations

from msgspec import Struct, structs

from cards import findings
from cards.language import (
    Card,
    ImagingCard,
    ImagingNeed,
    Indicator,
    Plan,
    Reprioritise,
    Suggestion,
    Verdict,
    not_applicable,
    rule,
    summary,
    suppressed,
)
from cards.language.escaping import inside, listed
from cards.record import Chart, Draft, Evidence

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
    reads=[*findings.SPINE_MRI, *findings.SPINE_CT, *DEFERRING],
    strength="strong for severe or progressive weakness",
    quality="moderate: appropriateness criteria; texts on the timing of denervation",
    reviewed="2026-11-25",
    version="1.0.0",
    suggests=[
        "order.mri-lumbar",
        "order.mri-lumbar-contrast",
        "order.mri-whole-spine",
        "order.mri-whole-spine-contrast",
        "order.ct-lumbar",
        "order.spine-surgery-consult",
    ],
    overrides=["already-arranged", "findings-disagree", "patient-declined", "contraindicated"],
    asks_imaging_need=True,
)
def do_not_delay_imaging(chart: Chart, imaging_need: ImagingNeed) -> Verdict:
    """Keep the order that was chosen, and add the imaging that must not wait for it."""
    deferring = [draft for draft in chart.drafts if draft.selected and set(draft.keys) & set(DEFERRING)]
    slow = [draft for draft in chart.drafts if draft.selected and _is_slow_mri(draft)]
    if not deferring and not slow:
        return not_applicable("no order being written defers imaging or asks for it as routine")
    if findings.comfort_care(chart):
        return suppressed("comfort care only is recorded: nothing is said to be missing")
    need = imaging_need()
    if need.loudest is None or need.loudest.indicator is Indicator.INFO:
        in_hand = need.in_hand
        return (
            suppressed(f"imaging is in hand: {in_hand}")
            if in_hand
            else not_applicable("imaging is not urgently needed now")
        )
    meeting = next((draft for draft in chart.drafts if _meets(chart, draft)), None)
    if meeting is not None:
        return suppressed(f"an urgent {inside(meeting.text)} is among the orders being written", Evidence.of(meeting))
    return _card(chart, need.loudest, deferring, slow)


def _is_slow_mri(draft: Draft) -> bool:
    return bool(set(draft.keys) & set(findings.SPINE_MRI)) and draft.priority not in findings.URGENT


def _meets(chart: Chart, draft: Draft) -> bool:
    """D51: any urgent spine MRI, whatever the region; a CT too when MRI is unsafe or of unknown safety."""
    enough = {*findings.SPINE_MRI, *(findings.SPINE_CT if findings.mr_safety(chart).is_hazard else ())}
    return draft.priority in findings.URGENT and bool(enough & set(draft.keys))


def _card(chart: Chart, asking: ImagingCard, deferring: list[Draft], slow: list[Draft]) -> Card:
    wanted = _wanted(chart, asking)
    drafts = (Evidence.of(draft, f"{draft.text}, being ordered") for draft in (*deferring, *slow))
    phone = " Phone spinal surgery in parallel." if wanted.is_critical else ""
    waiting = (
        "Denervation shows in limb muscles after 2 to 3 weeks, so an early EMG cannot replace imaging. "
        if any("order.emg-ncs" in draft.keys for draft in deferring)
        else ""
    )
    return Card(
        indicator=Indicator.CRITICAL if wanted.is_critical else Indicator.WARNING,
        summary=summary(_summary(wanted, deferring, slow)),
        detail=f"The order that was chosen stays. {waiting}Severe or progressive weakness is the accepted ground for "
        f"imaging at once.{phone}",
        because=findings.once((*drafts, *wanted.because[:5])),
        changes="An urgent, asap or stat spine MRI among these orders or on record.",
        suggestions=_suggestions(wanted, slow) + _call(wanted),
        one_suggestion_only=False,
    )


class Wanted(Struct, frozen=True):
    """The imaging that cannot wait: the order, its name in a sentence, why, and the records behind it."""

    plan: Plan
    name: str
    why: str
    is_critical: bool
    is_unsafe: bool
    because: tuple[Evidence, ...]

    @property
    def priority(self) -> str:
        """Stat when it is critical, else urgent."""
        return "stat" if self.is_critical else "urgent"


def _wanted(chart: Chart, asking: ImagingCard) -> Wanted:
    """What the loudest standing imaging card suggests first; CT when MRI is unsafe."""
    is_critical = asking.indicator is Indicator.CRITICAL
    is_unsafe = findings.mr_safety(chart).level == "unsafe"
    first = asking.card.suggestions[0].plans[0]
    assert isinstance(first, Plan)
    plan = structs.replace(first, priority="stat" if is_critical else "urgent")
    if is_unsafe:
        plan = structs.replace(plan, key="order.ct-lumbar")
    name = "CT" if is_unsafe else "whole-spine MRI" if plan.key in findings.WHOLE_SPINE_MRI else "lumbar MRI"
    return Wanted(plan, name, asking.why, is_critical, is_unsafe, asking.card.because)


def _summary(wanted: Wanted, deferring: list[Draft], slow: list[Draft]) -> str:
    names = listed(list(dict.fromkeys(DEFERRING[key] for draft in deferring for key in draft.keys if key in DEFERRING)))
    end = " and phone spinal surgery." if wanted.is_critical else "."
    if wanted.is_unsafe or not slow or _is_narrower(wanted, slow):
        kept = f"the {names}" if names else "this MRI request"
        return f"{wanted.why}: keep {kept}, but add {wanted.priority} {wanted.name} now{end}"
    return f"{wanted.why}: make this MRI {wanted.priority}{' (same day)' if wanted.is_critical else ''}{end}"


def _is_narrower(wanted: Wanted, slow: list[Draft]) -> bool:
    """Whether the whole spine is wanted and only the lumbar spine is being ordered."""
    return wanted.plan.key in findings.WHOLE_SPINE_MRI and not any(
        set(draft.keys) & set(findings.WHOLE_SPINE_MRI) for draft in slow
    )


def _call(wanted: Wanted) -> tuple[Suggestion, ...]:
    """The surgeon, when it is critical."""
    if not wanted.is_critical:
        return ()
    consult = structs.replace(wanted.plan, key="order.spine-surgery-consult")
    return (Suggestion(label="Call spinal surgery now", plans=(consult,)),)


def _suggestions(wanted: Wanted, slow: list[Draft]) -> tuple[Suggestion, ...]:
    add = Suggestion(
        label=f"Add {wanted.priority} {wanted.name}" + (" (MRI is unsafe)" if wanted.is_unsafe else ""),
        plans=(wanted.plan,),
        is_recommended=True,
    )
    if not slow or wanted.is_unsafe:
        return (add,)
    is_narrower = _is_narrower(wanted, slow)
    faster = tuple(
        Suggestion(
            label=f"Make it {wanted.priority}: {draft.text}",
            plans=(Reprioritise(draft=draft, priority=wanted.priority),),
            is_recommended=not is_narrower,
        )
        for draft in slow
    )
    return (add, *faster) if is_narrower else faster
