"""Spinal injury of the last week, precautions and what clears the spine (decisions D26, D46, D48)."""

from __future__ import annotations

from cards.findings.course import EXAM_WINDOW
from cards.findings.gates import ACUTE_INJURY, CORD_INJURY, TRAUMA
from cards.language.finding import finding
from cards.record.chart import Chart
from cards.record.facts import Order, Problem, Reading
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
    """Spinal precautions that are ordered now; completed ones are over."""
    return next(iter(chart.pending(PRECAUTIONS)), None)


@finding("observation.signs")
def walks(chart: Chart) -> Reading | None:
    """The newest answer to `ambulatory` in 30 d, value True when the patient walks; yes wins a tie."""
    last = newest(chart.readings("ambulatory"), lambda reading: reading.when)
    answer = max(last, key=lambda reading: (reading.value, reading.reference), default=None)
    return answer if answer is not None and chart.within(answer.when, EXAM_WINDOW) else None
