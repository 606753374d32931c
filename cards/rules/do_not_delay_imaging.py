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
    meeting = next((draft for draft in chart.drafts if _meets(chart, draft)), None)
    if meeting is not None:
        return suppressed(f"an urgent {inside(meeting.text)} is among the orders being written", Evidence.of(meeting))
    return _card(chart, need.loudest, deferring, slow)


def _meets(chart: Chart, draft: Draft) -> bool:
    """D51: any urgent spine MRI, whatever the region; a CT too when MRI is unsafe or of unknown safety."""
    enough = {*findings.SPINE_MRI, *(findings.SPINE_CT if findings.mr_safety(chart).is_hazard else ())}
    return draft.priority in findings.URGENT and bool(enough & set(draft.keys))


def _card(chart: Chart, asking: ImagingCard, deferring: list[Draft], slow: list[Draft]) -> Card:
    is_unsafe = findings.mr_safety(chart).level == "unsafe"
    wanted = asking.order("order.ct-lumbar" if is_unsafe else "")
    is_emg = any(findings.EMG in draft.keys for draft in deferring)
    early = "Denervation shows in limb muscles after 2 to 3 weeks, so an early EMG cannot replace imaging. "
    surgeon = Suggestion(label="Call spinal surgery now", plans=(asking.order(findings.CONSULT),))
    is_critical = wanted.priority == "stat"
    return Card(
        indicator=asking.indicator,
        summary=summary(f"{asking.why}: {_request(wanted, deferring, slow)}"),
        detail=f"The order that was chosen stays. {early if is_emg else ''}Severe or progressive weakness is the "
        f"accepted ground for imaging at once.{' Phone spinal surgery in parallel.' if is_critical else ''}",
        because=findings.evidence(*deferring, *slow, *asking.card.because[:5]),
        changes="An urgent, asap or stat spine MRI among these orders or on record.",
        suggestions=(*_suggestions(wanted, slow), *([surgeon] if is_critical else [])),
        one_suggestion_only=False,
    )


def _must_add(wanted: Plan, slow: list[Draft]) -> bool:
    """Whether no slow MRI is the imaging that is wanted: MRI is unsafe, or only the lumbar spine is being ordered."""
    is_whole = any(set(draft.keys) & set(findings.WHOLE_SPINE_MRI) for draft in slow)
    is_narrower = wanted.key in findings.WHOLE_SPINE_MRI and not is_whole
    return not slow or wanted.key in findings.SPINE_CT or is_narrower


def _name(wanted: Plan) -> str:
    if wanted.key in findings.SPINE_CT:
        return "CT"
    return "whole-spine MRI" if wanted.key in findings.WHOLE_SPINE_MRI else "lumbar MRI"


def _request(wanted: Plan, deferring: list[Draft], slow: list[Draft]) -> str:
    is_critical, priority = wanted.priority == "stat", wanted.priority
    end = " and phone spinal surgery." if is_critical else "."
    if not _must_add(wanted, slow):
        return f"make this MRI {priority}{' (same day)' if is_critical else ''}{end}"
    names = dict.fromkeys(DEFERRING[key] for draft in deferring for key in draft.keys if key in DEFERRING)
    kept = f"the {listed(list(names))}" if names else "this MRI request"
    return f"keep {kept}, but add {priority} {_name(wanted)} now{end}"


def _suggestions(wanted: Plan, slow: list[Draft]) -> list[Suggestion]:
    must_add, is_ct, priority = _must_add(wanted, slow), wanted.key in findings.SPINE_CT, wanted.priority
    label = f"Add {priority} {_name(wanted)}" + (" (MRI is unsafe)" if is_ct else "")
    add = Suggestion(label=label, plans=(wanted,), is_recommended=True)
    if is_ct:
        return [add]
    faster = [
        Suggestion(
            label=f"Make it {priority}: {draft.text}",
            plans=(Reprioritise(draft=draft, priority=priority),),
            is_recommended=not must_add,
        )
        for draft in slow
    ]
    return [add, *faster] if must_add else faster
