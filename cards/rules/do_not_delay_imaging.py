"""An order that defers imaging, or asks for it too slowly, while imaging is needed now."""

from __future__ import annotations

from cards import findings
from cards.language import Card, Plan, Reprioritise, Suggestion, Verdict, not_applicable, rule, summary, suppressed
from cards.language.escaping import inside, listed
from cards.language.imaging_need import ImagingCard, ImagingNeed
from cards.record import Chart, Draft, Evidence

DEFERRING = {  # epidural injection has no verified code yet (D45)
    findings.EMG: "EMG", "order.physiotherapy-referral": "physiotherapy", "order.xray-lumbar": "plain X-ray",
    "order.neurology-referral": "neurology referral",
}  # fmt: skip


@rule(
    "do-not-delay-imaging", hooks=["order-select", "order-sign"],
    reads=[*findings.SPINE_MRI, *findings.SPINE_CT, *DEFERRING], strength="strong for severe or progressive weakness",
    quality="moderate: appropriateness criteria; texts on the timing of denervation", asks_imaging_need=True,
    reviewed="2026-11-25", version="1.0.0", suggests=[*findings.SPINE_MRI, "order.ct-lumbar", findings.CONSULT],
    overrides=["already-arranged", "findings-disagree", "patient-declined", "contraindicated"],
)  # fmt: skip
def do_not_delay_imaging(chart: Chart, imaging_need: ImagingNeed) -> Verdict:
    """Keep the order that was chosen, and add the imaging that must not wait for it."""
    deferring = chart.drafted(*DEFERRING)
    slow = [draft for draft in chart.drafted(*findings.SPINE_MRI) if draft.priority not in findings.URGENT]
    if not deferring and not slow:
        return not_applicable("no order being written defers imaging or asks for it as routine")
    if findings.comfort_care(chart):
        return suppressed("comfort care only is recorded: nothing is said to be missing")
    need = imaging_need()
    if need.loudest is None or need.loudest.indicator.priority not in findings.URGENT:
        if need.in_hand:
            return suppressed(f"imaging is in hand: {need.in_hand}")
        return not_applicable("imaging is not urgently needed now")
    # D51: any urgent spine MRI is enough, whatever the region; a CT too when MRI is unsafe or of unknown safety.
    enough = {*findings.SPINE_MRI, *(findings.SPINE_CT if findings.mr_safety(chart).is_hazard else ())}
    for draft in chart.drafts:
        if draft.priority in findings.URGENT and enough & set(draft.keys):
            return suppressed(f"an urgent {inside(draft.text)} is among the orders being written", Evidence.of(draft))
    return _card(chart, need.loudest, deferring, slow)


def _card(chart: Chart, asking: ImagingCard, deferring: list[Draft], slow: list[Draft]) -> Card:
    wanted = asking.order("order.ct-lumbar" if findings.mr_safety(chart).level == "unsafe" else "")
    early = "Denervation shows in limb muscles after 2 to 3 weeks, so an early EMG cannot replace imaging. "
    waits = early if any(findings.EMG in draft.keys for draft in deferring) else ""
    phone, suggestions = "", _suggestions(wanted, slow)
    if wanted.priority == "stat":
        phone, call = " Phone spinal surgery in parallel.", asking.order(findings.CONSULT)
        suggestions.append(Suggestion(label="Call spinal surgery now", plans=(call,)))
    return Card(
        indicator=asking.indicator,
        summary=summary(f"{asking.why}: {_request(wanted, deferring, slow)}"),
        detail=f"The order that was chosen stays. {waits}Severe or progressive weakness is the accepted ground for "
        f"imaging at once.{phone}",
        because=findings.evidence(*deferring, *slow, *asking.card.because[:5]),
        changes="An urgent, asap or stat spine MRI among these orders or on record.",
        suggestions=tuple(suggestions),
        one_suggestion_only=False,
    )


def _must_add(wanted: Plan, slow: list[Draft]) -> bool:
    """Whether no slow MRI is the imaging that is wanted: MRI is unsafe, or only the lumbar spine is being ordered."""
    is_whole = any(set(draft.keys) & set(findings.WHOLE_SPINE_MRI) for draft in slow)
    is_narrower = wanted.key in findings.WHOLE_SPINE_MRI and not is_whole
    return not slow or wanted.key in findings.SPINE_CT or is_narrower


def _named(wanted: Plan) -> str:
    mri = "whole-spine MRI" if wanted.key in findings.WHOLE_SPINE_MRI else "lumbar MRI"
    return f"{wanted.priority} {'CT' if wanted.key in findings.SPINE_CT else mri}"


def _request(wanted: Plan, deferring: list[Draft], slow: list[Draft]) -> str:
    same_day, end = (" (same day)", " and phone spinal surgery.") if wanted.priority == "stat" else ("", ".")
    if not _must_add(wanted, slow):
        return f"make this MRI {wanted.priority}{same_day}{end}"
    names = dict.fromkeys(DEFERRING[key] for draft in deferring for key in draft.keys if key in DEFERRING)
    kept = f"the {listed(list(names))}" if names else "this MRI request"
    return f"keep {kept}, but add {_named(wanted)} now{end}"


def _suggestions(wanted: Plan, slow: list[Draft]) -> list[Suggestion]:
    must_add, why = _must_add(wanted, slow), " (MRI is unsafe)" if wanted.key in findings.SPINE_CT else ""
    add = Suggestion(label=f"Add {_named(wanted)}{why}", plans=(wanted,), is_recommended=True)
    if wanted.key in findings.SPINE_CT:
        return [add]
    plans = [Reprioritise(draft=draft, priority=wanted.priority) for draft in slow]
    faster = [
        Suggestion(label=f"Make it {plan.priority}: {plan.draft.text}", plans=(plan,), is_recommended=not must_add)
        for plan in plans
    ]
    return [add, *faster] if must_add else faster
