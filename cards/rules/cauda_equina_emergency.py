"""Cauda equina syndrome with foot drop: emergency MRI and the on-call surgeon."""

from __future__ import annotations

from cards import findings
from cards.language import SOURCES, Card, Indicator, Plan, Suggestion, Verdict, not_applicable, rule, suppressed
from cards.language.escaping import days, inside, listed
from cards.record import Chart, Evidence, Order, Reading


@rule(
    "cauda-equina-emergency", hooks=["patient-view", "problem-list-item-create", "encounter-discharge"],
    reads=["patient", "observation.pvr-ml", findings.red_flags, findings.undated_flags, findings.emergency_answer,
           findings.uncalled_scan, findings.spinal_pain, findings.umn_signs, findings.comfort_care,
           findings.cord_threats, findings.mr_safety, findings.injury_needs_imaging, findings.neuraxis_grounds,
           "condition.pregnancy"],
    strength="strong", quality="moderate: national pathway and consensus; missed-case reports",
    reviewed="2026-11-28", version="2.0.0",
    suggests=["order.mri-lumbar", *findings.WHOLE_SPINE_MRI, "order.ct-lumbar", findings.CONSULT, "order.bladder-scan"],
    overrides=["already-arranged", "findings-disagree", "not-in-goals-of-care", "reassess-within-24-hours"],
)  # fmt: skip
def cauda_equina_emergency(chart: Chart) -> Verdict:
    """Foot drop with a new cauda equina red flag: emergency MRI within 4 hours, and call the spinal surgeon.

    Most of these scans will be negative. That is accepted, because a missed compression cannot be undone.
    """
    if (goals := findings.comfort_care(chart)) and (threats := findings.cord_threats(chart)):
        return _comfort(chart, THREATENED, findings.evidence(goals, *findings.because(chart, *threats)))
    flags = findings.red_flags(chart)
    if not flags:
        if undated := findings.undated_flags(chart):
            return findings.undated(undated[0])
        window = days(findings.RED_FLAG_WINDOW)
        return not_applicable(f"no new saddle, bladder, bowel, anal or sexual change is recorded in {window}")
    answer = findings.emergency_answer(chart)
    if (order := findings.uncalled_scan(chart)) and not findings.comfort_care(chart):
        return _uncalled(chart, order)
    if answer is not None:
        return suppressed(f"the red flags are answered by {inside(answer.text)} of {answer.when}", Evidence.of(answer))
    residual = findings.newest_number(chart, "post-void-residual", findings.RED_FLAG_WINDOW)
    pains = findings.spinal_pain(chart) if flags.is_bilateral else []
    because = findings.because(chart, *flags.findings, *([residual] if residual else []), *pains)
    if goals:
        return _comfort(chart, NEW_SIGNS, findings.evidence(goals, *because))
    return _emergency(chart, because, residual)


def _emergency(chart: Chart, because: tuple[Evidence, ...], residual: Reading | None) -> Card:
    scan, key = _scan(chart)
    is_whole = key in findings.WHOLE_SPINE_MRI
    wider = is_whole or findings.foot_drop(chart).is_bilateral or findings.umn_signs(chart)
    extent = "lumbosacral spine first, then the whole spine" if wider else "lumbosacral spine first"
    measured = f" {residual.text} ({residual.when})." if residual else ""
    note = f"Suspected cauda equina syndrome. {findings.clinical_note(chart)}{measured}"
    why = findings.reasons(chart, *findings.red_flags(chart).findings)
    first = " Lumbosacral spine first." if is_whole else ""
    imaging = Plan(key=key, priority="stat", note=f"{note}{first}", reasons=why)
    call = Plan(key=findings.CONSULT, priority="stat", note=note, reasons=why)
    bladder = Plan(key="order.bladder-scan", priority="stat", note="Only if it does not delay imaging.", reasons=why)
    region = "whole-spine" if is_whole else "lumbar"
    now = Suggestion(
        label=f"Emergency {region} {scan} and on-call spinal surgery", plans=(imaging, call), is_recommended=True
    )
    if _is_imaged_for_injury(chart):
        now = Suggestion(label="Call on-call spinal surgery now", plans=(call,), is_recommended=True)
    measure = Suggestion(label=f"Bladder scan, if it does not delay {scan}", plans=(bladder,))
    return Card(
        indicator=Indicator.CRITICAL,
        summary=f"Possible cauda equina syndrome with foot drop: emergency {scan} now (within {findings.STAT_HOURS} h "
        "of request) and call on-call spinal surgery.",
        detail=f"{findings.flags_for_reader(chart)}\n\n{scan} of the {extent}. Do not wait for a bladder scan: a "
        "residual under 200 mL does **not** exclude it.",
        because=because,
        suggestions=(now,) if residual else (now, measure),
        one_suggestion_only=False,
    )


def _scan(chart: Chart) -> tuple[str, str]:
    """The method and its order: of the whole spine if that is asked for too, so that one order suffices (D98)."""
    if findings.mr_safety(chart).level == "unsafe":
        return "CT", "order.ct-lumbar"
    grounds = findings.neuraxis_grounds(chart)
    has_contrast = "cancer" in grounds and not chart.problems("condition.pregnancy")
    is_whole = grounds and not chart.is_ordering  # while orders are being written, each region is judged alone (D88)
    return "MRI", findings.WHOLE_SPINE_MRI[has_contrast] if is_whole else "order.mri-lumbar"


def _uncalled(chart: Chart, order: Order) -> Card:
    """D71: the card for a scan that is ordered while the surgeon has not been called."""
    flags, scan = findings.red_flags(chart), "CT" if set(order.keys) & set(findings.SPINE_CT) else "MRI"
    note = f"Suspected cauda equina syndrome; {inside(order.text)} ordered. {findings.clinical_note(chart)}"
    why = findings.reasons(chart, *flags.findings)
    call = Plan(key=findings.CONSULT, priority="stat", note=note, reasons=why)
    return Card(
        indicator=Indicator.WARNING,
        summary=f"Suspected cauda equina: emergency {scan} is ordered; spinal surgery has not been called.",
        detail="Call the on-call spinal surgeon now: the theatre and the transfer are planned while the scan is done.",
        because=findings.because(chart, *flags.findings, order),
        suggestions=(Suggestion(label="Call on-call spinal surgery", plans=(call,), is_recommended=True),),
        is_reminder=True,
    )


def _is_imaged_for_injury(chart: Chart) -> bool:
    """D87: the precautions card ranks above this one and asks for imaging of the injured spine.

    It does not speak while orders are being written.
    """
    is_asked = bool(findings.trauma_path(chart)) and findings.injury_needs_imaging(chart)
    return is_asked and not chart.is_ordering


NEW_SIGNS = (
    "New bladder/saddle signs in a comfort-care patient: decide with senior/palliative team today whether to scan or "
    "palliate."
)
THREATENED = (
    "New cord or cauda equina signs in a comfort-care patient: decide with senior/palliative team today whether to "
    "scan or palliate."
)


def _comfort(chart: Chart, text: str, because: tuple[Evidence, ...]) -> Card:
    signs = [inside(flag.text) for flag in findings.red_flags(chart).findings]
    new = f"New: {listed(signs)}. " if signs else ""
    return Card(
        indicator=Indicator.WARNING,
        summary=text,
        detail=f"{new}No scan is suggested: a catheter and other measures may still relieve.",
        ask="What the patient would want.",
        because=because,
        source=SOURCES["cauda-equina-emergency.comfort-care"],
    )
