"""An implant that is unsafe for MRI, or of unknown safety, before the MRI that is needed."""

from __future__ import annotations

from msgspec import structs

from cards import findings
from cards.language import (
    SOURCES,
    Card,
    ImagingNeed,
    Indicator,
    Need,
    Plan,
    Remove,
    Suggestion,
    Verdict,
    not_applicable,
    rule,
    summary,
)  # fmt: skip
from cards.language.escaping import inside, markdown, name, sentence
from cards.record import Chart, Draft, Evidence, Fact

MRI = (*findings.SPINE_MRI, "order.mri-brain")
WITHOUT_CONTRAST = {
    contrast: plain for plain, contrast in (findings.LUMBAR_MRI, findings.WHOLE_SPINE_MRI)
}  # fmt: skip


@rule(
    "mri-contraindication",
    hooks=["patient-view", "problem-list-item-create", "encounter-discharge", "order-select", "order-sign"],
    reads=[findings.mr_safety, findings.uncalled_scan, *MRI, *findings.SPINE_CT, "condition.pregnancy"],
    strength="strong", quality="moderate: device labelling and guideline for CT when MRI is contraindicated",
    reviewed="2026-11-28", version="2.0.0",
    suggests=["order.mr-safety-consult", *findings.SPINE_CT, *WITHOUT_CONTRAST.values()],
    overrides=["already-arranged", "findings-disagree", "contraindicated", "reassess-within-24-hours"],
    needs_foot_drop=False, asks_imaging_need=True,
)  # fmt: skip
def mri_contraindication(chart: Chart, imaging_need: ImagingNeed) -> Verdict:
    """An implant not cleared for MRI: call MR safety now, and use CT or CT myelography if it is unsafe.

    Unknown is not unsafe: the MRI request stays. Pregnancy and claustrophobia are not contraindications, but in
    pregnancy the scan is done without gadolinium.
    """
    if chart.is_ordering and not chart.drafted(*MRI):
        return not_applicable("no MRI is among the orders being written")
    need = imaging_need() if findings.foot_drop(chart) and not chart.is_ordering else Need()
    safety = findings.mr_safety(chart)
    is_beside = safety.level == "unsafe" and not chart.is_ordering and findings.uncalled_scan(chart)  # D71
    if not chart.is_ordering and not need.cards and not is_beside:
        return not_applicable("no imaging is called for at this moment")
    if safety.fact is not None and safety.level == "unsafe" and chart.is_ordering:
        return _must_not(chart, safety.fact, imaging_need)
    if safety.fact is not None and safety.is_hazard:
        return _hazard(chart, safety.fact, safety.level, need)
    if (expecting := chart.problem("condition.pregnancy")) and chart.drafted(*WITHOUT_CONTRAST):
        return _without_gadolinium(chart, expecting)
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
    if chart.problem("condition.pregnancy") and chart.drafted(*WITHOUT_CONTRAST):
        stays = f"{stays} {GADOLINIUM}"
    grounds = loudest.card.because[:3] if loudest else chart.drafted(*MRI)
    return Card(
        indicator=Indicator.CRITICAL if was_critical else Indicator.WARNING,
        summary=summary(f"{sentence(name(implant.text))} {state}: call MR safety now; {instead}."),
        detail=f"{sentence(markdown(implant.text, 80))}: {known}. Do not let this delay imaging for red flags. "
        f"CT is weaker for the cause; check anticoagulation before myelography.{stays}",
        ask="The model, and the device card.",
        because=findings.evidence(Evidence.of(implant, f"{implant.text}: MR {level}"), *grounds),
        suggestions=_suggestions(chart, implant, level, need),
        one_suggestion_only=False,
    )


def _must_not(chart: Chart, implant: Fact, imaging_need: ImagingNeed) -> Card:
    """D67: an MRI is being written for an implant that is coded unsafe."""
    drafts, is_lumbar = chart.drafted(*MRI), bool(chart.drafted(*findings.LUMBAR_MRI))
    is_brain = not chart.drafted(*findings.SPINE_MRI)
    instead = "CT of the lumbar spine" if is_lumbar else "CT of the head" if is_brain else "CT of the whole spine"
    remove = Suggestion(label="Remove the MRI", plans=tuple(Remove(draft=draft) for draft in drafts))
    return Card(
        indicator=Indicator.CRITICAL,
        summary=summary(f"{sentence(name(implant.text))} is coded MR unsafe: do not send this MRI; {instead} instead."),
        detail=f"Ask radiology for {instead} (with myelography if it must show the canal) as urgently, and MR safety "
        "whether the code is right. Check anticoagulation before myelography.",
        because=findings.evidence(Evidence.of(implant, f"{implant.text}: MR unsafe"), *drafts),
        suggestions=(_ct_instead(chart, implant, imaging_need), remove) if is_lumbar else (remove,),
        one_suggestion_only=True,
    )


