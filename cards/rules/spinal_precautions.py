"""Trauma with a neurological deficit and a spine that is not cleared: precautions first, CT then MRI."""

from __future__ import annotations

from datetime import timedelta

from cards.decide import COMFORT_READS
from cards.findings.course import DORSIFLEXION, EXAM_WINDOW, by_foot, newest_grade
from cards.findings.foot_drop import foot_drop
from cards.findings.gates import CORD_INJURY, stability
from cards.findings.injury import acute_cord_injury, acute_injury, precautions
from cards.findings.mr_safety import mr_safety
from cards.findings.pain import back_pain
from cards.findings.phrases import once, references
from cards.findings.signs import WEAK, is_present
from cards.findings.studies import (
    CT_REPORTS,
    MRI_REPORTS,
    SPINE_CT,
    SPINE_MRI,
    counts_as_mri_order,
    is_pending,
)
from cards.language.finding import finding, reads_of
from cards.language.rule import Card, Indicator, Plan, Suggestion, Verdict, answered, rule, silent, unknown
from cards.record.chart import Chart
from cards.record.facts import Evidence, Fact, Order, Problem, Reading, Report

CORD = "Acute cord injury, spine not cleared: full precautions, in-line hold for any airway, CT then MRI now."
WEAK_LEG = (
    "Trauma with leg weakness, spine not cleared: full precautions, in-line hold for any airway, CT then MRI now."
)
WEAK_FOOT = (
    "Trauma with foot weakness, spine not cleared: full precautions, in-line hold for any airway, CT then MRI now."
)
OTHER_DEFICIT = (
    "Spinal trauma with pain or altered sensation, spine not cleared: full precautions, in-line hold for any airway, "
    "CT then MRI now."
)
FOOT_MUSCLES = (
    "mrc-ankle-dorsiflexion",
    "mrc-toe-extension",
    "mrc-eversion",
    "mrc-inversion",
    "mrc-plantar-flexion",
)
MUSCLES = (*FOOT_MUSCLES, "mrc-hip-abduction", "mrc-knee-extension")
FRESH = timedelta(days=7)  # a weakness, and an imaging order, of this injury


@finding(foot_drop, *DORSIFLEXION, back_pain, "observation.signs", acute_cord_injury)
def deficit(chart: Chart) -> list[Fact]:
    """D46: foot drop, a muscle of grade 4 or less in 7 d, back pain, altered sensation, or the coded cord injury."""
    drop = foot_drop(chart)
    found: list[Fact] = [*drop.codes, *drop.readings] if drop else []
    for muscle in MUSCLES:
        grades = (newest_grade(chart, each, FRESH) for each in by_foot(chart.readings(muscle)).values())
        found += [grade for grade in grades if grade is not None and grade.value <= WEAK]
    found += back_pain(chart)
    signs = (is_present(chart, code, EXAM_WINDOW) for code in ("sensation-dorsum-foot", "sensory-level"))
    found += [sign for sign in signs if sign is not None]
    injury = acute_cord_injury(chart)
    return [*found, injury] if injury is not None else found


_NO_INJURY = silent("no spinal injury of the last 7 days is recorded")


@rule(
    "spinal-precautions",
    hooks=["patient-view", "problem-list-item-create", "encounter-discharge"],
    reads=reads_of(
        COMFORT_READS,
        acute_injury,
        stability,
        precautions,
        deficit,
        mr_safety,
        *MRI_REPORTS,
        *CT_REPORTS,
        *SPINE_MRI,
        *SPINE_CT,
    ),
    strength="strong",
    quality="moderate: national guideline; consensus on immobilisation",
    reviewed="2026-11-25",
    version="1.0.0",
    suggests=[
        "order.mr-safety-consult",
        "order.spinal-precautions",
        "order.ct-lumbar",
        "order.mri-whole-spine",
        "order.spine-surgery-consult",
    ],
    overrides=["already-arranged", "findings-disagree", "not-in-goals-of-care"],
    needs_foot_drop=False,
)
def spinal_precautions(chart: Chart) -> Verdict:
    """Spinal trauma with weakness, pain or altered sensation, spine not cleared: full precautions, CT then MRI."""
    injury = acute_injury(chart)
    if injury is None:
        return _NO_INJURY
    cleared = stability(chart)
    if cleared is not None and not cleared.value:
        return answered(f"the spine is documented stable ({cleared.when})", Evidence.of(cleared))
    signs = deficit(chart)
    if not signs:
        undated = [
            each for code in MUSCLES for each in chart.readings(code) if each.value <= WEAK and each.when is None
        ]
        if undated:
            return unknown("a weak muscle is recorded without a date", Evidence.of(undated[0]))
        return silent("no weakness, back pain or altered sensation is recorded with the injury")
    ordered = precautions(chart)
    if ordered is None:
        return _start(chart, injury, signs)
    imaging = _imaging(chart, injury)
    if imaging is not None:
        return answered(
            f"precautions are ordered, and the spine is imaged or to be ({imaging.when})",
            Evidence.of(ordered),
            Evidence.of(imaging),
        )
    return _image(chart, injury, ordered, signs)


