"""A spine documented stable in an inpatient with spinal injury: mobilise."""

from __future__ import annotations

from cards import findings
from cards.language import Card, Indicator, Plan, Suggestion, Verdict, not_applicable, rule, suppressed
from cards.record import Chart, Evidence, Problem, Reading

INPATIENT = frozenset({"IMP", "ACUTE", "NONAC"})
MOBILISATION = ("order.mobilisation-order", "order.physiotherapy-referral")


@rule(
    "early-mobilisation",
    hooks=["patient-view", "problem-list-item-create"],
    reads=["encounter", findings.CORD_INJURY, findings.TRAUMA, findings.stability, *MOBILISATION],
    strength="conditional",
    quality="low: national recommendations by consensus",
    reviewed="2026-11-28",
    version="2.0.0",
    suggests=["order.physiotherapy-referral"],
    overrides=["already-arranged", "findings-disagree", "not-in-goals-of-care", "contraindicated"],
    needs_foot_drop=False,
)
def early_mobilisation(chart: Chart) -> Verdict:
    """Spine documented stable after injury: start graded mobilisation and physiotherapy."""
    injury = chart.problem(findings.CORD_INJURY, findings.TRAUMA)
    if injury is None:
        return _NO_INJURY
    if not chart.has_seen("encounter"):
        return findings.unread("the encounter", "whether this is an inpatient is not known")
    if chart.encounter_class not in INPATIENT:
        return not_applicable("the patient is not recorded as an inpatient")
    cleared = findings.stability(chart)
    if cleared is None:
        return _not_stable(chart)
    if cleared.value:
        return not_applicable(f"the spine is documented unstable ({cleared.when})", Evidence.of(cleared))
    ordered = next((order for order in chart.orders(*MOBILISATION) if findings.is_pending(order)), None)
    if ordered is not None:
        return suppressed("mobilisation or physiotherapy is ordered", Evidence.of(ordered))
    return _card(injury, cleared)


_NO_INJURY = not_applicable("no spinal injury is recorded")


def _not_stable(chart: Chart) -> Verdict:
    stable = (reading for reading in chart.readings("spine-stability") if not reading.value)
    undated = next((reading for reading in stable if reading.when is None), None)
    if undated is not None:
        return findings.undated(undated)
    return not_applicable("the spine is not documented stable; fixation alone is no clearance")


def _card(injury: Problem, cleared: Reading) -> Card:
    plan = Plan(
        key="order.physiotherapy-referral",
        note="Graded mobilisation, spine documented stable.",
        indication=injury.keys[0],
        reasons=findings.references(injury, cleared),
    )
    return Card(
        indicator=Indicator.INFO,
        summary="Spine documented stable: start graded mobilisation and physiotherapy (watch orthostatic pressure).",
        detail="Bed to chair, then standing, with blood pressure checks. Unstable or unknown: keep precautions.",
        because=(Evidence.of(injury), Evidence.of(cleared)),
        suggestions=(Suggestion(label="Physiotherapy for graded mobilisation", plans=(plan,)),),
    )
