"""An implant that is unsafe for MRI, or of unknown safety, before the MRI that is needed."""

from __future__ import annotations

from cards import findings
from cards.language import (
    Card,
    ImagingNeed,
    Indicator,
    Need,
    Plan,
    Suggestion,
    Verdict,
    could_not_evaluate,
    not_applicable,
    rule,
    summary,
)
from cards.language.escaping import inside, markdown, name, sentence
from cards.record import Chart, Draft, Evidence

MRI = (*findings.SPINE_MRI, "order.mri-brain")
_NOT_CALLED_FOR = not_applicable("no imaging is called for at this moment")


@rule(
    "mri-contraindication",
    hooks=["patient-view", "problem-list-item-create", "encounter-discharge", "order-select", "order-sign"],
    reads=[findings.mr_safety, *MRI, *findings.SPINE_CT],
    strength="strong",
    quality="moderate: device labelling and guideline for CT when MRI is contraindicated",
    reviewed="2026-11-25",
    version="1.0.0",
    suggests=["order.mr-safety-consult", "order.ct-lumbar", "order.ct-myelogram-lumbar"],
    overrides=["already-arranged", "findings-disagree", "contraindicated", "reassess-within-24-hours"],
    needs_foot_drop=False,
    asks_imaging_need=True,
)
def mri_contraindication(chart: Chart, imaging_need: ImagingNeed) -> Verdict:
    """An implant not cleared for MRI: call MR safety now, and use CT or CT myelography if it is unsafe.

    Unknown is not unsafe: the MRI request stays. Pregnancy and claustrophobia are no contraindications.
    """
    if not chart.is_ordering and not findings.foot_drop(chart):
        return _NOT_CALLED_FOR
    safety = findings.mr_safety(chart)
    drafts = _mri_drafts(chart)
    if chart.is_ordering and not drafts:
        return not_applicable("no MRI is among the orders being written")
    need = Need() if chart.is_ordering else imaging_need()
    if not chart.is_ordering and not need.cards:
        return _NOT_CALLED_FOR
    if safety.level == "conditional" and chart.is_ordering:
        return _conditional(safety, drafts)
    if not safety.is_hazard:
        if not chart.has_seen("device.cardiac-pacemaker"):
            return could_not_evaluate("devices could not be read, so MR safety is not known")
        return not_applicable("no implant on record is unsafe or of unknown safety for MRI")
    return _hazard(chart, safety, need)


def _hazard(chart: Chart, safety: findings.MrSafety, need: Need) -> Card:
    assert safety.fact is not None
    loudest = need.loudest
    was_critical = loudest is not None and loudest.is_replaced and loudest.indicator is Indicator.CRITICAL
    known = "coded MR unsafe" if safety.level == "unsafe" else "MR safety not recorded"
    is_unsafe = safety.level == "unsafe"
    ct = "use CT or CT myelography, same urgency"
    instead = (ct if is_unsafe else f"if unsafe {ct}") if _is_lumbar(chart, need) else "keep the urgency"
    state = "is coded MR unsafe" if is_unsafe else "not cleared for MRI"
    stays = " The MRI request is not removed by this card." if chart.is_ordering else ""
    return Card(
        indicator=Indicator.CRITICAL if was_critical else Indicator.WARNING,
        summary=summary(f"{sentence(name(safety.fact.text))} {state}: call MR safety now; {instead}."),
        detail=f"{sentence(markdown(safety.fact.text, 80))}: {known}. Ask for the model and the device card. "
        "Do not let this delay imaging for red flags. CT shows large compressions but is weaker for the cause; "
        f"check anticoagulation before myelography.{stays}",
        because=_because(chart, safety, need),
        changes="A device record that states its MR safety, or its removal.",
        suggestions=_suggestions(chart, safety, need),
        one_suggestion_only=False,
    )


def _conditional(safety: findings.MrSafety, drafts: list[Draft]) -> Card:
    assert safety.fact is not None
    return Card(
        indicator=Indicator.INFO,
        summary=summary(
            f"MR-conditional {inside(name(safety.fact.text))}: MRI possible; give radiology the model and "
            "conditions with the request."
        ),
        detail="The device is labelled MR conditional: scan only when its conditions are met.",
        because=(Evidence.of(safety.fact), *(Evidence.of(draft, f"{draft.text}, being ordered") for draft in drafts)),
        changes="A device record that states another MR safety.",
    )


def _mri_drafts(chart: Chart) -> list[Draft]:
    return [draft for draft in chart.drafts if draft.selected and set(draft.keys) & set(MRI)]


def _because(chart: Chart, safety: findings.MrSafety, need: Need) -> tuple[Evidence, ...]:
    assert safety.fact is not None
    drafts = (Evidence.of(draft, f"{draft.text}, being ordered") for draft in _mri_drafts(chart))
    known = f"{safety.fact.text}: MR {safety.level}"
    return findings.once(
        (Evidence.of(safety.fact, known), *drafts, *((need.loudest.card.because if need.loudest else ())[:3]))
    )


def _is_lumbar(chart: Chart, need: Need) -> bool:
    """Whether a CT of the lumbar spine can stand in: for cord and brain, the region is radiology's choice."""
    if chart.is_ordering:
        return any(set(draft.keys) & set(findings.LUMBAR_MRI) for draft in _mri_drafts(chart))
    return need.is_lumbar


def _priority(chart: Chart, need: Need) -> str:
    """The urgency of what the implant blocks: of the drafted MRI, or of the imaging card."""
    if chart.is_ordering:
        drafted = {draft.priority for draft in _mri_drafts(chart)}
        return next((each for each in ("stat", "asap", "urgent") if each in drafted), "routine")
    return need.loudest.card.indicator.priority if need.loudest else "urgent"


def _suggestions(chart: Chart, safety: findings.MrSafety, need: Need) -> tuple[Suggestion, ...]:
    assert safety.fact is not None
    priority = _priority(chart, need)
    why = findings.reasons(chart) if findings.foot_drop(chart) else ()
    history = findings.clinical_note(chart) + " " if findings.foot_drop(chart) else ""
    note = f"{history}MRI not cleared: {name(safety.fact.text, 80)}, {safety.level} for MRI."

    def plan(key: str) -> Plan:
        indication = "condition.foot-drop" if findings.foot_drop(chart) else ""
        return Plan(key=key, priority=priority, note=note, indication=indication, reasons=why)

    call = Suggestion(label="MR safety consultation", plans=(plan("order.mr-safety-consult"),), is_recommended=True)
    if not _is_lumbar(chart, need) or any(findings.is_pending(order) for order in chart.orders(*findings.SPINE_CT)):
        return (call,)
    speed = priority.capitalize()
    return (
        call,
        Suggestion(label=f"{speed} CT of the lumbar spine", plans=(plan("order.ct-lumbar"),)),
        Suggestion(label=f"{speed} CT myelogram of the lumbar spine", plans=(plan("order.ct-myelogram-lumbar"),)),
    )
