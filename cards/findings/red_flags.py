"""Cauda equina red flags and the pain of cancer or infection (decisions D10, D18, D19, D22)."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from cards.findings.foot_drop import foot_drop, is_acute
from cards.findings.pain import back_pain, spinal_pain
from cards.findings.signs import is_present
from cards.findings.studies import emergency_imaging_done, imaging_done
from cards.language.finding import finding
from cards.record.chart import Chart
from cards.record.facts import Fact, Problem, Report
from cards.record.moments import Latest, Moment, newest

RED_FLAG_WINDOW = timedelta(days=14)  # BMJ Best Practice (E1): new or worse within 14 days

# The finding, and the Condition of the same meaning; anal tone has no Condition.
FLAGS = {
    "saddle-sensation": "condition.saddle-sensory-loss",
    "bladder-dysfunction": "condition.bladder-dysfunction",
    "bowel-dysfunction": "condition.bowel-dysfunction",
    "anal-tone": None,
    "sexual-dysfunction": "condition.sexual-dysfunction",
}
CODED_SYNDROME = "condition.cauda-equina-syndrome"
OTHER_CAUSES = (
    "condition.hereditary-neuropathy",
    "condition.motor-neurone-disease",
    "condition.polyneuropathy",
)
CANCER_OR_INFECTION = ("condition.cancer-active", "condition.spinal-infection-risk")
_CODED = tuple(key for key in FLAGS.values() if key)


class RedFlags(Struct, frozen=True):
    """What raises the suspicion of cauda equina compression.

    `findings` are the new flags; `is_bilateral` says that both feet dropped acutely with pain, a flag of
    its own whose date is the onset. `newest` is the date that a study must be newer than; one without a
    date (`has_undated`) no study is known to be newer than.
    """

    findings: tuple[Fact, ...]
    is_bilateral: bool
    newest: Moment | None
    has_undated: bool = False

    def __bool__(self) -> bool:
        return bool(self.findings) or self.is_bilateral


@finding(foot_drop, *OTHER_CAUSES, imaging_done)
def acute_bilateral(chart: Chart) -> bool:
    """D10: foot drop on both sides, acute, or of unknown onset without another cause or finished imaging."""
    return _is_acute_bilateral(chart, imaging_done(chart))


def _is_acute_bilateral(chart: Chart, done: Report | None) -> bool:
    drop = foot_drop(chart)
    if not drop.is_bilateral or not is_acute(chart, drop):
        return False
    return drop.onset is not None or not (chart.problems(*OTHER_CAUSES) or done)


@finding(foot_drop, "observation.signs", *_CODED, CODED_SYNDROME, *OTHER_CAUSES, emergency_imaging_done, spinal_pain)
def red_flags(chart: Chart) -> RedFlags:
    """D18: new saddle, bladder, bowel, anal or sexual change, the coded syndrome, or acute painful bilateral drop."""
    flags: list[Fact] = []
    for code, coded in FLAGS.items():
        answer = is_present(chart, code, RED_FLAG_WINDOW)
        problems = chart.problems(coded) if coded else []
        if answer is not None and not _is_chronic(chart, code, problems):
            flags.append(answer)
        flags += [problem for problem in problems if chart.within(problem.when, RED_FLAG_WINDOW)]
    done = emergency_imaging_done(chart)
    flags += [problem for problem in chart.problems(CODED_SYNDROME) if _is_new_syndrome(chart, problem, done)]
    bilateral = _is_acute_bilateral(chart, done) and bool(spinal_pain(chart))
    dates = [flag.when for flag in flags] + ([foot_drop(chart).onset] if bilateral else [])
    last = newest(dates, lambda when: when)
    return RedFlags(tuple(flags), bilateral, last[0] if last else None, None in dates)


def _is_new_syndrome(chart: Chart, problem: Problem, done: Report | None) -> bool:
    return not done if problem.when is None else chart.within(problem.when, RED_FLAG_WINDOW)


def _is_chronic(chart: Chart, flag: str, problems: list[Problem]) -> bool:
    """Coded with onset >14 d, and never recorded normal after that onset."""
    normal = Latest.of(answer.when for answer in chart.readings(flag) if not answer.value)
    return any(
        problem.when is not None and chart.age_of(problem.when) > RED_FLAG_WINDOW and not normal.is_after(problem.when)
        for problem in problems
    )


@finding(*CANCER_OR_INFECTION, back_pain)
def cancer_or_infection_with_back_pain(chart: Chart) -> list[Problem]:
    """Active cancer or a risk of spinal infection, with back pain; empty without back pain."""
    return chart.problems(*CANCER_OR_INFECTION) if back_pain(chart) else []


@finding(foot_drop, red_flags, cancer_or_infection_with_back_pain)
def lifts_gates(chart: Chart) -> bool:
    """D19: a red flag that lifts every off-gate."""
    return bool(foot_drop(chart)) and bool(red_flags(chart) or cancer_or_infection_with_back_pain(chart))


@finding("observation.signs", *_CODED)
def undated_flags(chart: Chart) -> list[Fact]:
    """Red flags that would count but for their date: they lie in no window (D2)."""
    undated: list[Fact] = [
        answer for flag in FLAGS for answer in chart.readings(flag) if answer.value and answer.when is None
    ]
    return undated + [problem for problem in chart.problems(*_CODED) if problem.when is None]
