"""Trauma with a neurological deficit and a spine that is not cleared: precautions first, then CT, then MRI."""

from __future__ import annotations

from cards import findings
from cards.language import SOURCES, Card, Indicator, Plan, Suggestion, Verdict, not_applicable, rule, suppressed
from cards.record import Chart, Evidence, Fact, Order, Problem, Reading


@rule(
    "spinal-precautions",
    hooks=["patient-view", "problem-list-item-create", "encounter-discharge"],
    reads=[findings.acute_injury, findings.stability, findings.precautions, findings.injury_deficit,
           findings.injury_imaging, findings.mr_safety],
    strength="strong", quality="moderate: national guideline; consensus on immobilisation",
    reviewed="2026-11-28", version="2.0.0", needs_foot_drop=False,
    suggests=["order.mr-safety-consult", "order.spinal-precautions", "order.ct-lumbar", "order.mri-whole-spine",
              "order.spine-surgery-consult"],
    overrides=["already-arranged", "findings-disagree", "not-in-goals-of-care"],
)  # fmt: skip
def spinal_precautions(chart: Chart) -> Verdict:
    """Spinal trauma with weakness, pain or altered sensation, spine not cleared: full precautions, CT then MRI."""
    injury = findings.acute_injury(chart)
    if injury is None:
        return _NO_INJURY
    cleared = findings.stability(chart)
    if cleared is not None and not cleared.value:
        return suppressed(f"the spine is documented stable ({cleared.when})", Evidence.of(cleared))
    signs = findings.injury_deficit(chart)
    if not signs:
        return _no_deficit(chart)
    ordered = findings.precautions(chart)
    if ordered is None or ordered.is_draft:
        return _start(chart, injury, signs)
    imaging = findings.injury_imaging(chart)
    if imaging is None:
        return _image(chart, injury, ordered, signs)
    because = (Evidence.of(ordered), Evidence.of(imaging))
    return suppressed(f"precautions are ordered, and the spine is imaged or to be ({imaging.when})", *because)


FOOT_MUSCLES = (
    "mrc-ankle-dorsiflexion",
    "mrc-toe-extension",
    "mrc-eversion",
    "mrc-inversion",
    "mrc-plantar-flexion",
)

_NO_INJURY = not_applicable(f"no spinal injury of the last {findings.ACUTE_INJURY.days} days is recorded")


def _no_deficit(chart: Chart) -> Verdict:
    grades = (grade for muscle in findings.INJURY_MUSCLES for grade in chart.readings(muscle))
    undated = next((grade for grade in grades if grade.value <= findings.WEAK and grade.when is None), None)
    if undated is not None:
        return findings.undated(undated)
    return not_applicable("no weakness, back pain or altered sensation is recorded with the injury")


def _start(chart: Chart, injury: Problem, signs: list[Fact]) -> Card:
    why = findings.references(injury, *signs)
    note = "Suspected unstable spinal injury with neurological signs; spine not cleared."
    precaution = Plan(
        key="order.spinal-precautions", priority="stat", note=note, indication=injury.keys[0], reasons=why
    )
    return Card(
        indicator=Indicator.CRITICAL,
        summary=f"{_named(signs)}, spine not cleared: full precautions, in-line hold for any airway, CT then MRI now.",
        detail="Keep precautions until imaging excludes instability; clearance that is not documented is no clearance. "
        "Start skin protection.",
        because=findings.once(tuple(map(Evidence.of, (injury, *signs)))),
        suggestions=(
            Suggestion(label="Full spinal precautions", plans=(precaution,), is_recommended=True),
            *_scans(chart, injury, note, why),
        ),
        one_suggestion_only=False,
    )


def _named(signs: list[Fact]) -> str:
    """The deficit that is recorded, in the words of the card."""
    codes = {sign.code for sign in signs if isinstance(sign, Reading)}
    keys = {key for sign in signs if isinstance(sign, Problem) for key in sign.keys}
    if codes & set(FOOT_MUSCLES) or "condition.foot-drop" in keys:
        return "Trauma with foot weakness"
    if codes & set(findings.INJURY_MUSCLES):
        return "Trauma with leg weakness"
    is_cord_alone = keys <= {findings.CORD_INJURY} and not codes
    return "Acute cord injury" if is_cord_alone else "Spinal trauma with pain or altered sensation"


def _image(chart: Chart, injury: Problem, ordered: Order, signs: list[Fact]) -> Card:
    why = findings.references(injury, *signs)
    return Card(
        indicator=Indicator.WARNING,
        summary="Spinal precautions are on, but no spine imaging is ordered: CT, then MRI for the deficit, to clear or "
        "fix the spine.",
        detail="Precautions last until imaging excludes instability.",
        because=findings.once(tuple(map(Evidence.of, (ordered, injury, *signs)))),
        source=SOURCES["spinal-precautions.imaging"],
        suggestions=_scans(chart, injury, "Spinal injury with neurological signs, precautions on.", why),
        one_suggestion_only=False,
    )


def _scans(chart: Chart, injury: Problem, note: str, why: tuple[str, ...]) -> tuple[Suggestion, ...]:
    def plan(key: str, words: str = note) -> Plan:
        return Plan(key=key, priority="stat", note=words, indication=injury.keys[0], reasons=why)

    ct, mri = plan("order.ct-lumbar"), plan("order.mri-whole-spine", f"{note} After CT.")
    surgeon = Suggestion(label="Spinal surgery consult", plans=(plan("order.spine-surgery-consult"),))
    where = "CT (lumbar unless the injury is higher)"
    if findings.mr_safety(chart).is_hazard:
        call = Suggestion(label="MR safety consultation before any MRI", plans=(plan("order.mr-safety-consult"),))
        return Suggestion(label=f"Stat {where}", plans=(ct,), is_recommended=True), call, surgeon
    return Suggestion(label=f"Stat {where}, then MRI for the deficit", plans=(ct, mri), is_recommended=True), surgeon
