"""Why the lumbar spine may not explain a foot drop, and how loud each ground is (D30, D31, D66, D70, D76, D83)."""

from __future__ import annotations

from datetime import timedelta

from cards.findings.course import EXAM_WINDOW
from cards.findings.foot_drop import foot_drop
from cards.findings.gates import is_new_in_central_disease, off_gate, trauma_path
from cards.findings.lumbar_need import needs_same_day_mri
from cards.findings.pain import radicular_pain, spinal_pain
from cards.findings.prescribing import is_child
from cards.findings.protocol import SURGERY
from cards.findings.red_flags import acute_bilateral, cancer_or_infection, cancer_or_infection_with_pain, red_flags
from cards.findings.signs import is_present, l5_pattern, peripheral_pattern, umn_recorded_absent, umn_signs
from cards.findings.studies import decline, is_urgent, whole_spine_done, whole_spine_orders
from cards.findings.surgical_answers import unanswered_emergencies
from cards.findings.urgency import is_emergency
from cards.language.finding import finding
from cards.language.verdict import Indicator
from cards.record.chart import Chart
from cards.record.facts import Fact, Problem
from cards.record.side import FEET

ACUTE_STROKE = "condition.stroke-acute"
SUDDEN = timedelta(days=1)
AFTER_OPERATION = timedelta(days=14)
ADOLESCENT = 12  # years: from this age disc disease is a cause in its own right


@finding(
    "patient",
    umn_signs,
    umn_recorded_absent,
    is_new_in_central_disease,
    cancer_or_infection_with_pain,
    is_child,
    acute_bilateral,
    spinal_pain,
    is_emergency,
    decline,
    l5_pattern,
    peripheral_pattern,
    needs_same_day_mri,
)
def neuraxis_grounds(chart: Chart) -> dict[str, Indicator]:
    """The grounds that hold for imaging the whole spine, with their tiers: umn, cancer, child, bilateral, rapid."""
    grounds = {}
    if umn_signs(chart):
        is_known = is_new_in_central_disease(chart)  # the signs may be those of the known disease
        grounds["umn"] = Indicator.WARNING if is_known else Indicator.CRITICAL
    if cancer_or_infection_with_pain(chart):
        grounds["cancer"] = Indicator.CRITICAL
    if is_child(chart) and not _is_of_an_adolescent(chart):  # Chiari, syrinx, tethered cord before disc (E42 to E44)
        grounds["child"] = Indicator.CRITICAL if decline(chart) else Indicator.WARNING
    if acute_bilateral(chart):
        grounds["bilateral"] = _of_both_feet(chart)
    if decline(chart) and not (l5_pattern(chart) and umn_recorded_absent(chart)):
        grounds["rapid"] = Indicator.CRITICAL if needs_same_day_mri(chart) else Indicator.WARNING
    return grounds


def _is_of_an_adolescent(chart: Chart) -> bool:
    """D83: from 12 years, an L5 root or complete peripheral pattern without cord signs counts as in an adult."""
    if chart.age is None or chart.age < ADOLESCENT or umn_signs(chart):
        return False
    return bool(l5_pattern(chart) or radicular_pain(chart) or peripheral_pattern(chart))


def _of_both_feet(chart: Chart) -> Indicator:
    """D30, D77: critical if painless and of known onset; a warning alongside the emergency card.

    While orders are being written, the whole spine is judged on its own (D88).
    """
    has_card = is_emergency(chart) and not chart.is_ordering
    is_uncertain = spinal_pain(chart) or has_card or foot_drop(chart).onset is None
    return Indicator.WARNING if is_uncertain else Indicator.CRITICAL


@finding(
    neuraxis_grounds,
    umn_signs,
    cancer_or_infection_with_pain,
    whole_spine_done,
    whole_spine_orders,
    trauma_path,
    off_gate,
    foot_drop,
    unanswered_emergencies,
)
def cord_threats(chart: Chart) -> list[Fact]:
    """D66: the records of cord signs, cancer or infection, or both feet, if critical by their own tier and unanswered.

    Also the reports of a compressed cord or cauda equina, or a destroyed spine, that surgery has not answered.
    """
    drop, grounds = foot_drop(chart), neuraxis_grounds(chart)
    behind: dict[str, list[Fact]] = {
        "umn": umn_signs(chart),
        "cancer": [*cancer_or_infection_with_pain(chart)],
        "bilateral": [*drop.codes, *drop.readings],
    }
    critical = [ground for ground in behind if grounds.get(ground) is Indicator.CRITICAL]
    ordered = any(is_urgent(order) and order.is_signed for order in whole_spine_orders(chart))
    is_answered = ordered or whole_spine_done(chart) or trauma_path(chart) or off_gate(chart)
    signs = [] if is_answered else [fact for ground in critical for fact in behind[ground]]
    return [*signs, *unanswered_emergencies(chart)]


@finding(ACUTE_STROKE)
def acute_stroke(chart: Chart) -> Problem | None:
    """A stroke of the last 14 d (D70)."""
    return chart.problem(ACUTE_STROKE)


@finding(foot_drop, umn_signs, spinal_pain, cancer_or_infection, red_flags, *SURGERY, "observation.signs")
def points_to_brain(chart: Chart) -> bool:
    """D70: one foot drops and nothing points to the spine: no pain, sensory level, cancer, red flag or operation."""
    operated = any(chart.within(operation.when, AFTER_OPERATION) for operation in chart.procedures(*SURGERY))
    level = is_present(chart, "sensory-level", EXAM_WINDOW)
    spinal = spinal_pain(chart) or level or cancer_or_infection(chart) or red_flags(chart) or operated
    return foot_drop(chart).side in FEET and not spinal


@finding(foot_drop)
def is_sudden(chart: Chart) -> bool:
    """Whether the onset is stated and at most 1 d ago."""
    onset = foot_drop(chart).onset
    stated = (code.when for code in foot_drop(chart).codes if not code.is_recorded)
    return onset is not None and chart.within(onset, SUDDEN) and onset in stated
