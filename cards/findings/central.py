"""Known disease of the brain or cord: what closes gate (a), and which feet it covers (decisions D23, D26, D75, D77)."""

from __future__ import annotations

import re
from datetime import timedelta

from cards.language.finding import finding
from cards.record.chart import Chart
from cards.record.facts import Problem
from cards.record.side import FEET, Side

STROKE = "condition.stroke-leg-weakness"
CENTRAL_DISEASE = "condition.central-disease"
CORD_INJURY = "condition.spinal-cord-injury"

ACUTE_INJURY = timedelta(days=7)
# Paraplegia and tetraplegia (ICD-10), spastic paraparesis (SNOMED CT): without a date they may be the new problem.
_PARALYSIS = re.compile(r"G82|312444006$")
EVENT = timedelta(days=14)  # D75: a disease known to be this recent is the event, not a known disease


@finding(STROKE, CENTRAL_DISEASE, CORD_INJURY)
def central_lesions(chart: Chart) -> list[Problem]:
    """Strokes and central diseases that are not an event of the last 14 d; cord injuries older than 7 d or undated."""
    diseases = [known for known in chart.problems(STROKE, CENTRAL_DISEASE) if _is_known(chart, known)]
    injuries = [known for known in chart.problems(CORD_INJURY) if not chart.within(known.when, ACUTE_INJURY)]
    return [*diseases, *injuries]


def _is_known(chart: Chart, disease: Problem) -> bool:
    """D75: neither an event of the last 14 d nor paralysis without a date, which may be the event."""
    if disease.when is not None:
        return not chart.within(disease.when, EVENT)
    return STROKE in disease.keys or any(
        key == CENTRAL_DISEASE and not _PARALYSIS.match(code) for key, code in disease.codes
    )


def feet_covered(lesion: Problem) -> tuple[Side, ...]:
    """The feet that a central lesion weakens: that of its side, both for the cord, none if the side is unknown."""
    if {CENTRAL_DISEASE, CORD_INJURY} & set(lesion.keys):
        return FEET
    return tuple(foot for foot in lesion.side.feet if foot in FEET)


@finding(central_lesions)
def feet_of_old_lesions(chart: Chart) -> list[Side]:
    """D77: the feet that a central lesion covers if it is more than 14 d old or has no date."""
    lesions = [lesion for lesion in central_lesions(chart) if not chart.within(lesion.when, EVENT)]
    return [foot for foot in FEET if any(foot in feet_covered(lesion) for lesion in lesions)]
