"""Spinal injury of the last week, spinal precautions, and what clears the spine (decisions D26, D46, D48)."""

from __future__ import annotations

from datetime import timedelta

from cards.findings.central import ACUTE_INJURY, CORD_INJURY
from cards.findings.course import DORSIFLEXION, EXAM_WINDOW, by_foot, newest_grade
from cards.findings.foot_drop import foot_drop
from cards.findings.gates import TRAUMA, stability
from cards.findings.pain import back_pain
from cards.findings.signs import WEAK, is_present
from cards.findings.studies import CT_REPORTS, MRI_REPORTS, SPINE_CT, SPINE_MRI, counts_as_mri_order
from cards.language.finding import finding
from cards.record.chart import Chart
from cards.record.facts import Fact, Order, Problem, Reading, Report
from cards.record.moments import newest

PRECAUTIONS = "order.spinal-precautions"


@finding(CORD_INJURY)
def acute_cord_injury(chart: Chart) -> Problem | None:
    """The newest cord injury of the last 7 d; an undated one is not acute."""
    return _latest([injury for injury in chart.problems(CORD_INJURY) if chart.within(injury.when, ACUTE_INJURY)])


@finding(CORD_INJURY, TRAUMA)
def acute_injury(chart: Chart) -> Problem | None:
    """The newest suspected spinal trauma or cord injury of the last 7 d."""
    injuries = chart.problems(CORD_INJURY, TRAUMA)
    return _latest([injury for injury in injuries if chart.within(injury.when, ACUTE_INJURY)])


def _latest(injuries: list[Problem]) -> Problem | None:
    last = newest(injuries, lambda injury: injury.when)
    return min(last, key=lambda injury: injury.reference, default=None)


@finding(PRECAUTIONS)
def precautions(chart: Chart) -> Order | None:
    """Spinal precautions that are ordered now, a signed order before a draft; completed ones are over."""
    return min(chart.pending(PRECAUTIONS), key=lambda order: order.is_draft, default=None)


INJURY_MUSCLES = (
    "mrc-ankle-dorsiflexion",
    "mrc-toe-extension",
    "mrc-eversion",
    "mrc-inversion",
    "mrc-plantar-flexion",
    "mrc-hip-abduction",
    "mrc-knee-extension",
)
FRESH = timedelta(days=7)  # weakness or an imaging order this recent belongs to this injury


@finding(foot_drop, *DORSIFLEXION, back_pain, "observation.signs", acute_cord_injury)
def injury_deficit(chart: Chart) -> list[Fact]:
    """D46: foot drop, a muscle of grade 4 or less in 7 d, back pain, altered sensation, or the coded cord injury."""
    drop = foot_drop(chart)
    signs: list[Fact | None] = [*drop.codes, *drop.readings] if drop else []
    for muscle in INJURY_MUSCLES:
        for readings in by_foot(chart.readings(muscle)).values():
            grade = newest_grade(chart, readings, FRESH)
            signs.append(grade if grade is not None and grade.value <= WEAK else None)
    signs += back_pain(chart)
    signs += [is_present(chart, code, EXAM_WINDOW) for code in ("sensation-dorsum-foot", "sensory-level")]
    return [sign for sign in (*signs, acute_cord_injury(chart)) if sign is not None]


@finding(acute_injury, *SPINE_CT, *SPINE_MRI, *MRI_REPORTS, *CT_REPORTS)
def injury_imaging(chart: Chart) -> Order | Report | None:
    """A spine MRI or CT ordered in 7 d, or reported since the newest injury."""
    injury, cts, mris = acute_injury(chart), chart.orders(*SPINE_CT), chart.orders(*SPINE_MRI)
    orders = [order for order in cts if order.is_placed]
    orders += [order for order in mris if counts_as_mri_order(chart, order)]
    for order in orders:
        if chart.within(order.when, FRESH):
            return order
    for report in chart.reports(*MRI_REPORTS, *CT_REPORTS):
        if injury and report.when is not None and injury.when is not None and not injury.when.is_after(report.when):
            return report
    return None


@finding(acute_injury, stability, injury_deficit, precautions, injury_imaging)
def injury_needs_imaging(chart: Chart) -> bool:
    """Whether the precautions card asks for imaging: a deficit, spine not cleared, precautions or imaging lacking."""
    cleared = stability(chart)
    is_unstable = acute_injury(chart) is not None and (cleared is None or bool(cleared.value))
    ordered = precautions(chart)
    is_answered = ordered is not None and not ordered.is_draft and injury_imaging(chart) is not None
    return is_unstable and bool(injury_deficit(chart)) and not is_answered


@finding("observation.signs")
def walks(chart: Chart) -> Reading | None:
    """The newest answer to `ambulatory` in 30 d; its value is True if the patient walks, which wins a tie."""
    last = newest(chart.readings("ambulatory"), lambda reading: reading.when)
    answer = max(last, key=lambda reading: (reading.value, reading.reference), default=None)
    return answer if answer is not None and chart.within(answer.when, EXAM_WINDOW) else None