def _imaging(chart: Chart, injury: Problem) -> Order | Report | None:
    """A spine MRI or CT ordered in 7 d, or reported since the injury."""
    done = [order for order in chart.orders(*SPINE_CT) if is_pending(order) or order.status == "completed"]
    for order in (*done, *(order for order in chart.orders(*SPINE_MRI) if counts_as_mri_order(chart, order))):
        if chart.within(order.when, FRESH):
            return order
    for report in chart.reports(*MRI_REPORTS, *CT_REPORTS):
        if report.when is not None and injury.when is not None and not injury.when.is_after(report.when):
            return report
    return None


def _start(chart: Chart, injury: Problem, signs: list[Fact]) -> Card:
    why = references(injury, *signs)
    note = "Suspected unstable spinal injury with neurological signs; spine not cleared."
    precaution = Plan(
        key="order.spinal-precautions", priority="stat", note=note, indication=injury.keys[0], reasons=why
    )
    return Card(
        indicator=Indicator.CRITICAL,
        summary=_summary(signs),
        detail="Manual in-line stabilisation during airway procedures when a cervical injury is possible. Keep "
        "precautions until imaging excludes instability; clearance that is not documented is no clearance. Start "
        "skin protection. Penetrating trauma: local policy decides.",
        because=_because(injury, signs),
        changes="Spine stability documented; precautions ordered.",
        suggestions=(
            Suggestion(label="Full spinal precautions", plans=(precaution,), is_recommended=True),
            *_scans(chart, injury, note, why),
        ),
        one_suggestion_only=False,
    )


def _image(chart: Chart, injury: Problem, ordered: Order, signs: list[Fact]) -> Card:
    why = references(injury, *signs)
    return Card(
        indicator=Indicator.WARNING,
        summary="Spinal precautions are on, but no spine imaging is ordered: CT, then MRI for the deficit, to clear or "
        "fix the spine.",
        detail="Precautions last until imaging excludes instability, and nothing else asks for that imaging now.",
        because=once((Evidence.of(ordered), *_because(injury, signs))),
        changes="A spine CT or MRI ordered in the last 7 days or reported since the injury; documented stability.",
        suggestions=_scans(chart, injury, "Spinal injury with neurological signs, precautions on.", why),
        one_suggestion_only=False,
    )


def _scans(chart: Chart, injury: Problem, note: str, why: tuple[str, ...]) -> tuple[Suggestion, ...]:
    def plan(key: str, words: str = note) -> Plan:
        return Plan(key=key, priority="stat", note=words, indication=injury.keys[0], reasons=why)

    ct, mri = plan("order.ct-lumbar"), plan("order.mri-whole-spine", f"{note} After CT.")
    surgeon = Suggestion(label="Spinal surgery consult", plans=(plan("order.spine-surgery-consult"),))
    where = "CT (lumbar unless the injury is higher)"
    if mr_safety(chart).is_hazard:
        call = Suggestion(label="MR safety consultation before any MRI", plans=(plan("order.mr-safety-consult"),))
        return Suggestion(label=f"Stat {where}", plans=(ct,), is_recommended=True), call, surgeon
    return Suggestion(label=f"Stat {where}, then MRI for the deficit", plans=(ct, mri), is_recommended=True), surgeon


def _summary(signs: list[Fact]) -> str:
    """The deficit that is recorded, in the words of the card."""
    codes = {sign.code for sign in signs if isinstance(sign, Reading)}
    keys = {key for sign in signs if isinstance(sign, Problem) for key in sign.keys}
    if codes & set(FOOT_MUSCLES) or "condition.foot-drop" in keys:
        return WEAK_FOOT
    if codes & set(MUSCLES):
        return WEAK_LEG
    return CORD if keys <= {CORD_INJURY} and not codes else OTHER_DEFICIT


def _because(injury: Problem, signs: list[Fact]) -> tuple[Evidence, ...]:
    return once((Evidence.of(injury), *(Evidence.of(sign) for sign in signs)))
