"""Cauda equina syndrome with foot drop: emergency MRI and the on-call surgeon."""

from __future__ import annotations

from cards import findings
from cards.language import (
    Card,
    Indicator,
    Plan,
    Suggestion,
    Verdict,
    could_not_evaluate,
    not_applicable,
    rule,
    suppressed,
)
from cards.language.escaping import inside, listed
from cards.record import Chart, Evidence, Reading

CONFIRMED = "If compression is confirmed: decompression referral, day or night."
VOLUME = (
    "A post-void residual of 200 mL or more supports the diagnosis; less does **not** exclude it. "
    "Do not wait for a bladder scan or a rectal examination."
)


@rule(
    "cauda-equina-emergency",
    hooks=["patient-view", "problem-list-item-create", "encounter-discharge"],
    reads=[
        findings.comfort_care,
        findings.spinal_pain,
        "observation.pvr-ml",
        findings.red_flags,
        findings.undated_flags,
        findings.emergency_answer,
        findings.umn_signs,
        "patient",
    ],
    strength="strong",
    quality="moderate: national pathway and consensus; missed-case reports",
    reviewed="2026-11-25",
    version="1.0.0",
    suggests=["order.mri-lumbar", "order.spine-surgery-consult", "order.bladder-scan"],
    overrides=["already-arranged", "findings-disagree", "not-in-goals-of-care", "reassess-within-24-hours"],
)
def cauda_equina_emergency(chart: Chart) -> Verdict:
    """Foot drop with a new cauda equina red flag: emergency MRI within 4 hours, and call the spinal surgeon.

    Most of these scans will be negative, and that is accepted: a missed compression is not undone.
    """
    flags = findings.red_flags(chart)
    if not flags:
        if undated := findings.undated_flags(chart):
            return could_not_evaluate(
                f"{inside(undated[0].text)} has no date: it lies in no window", Evidence.of(undated[0])
            )
        return not_applicable("no new saddle, bladder, bowel, anal or sexual change is recorded in 14 days")
    answer = findings.emergency_answer(chart)
    if answer is not None:
        return suppressed(f"the red flags are answered by {inside(answer.text)} of {answer.when}", Evidence.of(answer))
    residual = findings.newest_number(chart, "post-void-residual", findings.RED_FLAG_WINDOW)
    pains = findings.spinal_pain(chart) if flags.is_bilateral else []
    facts = [*([residual] if residual else []), *pains]
    because = findings.once(
        (*findings.flag_evidence(flags), *(Evidence.of(fact) for fact in facts), *findings.drop_because(chart))
    )
    if goals := findings.comfort_care(chart):
        return _comfort(chart, findings.once((Evidence.of(goals), *because)))
    return _emergency(chart, because, residual)


def _emergency(chart: Chart, because: tuple[Evidence, ...], residual: Reading | None) -> Card:
    wider = findings.foot_drop(chart).is_bilateral or findings.umn_signs(chart)
    extent = "lumbosacral spine first, then the whole spine" if wider else "lumbosacral spine first"
    measured = f" {residual.text} mL ({residual.when})." if residual else ""
    note = f"Suspected cauda equina syndrome. {findings.clinical_note(chart)}{measured}"
    why = findings.reasons(chart, *findings.red_flags(chart).findings)
    scan = Plan(key="order.mri-lumbar", priority="stat", note=note, reasons=why)
    call = Plan(key="order.spine-surgery-consult", priority="stat", note=note, reasons=why)
    bladder = Plan(key="order.bladder-scan", priority="stat", note="Only if it does not delay MRI.", reasons=why)
    return Card(
        indicator=Indicator.CRITICAL,
        summary="Possible cauda equina syndrome with foot drop: emergency MRI now (within 4 h of request) "
        "and call on-call spinal surgery.",
        detail=f"{findings.flags_for_reader(chart)}\n\nMRI of the {extent}. {VOLUME} {CONFIRMED} "
        "MRI unsafe: CT or CT myelogram, with the same urgency.",
        because=because,
        changes="A spine MRI or CT reported after the newest red flag, or a stat request of the last 4 hours.",
        suggestions=(
            Suggestion(
                label="Emergency lumbar MRI and on-call spinal surgery",
                plans=(scan, call),
                is_recommended=True,
            ),
            *(() if residual else (Suggestion(label="Bladder scan, if it does not delay MRI", plans=(bladder,)),)),
        ),
        one_suggestion_only=False,
    )


def _comfort(chart: Chart, because: tuple[Evidence, ...]) -> Card:
    signs = (
        listed([inside(flag.text) for flag in findings.red_flags(chart).findings])
        or "foot drop on both sides with pain"
    )
    return Card(
        indicator=Indicator.WARNING,
        summary="New bladder/saddle signs in a comfort-care patient: decide with senior/palliative team today "
        "whether to scan or palliate.",
        detail=f"New: {signs}. Comfort care is recorded, so no scan is suggested: a catheter and "
        "other measures may still relieve. Ask what the patient would want.",
        because=because,
        changes="Other goals of care, or a study newer than the signs.",
    )