def _ct_instead(chart: Chart, implant: Fact, imaging_need: ImagingNeed) -> Suggestion:
    """A CT as urgent as the lumbar MRI that it replaces, and never less urgent than the foot drop demands.

    A draft without an id cannot be removed together with it.
    """
    lumbar = chart.drafted(*findings.LUMBAR_MRI)
    ct = _plan(chart, "order.ct-lumbar", Need(), f"In the place of an MRI: {name(implant.text, 80)}, unsafe for MRI.")
    loudest = imaging_need().loudest
    if loudest and (loudest.indicator is Indicator.CRITICAL or ct.priority == "routine"):
        ct = structs.replace(ct, priority=loudest.indicator.priority)
    removals = (Remove(draft=draft) for draft in lumbar if "/" in draft.reference)
    return Suggestion(label=f"{ct.priority.capitalize()} CT of the lumbar spine instead", plans=(ct, *removals))


GADOLINIUM = "Pregnancy: MRI without gadolinium unless it changes care now."


def _without_gadolinium(chart: Chart, expecting: Fact) -> Card:
    """D89: contrast is being ordered in pregnancy."""
    drafts = chart.drafted(*WITHOUT_CONTRAST)
    return Card(
        indicator=Indicator.WARNING,
        summary=GADOLINIUM,
        detail="MRI itself is not withheld in pregnancy. Gadolinium crosses the placenta: give it only when the answer "
        "cannot wait and changes what is done now.",
        because=findings.evidence(expecting, *drafts),
        source=SOURCES["mri-contraindication.pregnancy"],
        suggestions=tuple(_same_scan(chart, draft) for draft in drafts),
    )


def _same_scan(chart: Chart, draft: Draft) -> Suggestion:
    """The same region without contrast, equally urgent."""
    key = next(WITHOUT_CONTRAST[key] for key in draft.keys if key in WITHOUT_CONTRAST)
    region = "whole spine" if key in findings.WHOLE_SPINE_MRI else "lumbar spine"
    priority = draft.priority if draft.priority in findings.URGENT else "routine"
    plan = structs.replace(_plan(chart, key, Need(), GADOLINIUM), priority=priority)
    removal = (Remove(draft=draft),) if "/" in draft.reference else ()
    label = f"MRI of the {region} without contrast instead"
    return Suggestion(label=label, plans=(plan, *removal), is_recommended=True)


def _conditional(chart: Chart, implant: Fact) -> Card:
    return Card(
        indicator=Indicator.INFO,
        summary=summary(
            f"MR-conditional {inside(name(implant.text))}: MRI possible; give radiology the model and "
            "conditions with the request."
        ),
        detail="The device is labelled MR conditional: scan only when its conditions are met.",
        because=findings.evidence(implant, *chart.drafted(*MRI)),
        source=SOURCES["mri-contraindication.conditional"],
    )


def _is_lumbar(chart: Chart, need: Need) -> bool:
    """Whether a CT of the lumbar spine can replace the MRI: for cord and brain, radiology chooses the region."""
    return bool(chart.drafted(*findings.LUMBAR_MRI)) if chart.is_ordering else need.is_lumbar


def _priority(chart: Chart, need: Need) -> str:
    """The urgency of what the implant blocks: that of the drafted MRI or of the imaging card."""
    if need.loudest:
        return need.loudest.card.indicator.priority
    if not chart.is_ordering:
        return "stat"
    drafted = {draft.priority for draft in chart.drafted(*MRI)}
    return next((priority for priority in ("stat", "asap", "urgent") if priority in drafted), "routine")


def _plan(chart: Chart, key: str, need: Need, note: str) -> Plan:
    """An order as urgent as what the implant blocks, justified by the foot drop if there is one."""
    why: tuple[str, ...] = ()
    indication = ""
    if findings.foot_drop(chart):
        note = f"{findings.clinical_note(chart)} {note}"
        why, indication = findings.reasons(chart), "condition.foot-drop"
    return Plan(key=key, priority=_priority(chart, need), note=note, indication=indication, reasons=why)


def _suggestions(chart: Chart, implant: Fact, level: str, need: Need) -> tuple[Suggestion, ...]:
    note = f"MRI not cleared: {name(implant.text, 80)}, {level} for MRI."

    def offer(label: str, key: str, *, is_recommended: bool = False) -> Suggestion:
        return Suggestion(label=label, plans=(_plan(chart, key, need, note),), is_recommended=is_recommended)

    call = offer("MR safety consultation", "order.mr-safety-consult", is_recommended=True)
    if not _is_lumbar(chart, need) or chart.pending(*findings.SPINE_CT):
        return (call,)
    ct, myelogram = findings.SPINE_CT
    speed = _priority(chart, need).capitalize()
    return (
        call,
        offer(f"{speed} CT of the lumbar spine", ct),
        offer(f"{speed} CT myelogram of the lumbar spine", myelogram),
    )
