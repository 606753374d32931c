"""Known causes that keep the work-up quiet, comfort care, and the trauma path (D19, D23 to D26, D52, D75, D76, D80)."""

from __future__ import annotations

from datetime import timedelta

from cards.findings.central import ACUTE_INJURY, CENTRAL_DISEASE, CORD_INJURY, central_lesions, feet_covered
from cards.findings.foot_drop import ACUTE, CHRONIC, DROPPED, FootDrop, foot_drop, is_older_than
from cards.findings.pain import new_radicular_pain, radicular_pain
from cards.findings.red_flags import MOTOR_NEURONE, OTHER_CAUSES, lifts_gates, old_positive_screen
from cards.findings.signs import umn_signs, weak_l5_muscles
from cards.findings.studies import EMG_REPORT, decline, reports_in_episode
from cards.language.escaping import inside
from cards.language.finding import finding
from cards.record.chart import Chart
from cards.record.facts import Fact, Problem, Reading, Report
from cards.record.moments import newest
from cards.record.side import FEET, Side, together
from cards.value_sets.value_set import VALUE_SETS

TRAUMA = "condition.spinal-trauma-suspected"
PERONEAL = "condition.peroneal-neuropathy"
COMFORT_CARE = "condition.comfort-care-only"
PALLIATIVE_CARE = "condition.palliative-care"
PERONEAL_LESION = "lesion.peroneal-neuropathy"

SETTLED = timedelta(days=365)  # D80
CAUSE_BEFORE_ONSET = timedelta(days=14)  # D24: a known cause older than this does not explain a new foot drop


@finding(COMFORT_CARE)
def comfort_care(chart: Chart) -> Problem | None:
    """Comfort care only, as a Condition (D52)."""
    return chart.problem(COMFORT_CARE)


@finding(PALLIATIVE_CARE)
def palliative_care(chart: Chart) -> Problem | None:
    """Palliative care, which is given alongside treatment and silences nothing (D65)."""
    return chart.problem(PALLIATIVE_CARE)


@finding("observation.spine-stability")
def stability(chart: Chart) -> Reading | None:
    """The newest record of spine stability, of any age; its value True means unstable, which wins a tie."""
    last = newest(chart.readings("spine-stability"), lambda reading: reading.when)
    return max(last, key=lambda reading: (reading.value, reading.reference), default=None)


@finding(TRAUMA, CORD_INJURY, stability)
def path_injuries(chart: Chart) -> list[Problem]:
    """D26: spinal trauma <=7 d without documented stability, and cord injury <=7 d; an undated one is not acute."""
    injuries = chart.problems(CORD_INJURY)
    newest_stability = stability(chart)
    if newest_stability is None or newest_stability.value:
        injuries = [*injuries, *chart.problems(TRAUMA)]
    return [injury for injury in injuries if chart.within(injury.when, ACUTE_INJURY)]


@finding(path_injuries)
def trauma_path(chart: Chart) -> Problem | None:
    """The injury for which the trauma path applies; None if it does not apply."""
    return next(iter(path_injuries(chart)), None)


