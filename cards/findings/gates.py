"""Known causes that keep the work-up quiet, comfort care, and the trauma path (decisions D19, D23 to D26, D52)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from cards.findings.foot_drop import ACUTE, DROPPED, FootDrop, foot_drop
from cards.findings.pain import new_radicular_pain, radicular_pain
from cards.findings.red_flags import OTHER_CAUSES, lifts_gates
from cards.findings.signs import umn_signs, weak_l5_muscles
from cards.findings.studies import EMG_REPORT, decline, reports_in_episode
from cards.language.escaping import inside
from cards.language.finding import finding
from cards.record.chart import Chart
from cards.record.facts import Fact, Problem, Reading, Report
from cards.record.moments import newest
from cards.record.side import FEET, Side, together

STROKE = "condition.stroke-leg-weakness"
CORD_INJURY = "condition.spinal-cord-injury"
TRAUMA = "condition.spinal-trauma-suspected"
PERONEAL = "condition.peroneal-neuropathy"
COMFORT_CARE = "condition.comfort-care-only"
PERONEAL_LESION = "lesion.peroneal-neuropathy"

ACUTE_INJURY = timedelta(days=7)
CAUSE_BEFORE_ONSET = timedelta(days=14)  # D24: an older known cause does not explain a new foot drop


@finding(COMFORT_CARE)
def comfort_care(chart: Chart) -> Problem | None:
    """Comfort care only, as a Condition (D52)."""
    return chart.problem(COMFORT_CARE)


@finding("observation.spine-stability")
def stability(chart: Chart) -> Reading | None:
    """The newest spine stability, of any age; value True is unstable, which wins a tie."""
    last = newest(chart.readings("spine-stability"), lambda reading: reading.when)
    return max(last, key=lambda reading: (reading.value, reading.reference), default=None)


@finding(TRAUMA, CORD_INJURY, stability)
def trauma_path(chart: Chart) -> Problem | None:
    """D26: spinal trauma <=7 d without documented stability, or cord injury <=7 d; undated is not acute."""
    injuries = chart.problems(CORD_INJURY)
    newest_stability = stability(chart)
    if newest_stability is None or newest_stability.value:
        injuries = [*injuries, *chart.problems(TRAUMA)]
    return next((injury for injury in injuries if chart.within(injury.when, ACUTE_INJURY)), None)


@finding(
    foot_drop,
    lifts_gates,
    decline,
    STROKE,
    CORD_INJURY,
    *OTHER_CAUSES,
    radicular_pain,
    new_radicular_pain,
    umn_signs,
    weak_l5_muscles,
    PERONEAL,
    EMG_REPORT,
    PERONEAL_LESION,
)
def off_gate(chart: Chart) -> tuple[str, Fact] | None:
    """The known cause that silences imaging, surgery, EMG and exam cards: a sentence and its record."""
    if not foot_drop(chart) or lifts_gates(chart) or decline(chart):
        return None
    return _central(chart) or _neuromuscular(chart) or _proven_peroneal(chart)


def _explains(chart: Chart, drop: FootDrop, cause: Problem) -> bool:
    """D24: not when the drop is stated to be new and the cause began over 14 d before it, or at no known date."""
    if drop.onset is None or not chart.within(drop.onset, ACUTE):
        return True
    return cause.when is not None and drop.onset.since(cause.when) <= CAUSE_BEFORE_ONSET


def _central(chart: Chart) -> tuple[str, Fact] | None:
    """D23 (a): every dropped side is covered by a stroke of that side or an old cord injury."""
    if new_radicular_pain(chart):
        return None
    drop = foot_drop(chart)
    causes = [cause for cause in _central_lesions(chart) if _explains(chart, drop, cause)]
    unsided = drop.grades.get(Side.UNKNOWN)
    needs_both = Side.UNKNOWN in drop.sides or (unsided is not None and unsided.value <= DROPPED)
    covered = _covered(causes)
    if not causes or not covered.issuperset(FEET if needs_both else drop.sides):
        return None
    return (
        "a known central lesion of the same side explains the foot drop, without new pain or decline",
        causes[0],
    )


def _central_lesions(chart: Chart) -> list[Problem]:
    old = [injury for injury in chart.problems(CORD_INJURY) if not chart.within(injury.when, ACUTE_INJURY)]
    return [*chart.problems(STROKE), *old]


def _covered(causes: Iterable[Problem]) -> set[Side]:
    return {
        foot for cause in causes for foot in (FEET if CORD_INJURY in cause.keys else cause.side.feet) if foot in FEET
    }


def _neuromuscular(chart: Chart) -> tuple[str, Fact] | None:
    """D23 (b): hereditary neuropathy, motor neurone disease or polyneuropathy, stable."""
    if new_radicular_pain(chart) or umn_signs(chart):
        return None
    drop = foot_drop(chart)
    cause = next((cause for cause in chart.problems(*OTHER_CAUSES) if _explains(chart, drop, cause)), None)
    if cause is None:
        return None
    return f"{inside(cause.text)} is known and stable, without new pain, decline or UMN sign", cause


def _proven_peroneal(chart: Chart) -> tuple[str, Fact] | None:
    """D23 (c): peroneal neuropathy proven by electrodiagnosis, with nothing that points to the root."""
    drop = foot_drop(chart)
    if radicular_pain(chart) or weak_l5_muscles(chart) or drop.is_bilateral or umn_signs(chart):
        return None
    report = proven_by_edx(chart)
    return None if report is None else ("electrodiagnosis has proven a peroneal neuropathy of this side", report)


@finding(foot_drop, EMG_REPORT, PERONEAL_LESION, PERONEAL)
def proven_by_edx(chart: Chart) -> Report | None:
    """D25: an EDX report of this episode with a peroneal lesion of the dropped side.

    A report without side counts when an active peroneal neuropathy covers that side.
    """
    drop = foot_drop(chart)
    coded = together(problem.side for problem in chart.problems(PERONEAL))
    for report in reports_in_episode(chart, [EMG_REPORT]):
        for lesion in report.lesions:
            side = lesion.side.or_else(coded)
            if lesion.key == PERONEAL_LESION and drop and all(side.covers(foot) for foot in drop.sides):
                return report
    return None
