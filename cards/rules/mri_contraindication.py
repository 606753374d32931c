"""An implant that is unsafe for MRI, or of unknown safety, before the MRI that is needed."""

from __future__ import annotations

from cards import findings
from cards.language import Card, ImagingNeed, Indicator, Need, Plan, Suggestion, Verdict, not_applicable, rule, summary
from cards.language.escaping import inside, markdown, name, sentence
from cards.record import Chart, Evidence, Fact

MRI = (*findings.SPINE_MRI, "order.mri-brain")


@rule(
    "mri-contraindication",
    hooks=["patient-view", "problem-list-item-create", "encounter-discharge", "order-select", "order-sign"],
    reads=[findings.mr_safety, *MRI, *findings.SPINE_CT],
    strength="strong", quality="moderate: device labelling and guideline for CT when MRI is contraindicated",
    reviewed="2026-11-25", version="1.0.0", suggests=["order.mr-safety-consult", *findings.SPINE_CT],
    overrides=["already-arranged", "findings-disagree", "contraindicated", "reassess-within-24-hours"],
    needs_foot_drop=False, asks_imaging_need=True,
)  # fmt: skip
def mri_contraindication(chart: Chart, imaging_need: ImagingNeed) -> Verdict:
    """An implant not cleared for MRI: call MR safety now, and use CT or CT myelography if it is unsafe.

    Unknown is not unsafe: the MRI request stays. Pregnancy and claustrophobia are no contraindications.
    """
    if chart.is_ordering and not chart.drafted(*MRI):
        return not_applicable("no MRI is among the orders being written")
    need = imaging_need() if findings.foot_drop(chart) and not chart.is_ordering else Need()
    if not chart.is_ordering and not need.cards:
        return not_applicable("no imaging is called for at this moment")
    safety = findings.mr_safety(chart)
    if safety.fact is not None and safety.is_hazard:
        return _hazard(chart, safety.fact, safety.level, need)
    if safety.fact is not None and safety.level == "conditional" and chart.is_ordering:
        return _conditional(chart, safety.fact)
    if not chart.has_seen(findings.PACEMAKER):
        return findings.unread("devices", "MR safety is not known")
    return not_applicable("no implant on record is unsafe or of unknown safety for MRI")


def _hazard(chart: Chart, implant: Fact, level: str, need: Need) -> Card:
    loudest = need.loudest
    was_critical = loudest is not None and loudest.is_replaced and loudest.indicator is Indicator.CRITICAL
    is_unsafe, ct = level == "unsafe", "use CT or CT myelography, same urgency"
    known, state = "MR safety not recorded", "not cleared for MRI"
    if is_unsafe:
        known, state = "coded MR unsafe", "is coded MR unsafe"
    instead = (ct if is_unsafe else f"if unsafe {ct}") if _is_lumbar(chart, need) else "keep the urgency"
    stays = " The MRI request is not removed by this card." if chart.is_ordering else ""
    grounds = loudest.card.because[:3] if loudest else chart.drafted(*MRI)
    return Card(
        indicator=Indicator.CRITICAL if was_critical else Indicator.WARNING,
        summary=summary(f"{sentence(name(implant.text))} {state}: call MR safety now; {instead}."),
        detail=f"{sentence(markdown(implant.text, 80))}: {known}. Ask for the model and the device card. "
        "Do not let this delay imaging for red flags. CT shows large compressions but is weaker for the cause; "
        f"check anticoagulation before myelography.{stays}",
        because=findings.evidence(Evidence.of(implant, f"{implant.text}: MR {level}"), *grounds),
        changes="A device record that states its MR safety, or its removal.",
        suggestions=_suggestions(chart, implant, level, need),
        one_suggestion_only=False,
    )


def _conditional(chart: Chart, implant: Fact) -> Card:
    return Card(
        indicator=Indicator.INFO,
        summary=summary(
            f"MR-conditional {inside(name(implant.text))}: MRI possible; give radiology the model and "
            "conditions with the request."
        ),
        detail="The device is labelled MR conditional: scan only when its conditions are met.",
        because=findings.evidence(implant, *chart.drafted(*MRI)),
        changes="A device record that states another MR safety.",
    )


def _is_lumbar(chart: Chart, need: Need) -> bool:
    """Whether a CT of the lumbar spine can stand in: for cord and brain, the region is radiology's choice."""
    return bool(chart.drafted(*findings.LUMBAR_MRI)) if chart.is_ordering else need.is_lumbar


def _priority(chart: Chart, need: Need) -> str:
    """The urgency of what the implant blocks: of the drafted MRI, or of the imaging card."""
    if need.loudest:
        return need.loudest.card.indicator.priority
    drafted = {draft.priority for draft in chart.drafted(*MRI)}
    return next((priority for priority in ("stat", "asap", "urgent") if priority in drafted), "routine")


def _suggestions(chart: Chart, implant: Fact, level: str, need: Need) -> tuple[Suggestion, ...]:
    priority, note = _priority(chart, need), f"MRI not cleared: {name(implant.text, 80)}, {level} for MRI."
    why: tuple[str, ...] = ()
    indication = ""
    if findings.foot_drop(chart):
        note = f"{findings.clinical_note(chart)} {note}"
        why, indication = findings.reasons(chart), "condition.foot-drop"

    def offer(label: str, key: str, *, is_recommended: bool = False) -> Suggestion:
        plan = Plan(key=key, priority=priority, note=note, indication=indication, reasons=why)
        return Suggestion(label=label, plans=(plan,), is_recommended=is_recommended)

    call = offer("MR safety consultation", "order.mr-safety-consult", is_recommended=True)
    if not _is_lumbar(chart, need) or chart.pending(*findings.SPINE_CT):
        return (call,)
    ct, myelogram = findings.SPINE_CT
    speed = priority.capitalize()
    return (
        call,
        offer(f"{speed} CT of the lumbar spine", ct),
        offer(f"{speed} CT myelogram of the lumbar spine", myelogram),
    )
