"""Yes/no findings, upper motor neurone signs, and the L5 and peripheral patterns (decisions D4, D20, D21)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from cards.findings.course import DORSIFLEXION, EXAM_WINDOW, by_foot, lowest_within
from cards.findings.foot_drop import FULL_STRENGTH, foot_drop
from cards.findings.pain import back_pain, radicular_pain
from cards.language.finding import finding
from cards.record.chart import Chart
from cards.record.facts import Fact, Reading
from cards.record.moments import newest
from cards.record.side import FEET, Side

UMN_SIGNS = ("babinski", "clonus", "hyperreflexia", "spasticity", "sensory-level")
UMN_PROBLEMS = ("condition.spasticity", "condition.hyperreflexia")
UMN_RECORDED = timedelta(days=7)
L5_MUSCLES = ("mrc-inversion", "mrc-hip-abduction")
WEAK = 4  # grade 4 or less


_NONE: dict[Side, list[Reading]] = {}  # never changed in place


def _newest(chart: Chart, finding_code: str) -> dict[Side, list[Reading]]:
    """The newest readings of each side, regardless of the window; several if they have the same time."""
    recorded = chart.readings(finding_code)
    if not recorded:
        return _NONE  # nearly every finding of nearly every chart
    return chart.once(
        (_newest, finding_code),
        lambda: {side: newest(series, lambda reading: reading.when) for side, series in by_foot(recorded).items()},
    )


def newest_answers(chart: Chart, finding_code: str, window: timedelta) -> dict[Side, Reading]:
    """The newest valid answer of each side, if in the window; the abnormal one of several at the same time."""
    answers: dict[Side, Reading] = {}
    for side, last in _newest(chart, finding_code).items():
        if any(chart.within(reading.when, window) for reading in last):
            answers[side] = max(last, key=lambda reading: (reading.value, reading.reference))
    return answers


def newest_abnormal(chart: Chart, finding_code: str, window: timedelta) -> list[Reading]:
    """Every newest answer in the window, on any side, that is abnormal; all of them if several have the same time."""
    abnormal: dict[int, Reading] = {}
    for last in _newest(chart, finding_code).values():
        if any(chart.within(reading.when, window) for reading in last):
            abnormal |= {id(reading): reading for reading in last if reading.value}
    return list(abnormal.values())


def is_present(chart: Chart, finding_code: str, window: timedelta) -> Reading | None:
    """The newest answer in the window if it says present, on any side."""
    answers = newest_answers(chart, finding_code, window).values()
    return next((answer for answer in answers if answer.value), None)


@finding("observation.signs", *UMN_PROBLEMS)
def umn_signs(chart: Chart) -> list[Fact]:
    """Upper motor neurone signs: present in 30 d on either side, or coded spasticity or hyperreflexia."""
    signs = [sign for code in UMN_SIGNS if (sign := is_present(chart, code, EXAM_WINDOW))]
    return [*signs, *chart.problems(*UMN_PROBLEMS)]


@finding("observation.signs")
def umn_answered(chart: Chart) -> bool:
    """Whether at least one of the five signs was answered in 7 d."""
    return any(newest_answers(chart, code, UMN_RECORDED) for code in UMN_SIGNS)


@finding(umn_signs, umn_answered)
def umn_recorded_absent(chart: Chart) -> bool:
    """Whether none is present and at least one was answered in 7 d."""
    return not umn_signs(chart) and umn_answered(chart)


def grades_on(
    chart: Chart, muscle: str, sides: Iterable[Side], window: timedelta = EXAM_WINDOW
) -> list[Reading | None]:
    """The newest grade of a muscle in the window for each of these sides; None if it is not recorded."""
    newest_ones = _newest(chart, muscle)
    return [lowest_within(chart, newest_ones.get(side, []), window) for side in sides]


def _touches(side: Side, dropped: tuple[Side, ...]) -> bool:
    """Whether a finding of this side may be on a dropped side: it is not known to be only on the other one."""
    return side not in FEET or Side.UNKNOWN in dropped or side in dropped


@finding(foot_drop, *DORSIFLEXION)
def weak_l5_muscles(chart: Chart) -> list[Reading]:
    """Inversion or hip abduction of grade 4 or less on a dropped side."""
    sides = foot_drop(chart).sides
    grades = [grade for muscle in L5_MUSCLES for grade in grades_on(chart, muscle, sides)]
    return [grade for grade in grades if grade is not None and grade.value <= WEAK]


@finding(foot_drop, "observation.signs")
def positive_slr(chart: Chart) -> Reading | None:
    """Straight leg raise positive in 30 d, unless it is known to be on the other side only."""
    dropped = foot_drop(chart).sides
    answers = newest_answers(chart, "slr", EXAM_WINDOW)
    return next((answer for side, answer in answers.items() if answer.value and _touches(side, dropped)), None)


@finding(foot_drop, weak_l5_muscles, radicular_pain, positive_slr)
def l5_pattern(chart: Chart) -> list[Fact]:
    """What points to the L5 root: weak inversion or hip abduction, radicular pain, or a positive SLR."""
    dropped = foot_drop(chart).sides
    slr = positive_slr(chart)
    pains = [pain for pain in radicular_pain(chart) if _touches(pain.side, dropped)]
    return [*weak_l5_muscles(chart), *pains, *([slr] if slr else [])]


@finding(foot_drop, *DORSIFLEXION, radicular_pain, back_pain, umn_signs, "observation.signs")
def peripheral_pattern(chart: Chart) -> list[Reading]:
    """Inversion and hip abduction 5 on every dropped side, without pain, UMN sign or positive SLR.

    The grades that show it; empty if the pattern is not complete.
    """
    sides = foot_drop(chart).sides
    grades = [grade for muscle in L5_MUSCLES for grade in grades_on(chart, muscle, sides)]
    full = [grade for grade in grades if grade is not None and grade.value == FULL_STRENGTH]
    if not full or len(full) < len(grades):
        return []
    # A raise that hurts on the other side only (crossed) still speaks against the peroneal nerve.
    raised = is_present(chart, "slr", EXAM_WINDOW)
    contrary = radicular_pain(chart) or back_pain(chart) or umn_signs(chart) or raised
    return [] if contrary else full