@finding(
    foot_drop,
    lifts_gates,
    decline,
    central_lesions,
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
    """The known cause that silences imaging, surgery, EMG and exam cards: a sentence and the record of the cause.

    The sentence names the disease and what would lift the silence. No gate closes on a side that is uncertain (D78).
    """
    drop = foot_drop(chart)
    if not drop or drop.is_disputed or lifts_gates(chart) or decline(chart):
        return None
    return _central(chart) or _neuromuscular(chart) or _proven_peroneal(chart)


@finding(foot_drop, lifts_gates, decline, new_radicular_pain, old_positive_screen)
def long_settled(chart: Chart) -> bool:
    """D80: known for over 365 d, without loss of strength, new radicular pain or a red flag."""
    drop = foot_drop(chart)
    is_changing = lifts_gates(chart) or decline(chart) or new_radicular_pain(chart) or old_positive_screen(chart)
    return is_older_than(chart, drop, SETTLED) and not is_changing


def _explains(chart: Chart, drop: FootDrop, cause: Problem) -> bool:
    """Whether the cause explains the drop: not if the drop is new and the cause over 14 d older or undated (D24, D76).

    New means an onset of at most 14 d; for one foot, with a disease that does not come on one side, at most 84 d.
    """
    if drop.onset is None or not chart.within(drop.onset, CHRONIC if _is_of_one_foot(drop, cause) else ACUTE):
        return True
    return cause.when is not None and drop.onset.since(cause.when) <= CAUSE_BEFORE_ONSET


def _is_of_one_foot(drop: FootDrop, cause: Problem) -> bool:
    """Whether one known foot drops while the cause affects both: a neuropathy or central, not motor neurone disease."""
    keys = set(cause.keys)
    is_of_both = keys & {CENTRAL_DISEASE, *OTHER_CAUSES} and MOTOR_NEURONE not in keys
    return bool(is_of_both) and drop.side in FEET


def _central(chart: Chart) -> tuple[str, Fact] | None:
    """D23 (a): every dropped side is covered by a stroke of that side, a central disease or an old cord injury."""
    drop = foot_drop(chart)
    if new_radicular_pain(chart):
        return None
    causes = [cause for cause in central_lesions(chart) if _explains(chart, drop, cause)]
    unsided = drop.grades.get(Side.UNKNOWN)
    needs_both = Side.UNKNOWN in drop.sides or (unsided is not None and unsided.value <= DROPPED)
    covered = {foot for cause in causes for foot in feet_covered(cause)}
    if not causes or not covered.issuperset(FEET if needs_both else drop.sides):
        return None
    lifted_by = "loss of strength, new radicular pain or a red flag"
    return _known("central lesion", causes[0], lifted_by), causes[0]


def _disease(cause: Problem) -> str:
    """The name of the known disease; for a central disease, of which there are many, the official name or the code."""
    if CENTRAL_DISEASE not in cause.keys:
        return inside(cause.text)
    code = next(code for key, code in cause.codes if key == CENTRAL_DISEASE)
    names = {code: name for listed in VALUE_SETS[CENTRAL_DISEASE].listed.values() for code, name in listed.items()}
    return inside(names.get(code, f"{cause.text} {code}").partition(" (")[0])


def _known(kind: str, cause: Problem, lifted_by: str) -> str:
    """The sentence for a silence due to a known disease: which disease it is, and what would lift the silence."""
    disease = f"{_disease(cause)}, {f'since {cause.when}' if cause.when else 'without a date'}"
    return f"a known {kind} ({disease}) explains the foot drop; {lifted_by} would lift this silence"


@finding(foot_drop, central_lesions, lifts_gates, decline, new_radicular_pain)
def is_new_in_central_disease(chart: Chart) -> bool:
    """D76: a known central disease would explain the drop of one foot if the drop were not new.

    A drop of at most 14 d is not meant: there D24 lifts the gate by itself.
    """
    drop = foot_drop(chart)
    if drop.onset is not None and chart.within(drop.onset, ACUTE):
        return False
    if drop.is_disputed or lifts_gates(chart) or decline(chart) or new_radicular_pain(chart):
        return False
    diseases = (lesion for lesion in central_lesions(chart) if CENTRAL_DISEASE in lesion.keys)
    return drop.side in FEET and any(not _explains(chart, drop, disease) for disease in diseases)


def _neuromuscular(chart: Chart) -> tuple[str, Fact] | None:
    """D23 (b): hereditary neuropathy, motor neurone disease or polyneuropathy, stable.

    UMN signs belong to motor neurone disease; for the other two they lift the gate (D76).
    """
    drop, signs = foot_drop(chart), umn_signs(chart)
    if new_radicular_pain(chart):
        return None
    for cause in chart.problems(*OTHER_CAUSES):
        is_of_neurone = MOTOR_NEURONE in cause.keys
        if (is_of_neurone or not signs) and _explains(chart, drop, cause):
            sign = "" if is_of_neurone else " an upper motor neurone sign,"
            return _known(
                "neuromuscular disease", cause, f"loss of strength,{sign} new radicular pain or a red flag"
            ), cause
    return None


def _proven_peroneal(chart: Chart) -> tuple[str, Fact] | None:
    """D23 (c): peroneal neuropathy proven by electrodiagnosis, with nothing that points to the root."""
    drop = foot_drop(chart)
    if radicular_pain(chart) or weak_l5_muscles(chart) or drop.is_bilateral or umn_signs(chart):
        return None
    report = proven_by_edx(chart)
    if report is None:
        return None
    lifted_by = "weak inversion or hip abduction, radicular pain, an upper motor neurone sign, loss or the other foot"
    return f"electrodiagnosis has proven a peroneal neuropathy of this side; {lifted_by} would lift this", report


@finding(foot_drop, EMG_REPORT, PERONEAL_LESION, PERONEAL)
def proven_by_edx(chart: Chart) -> Report | None:
    """D25: an EDX report of this episode with a peroneal lesion of the dropped side; for both feet, one report each.

    A report without a side counts if an active peroneal neuropathy covers that side.
    """
    drop = foot_drop(chart)
    coded = together(problem.side for problem in chart.problems(PERONEAL))
    proven: set[Side] = set()
    for report in reports_in_episode(chart, [EMG_REPORT]):
        for lesion in report.lesions:
            if lesion.key == PERONEAL_LESION:
                side = lesion.side.or_else(coded)
                proven |= {foot for foot in drop.sides if side.covers(foot)}
        if drop and proven.issuperset(drop.sides):
            return report
    return None
