"""Cauda equina red flags and the pain of cancer or infection (decisions D10, D18, D19, D22, D74, D77)."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from cards.findings.central import feet_of_old_lesions
from cards.findings.course import dorsiflexion
from cards.findings.foot_drop import ACUTE, CHRONIC, DROPPED, FootDrop, foot_drop, is_acute, is_older_than
from cards.findings.pain import NEW_PAIN, spinal_pain
from cards.findings.signs import newest_abnormal, newest_answers
from cards.findings.studies import CT_REPORTS, MRI_REPORTS, emergency_imaging_done, imaging_done
from cards.language.finding import finding
from cards.record.chart import Chart
from cards.record.facts import Fact, Problem, Reading, Report
from cards.record.moments import Latest, Moment, newest
from cards.record.side import FEET, Side

RED_FLAG_WINDOW = timedelta(days=14)  # BMJ Best Practice (E1): new or worse within 14 days

# The finding -> the Condition with the same meaning; anal tone has none.
FLAGS = {
    "saddle-sensation": "condition.saddle-sensory-loss",
    "bladder-dysfunction": "condition.bladder-dysfunction",
    "bowel-dysfunction": "condition.bowel-dysfunction",
    "anal-tone": None,
    "sexual-dysfunction": "condition.sexual-dysfunction",
}
SCREEN = ("saddle-sensation", "bladder-dysfunction", "bowel-dysfunction")  # D72
SCREEN_WINDOW = timedelta(days=7)
CODED_SYNDROME = "condition.cauda-equina-syndrome"
MOTOR_NEURONE = "condition.motor-neurone-disease"
OTHER_CAUSES = ("condition.hereditary-neuropathy", MOTOR_NEURONE, "condition.polyneuropathy")
INFECTION = "condition.spinal-infection-risk"
CANCER_OR_INFECTION = ("condition.cancer-active", INFECTION)
PAST_CANCER = "condition.cancer-history"
_CODED = tuple(key for key in FLAGS.values() if key)


class RedFlags(Struct, frozen=True):
    """What raises the suspicion of cauda equina compression.

    `findings` are the new flags; `is_bilateral` says that both feet dropped acutely with pain, a separate flag
    whose date is the onset. `newest` holds the dates that a study must be newer than, for every side of a finding.
    If a flag has no date (`has_undated`), no study is known to be newer.
    """

    findings: tuple[Fact, ...]
    is_bilateral: bool
    newest: Latest
    has_undated: bool = False

    def __bool__(self) -> bool:
        return bool(self.findings) or self.is_bilateral

    def precede(self, study: Moment | None) -> bool:
        """D22: whether a study is strictly newer than every flag."""
        is_dated = bool(self) and not self.has_undated and study is not None
        return is_dated and study is not None and self.newest.is_before(study)


@finding(foot_drop, *OTHER_CAUSES, feet_of_old_lesions, imaging_done)
def acute_bilateral(chart: Chart) -> bool:
    """D10: foot drop on both sides, acute, or of unknown onset without another cause or finished imaging.

    A foot that an old central lesion covers does not count as one of the two. The drop is not acute either if every
    foot of unknown onset is known to have been weak for over 14 d (D77).
    """
    return _is_acute_bilateral(chart, imaging_done(chart))


def _is_acute_bilateral(chart: Chart, done: Report | None) -> bool:
    drop = foot_drop(chart)
    if not drop.is_bilateral or not is_acute(chart, drop) or any(_is_explained(chart, foot) for foot in FEET):
        return False
    return drop.onset is not None or not (chart.problems(*OTHER_CAUSES) or done or _is_old(chart, drop))


def _is_explained(chart: Chart, foot: Side) -> bool:
    """D77: an old central lesion covers this foot and no code says that it dropped in the last 14 d."""
    codes = (code for code in foot_drop(chart).codes if _dates(code, foot))
    return foot in feet_of_old_lesions(chart) and not any(chart.within(code.when, ACUTE) for code in codes)


def _is_old(chart: Chart, drop: FootDrop) -> bool:
    """D77: every foot without a known onset was weak, or coded, more than 14 d ago."""
    undated = [foot for foot in FEET if not any(code.when and _dates(code, foot) for code in drop.codes)]
    return all(any(chart.age_of(when) > ACUTE for when in _weak_since(chart, foot)) for foot in undated)


def _weak_since(chart: Chart, foot: Side) -> list[Moment]:
    """The moments at which this foot was graded 3 or less or coded as dropped."""
    grades = [grade.when for grade in dorsiflexion(chart).get(foot, ()) if grade.value <= DROPPED]
    codes = [code.when for code in chart.problems("condition.foot-drop") if _dates(code, foot)]
    return [when for when in (*grades, *codes) if when is not None]


def _dates(code: Problem, foot: Side) -> bool:
    """Whether a foot-drop code dates this foot; a code without a side dates both."""
    return code.side is Side.UNKNOWN or code.side.covers(foot)


@finding(
    foot_drop,
    "observation.signs",
    *_CODED,
    CODED_SYNDROME,
    *OTHER_CAUSES,
    feet_of_old_lesions,
    emergency_imaging_done,
    spinal_pain,
)
def red_flags(chart: Chart) -> RedFlags:
    """D18: new saddle, bladder, bowel, anal or sexual change, the coded syndrome, or acute painful bilateral drop."""
    flags: list[Fact] = []
    dates: list[Moment | None] = []
    for code in FLAGS:
        if answers := _new_answers(chart, code):
            dates += [answer.when for answer in answers]
            last = newest(answers, lambda answer: answer.when)
            flags += sorted(last, key=lambda answer: answer.reference)[-1:]
        flags += _new_problems(chart, code)
    done = emergency_imaging_done(chart)
    flags += [problem for problem in chart.problems(CODED_SYNDROME) if _is_new_syndrome(chart, problem, done)]
    bilateral = _is_acute_bilateral(chart, done) and bool(spinal_pain(chart))
    dates += [flag.when for flag in flags] + ([foot_drop(chart).onset] if bilateral else [])
    return RedFlags(tuple(flags), bilateral, Latest.of(dates), None in dates)


def _new_answers(chart: Chart, flag: str) -> list[Reading]:
    """The newest answers to an item, by side, that are abnormal and new and not an unchanged chronic state."""
    answers = newest_abnormal(chart, flag, RED_FLAG_WINDOW)
    coded = FLAGS[flag]
    return [] if answers and coded and _is_chronic(chart, flag, chart.problems(coded)) else answers


def _new_problems(chart: Chart, flag: str) -> list[Problem]:
    """The Conditions with the same meaning whose onset is equally new."""
    coded = FLAGS[flag]
    problems = chart.problems(coded) if coded else []
    return [problem for problem in problems if chart.within(problem.when, RED_FLAG_WINDOW)]


def _is_new_syndrome(chart: Chart, problem: Problem, done: Report | None) -> bool:
    return not done if problem.when is None else chart.within(problem.when, RED_FLAG_WINDOW)


def _is_chronic(chart: Chart, flag: str, problems: list[Problem], before: Moment | None = None) -> bool:
    """Coded with onset >14 d before that moment (default: now), and never recorded as normal after that onset."""
    end = before or chart.clock.moment
    normal = Latest.of(answer.when for answer in chart.readings(flag) if not answer.value)
    return any(
        problem.when is not None and end.since(problem.when) > RED_FLAG_WINDOW and not normal.is_after(problem.when)
        for problem in problems
    )


@finding(PAST_CANCER, foot_drop, spinal_pain)
def past_cancer(chart: Chart) -> list[Problem]:
    """D74: past cancer counts unless the drop is known to be over 84 d old and no pain is known to be new."""
    past = chart.problems(PAST_CANCER)
    if past and is_older_than(chart, foot_drop(chart), CHRONIC):
        return past if any(chart.within(pain.when, NEW_PAIN) for pain in spinal_pain(chart)) else []
    return past


@finding("observation.signs")
def unscreened(chart: Chart) -> list[str]:
    """D72: those of the saddle, bladder and bowel items that were not answered in 7 d."""
    return [item for item in SCREEN if not newest_answers(chart, item, SCREEN_WINDOW)]


OLD_FLAG_WINDOW = timedelta(days=90)


@finding(foot_drop, "observation.signs", *_CODED, *MRI_REPORTS, *CT_REPORTS)
def old_positive_screen(chart: Chart) -> list[Reading]:
    """D72: cauda equina items whose newest answer is abnormal and 14 to 90 d old, with no scan since."""
    scans = [report.when for report in chart.reports(*MRI_REPORTS, *CT_REPORTS) if report.when]
    old = []
    for code, coded in FLAGS.items():
        for answer in newest_answers(chart, code, OLD_FLAG_WINDOW).values():
            if not answer.value or answer.when is None or chart.within(answer.when, RED_FLAG_WINDOW):
                continue
            problems = chart.problems(coded) if coded else []
            is_scanned = any(not answer.when.is_after(scan) for scan in scans)
            if not is_scanned and not _is_chronic(chart, code, problems, before=answer.when):
                old.append(answer)
    return old


@finding(foot_drop, red_flags, "observation.signs", *_CODED)
def flags_to_call_for(chart: Chart) -> Latest:
    """D71: since when each flag has been present: recording it again, or for another side, does not make it new."""
    flags = red_flags(chart)
    dates = [_item_since(chart, flag) for flag in FLAGS]
    dates += [flag.when for flag in flags.findings if isinstance(flag, Problem) and CODED_SYNDROME in flag.keys]
    if flags.is_bilateral:
        dates.append(foot_drop(chart).onset)
    return Latest.of(dates)


def _item_since(chart: Chart, flag: str) -> Moment | None:
    """When an item was first recorded or coded as abnormal since its last normal answer; None if it is not a flag."""
    coded = [problem.when for problem in _new_problems(chart, flag)]
    normal = Latest.of(answer.when for answer in chart.readings(flag) if not answer.value)
    standing = [when for when in coded if when is not None and not normal.is_after(when)]
    dates = [*(_since(chart, answer) for answer in _new_answers(chart, flag)), *standing]
    since: Moment | None = None
    for when in dates or newest(coded, lambda when: when)[:1]:
        if since is None or (when is not None and since.is_after(when)):
            since = when
    return since


def _since(chart: Chart, flag: Reading) -> Moment | None:
    """The first abnormal answer to this item, on its side, since the last normal one before it."""
    answers = [answer for answer in chart.readings(flag.code) if set(answer.side.feet) & set(flag.side.feet)]
    normal = [answer.when for answer in answers if not answer.value and answer.when]
    abnormal = [answer.when for answer in answers if answer.value and answer.when]
    since = flag.when
    for when in abnormal:
        is_earlier = since is not None and since.is_after(when)
        if is_earlier and flag.when and not any(n.is_after(when) and flag.when.is_after(n) for n in normal):
            since = when
    return since


@finding(*CANCER_OR_INFECTION, past_cancer)
def cancer_or_infection(chart: Chart) -> list[Problem]:
    """Cancer, active or past, and risks of spinal infection."""
    return [*chart.problems(*CANCER_OR_INFECTION), *past_cancer(chart)]


@finding(cancer_or_infection, spinal_pain)
def cancer_or_infection_with_pain(chart: Chart) -> list[Problem]:
    """Cancer or a risk of spinal infection, with radicular or back pain (D74); empty without pain."""
    return cancer_or_infection(chart) if spinal_pain(chart) else []


@finding(foot_drop, red_flags, cancer_or_infection_with_pain)
def lifts_gates(chart: Chart) -> bool:
    """D19: whether there is a red flag that lifts every off-gate."""
    return bool(foot_drop(chart)) and bool(red_flags(chart) or cancer_or_infection_with_pain(chart))


@finding("observation.signs", *_CODED)
def undated_flags(chart: Chart) -> list[Fact]:
    """Red flags that do not count only because they have no date and so lie in no window (D2)."""
    undated: list[Fact] = [
        answer for flag in FLAGS for answer in chart.readings(flag) if answer.value and answer.when is None
    ]
    return undated + [problem for problem in chart.problems(*_CODED) if problem.when is None]
