"""The examination that separates root, nerve and cord: only what is missing is asked for."""

from __future__ import annotations

from datetime import timedelta

from cards import findings
from cards.language import Card, Indicator, Plan, Suggestion, Verdict, not_applicable, rule, summary, suppressed
from cards.language.escaping import listed
from cards.record import Chart, Evidence

COMPLETE = timedelta(days=7)  # D5: completeness of the exam
SCREEN = ("saddle-sensation", "bladder-dysfunction")
NAMES = {
    "mrc-inversion": "inversion",
    "mrc-hip-abduction": "hip abduction",
    "babinski": "plantar response",
    "saddle-sensation": "saddle sensation",
    "bladder-dysfunction": "bladder function",
}


ASKED = {"saddle-sensation": "about the saddle", "bladder-dysfunction": "about the bladder"}


@rule(
    "localisation-exam",
    hooks=["patient-view", "problem-list-item-create"],
    reads=[findings.umn_answered, findings.imaging_done, findings.lesions, findings.post_operative_stable],
    strength="strong for the cauda equina screen; conditional for the muscles",
    quality="low: one diagnostic series, reviews, national red-flag guidance",
    reviewed="2026-11-25",
    version="1.0.0",
    suggests=[
        "exam.saddle-sensation",
        "exam.bladder-dysfunction",
        "exam.mrc-inversion",
        "exam.mrc-hip-abduction",
        "exam.babinski",
    ],
    overrides=["already-arranged", "findings-disagree", "known-stable-cause", "reassess-within-24-hours"],
)
def localisation_exam(chart: Chart) -> Verdict:
    """Ask only for what is missing: bladder and saddle first, then inversion, hip abduction and plantar response."""
    missing = _missing(chart)
    if not missing:
        return not_applicable("inversion, hip abduction, a reflex sign, saddle and bladder are recorded in 7 days")
    drop = findings.foot_drop(chart)
    if done := findings.imaging_done(chart):
        return suppressed(f"the spine was imaged on {done.when}, with no loss since", Evidence.of(done))
    if seen := next((seen for seen in findings.lesions(chart) if findings.matches(seen.lesion, drop)), None):
        return suppressed("imaging shows a lesion that matches the foot drop", Evidence.of(seen.report))
    if operation := findings.post_operative_stable(chart):
        return suppressed(
            f"decompressed on {operation.when}, on or after the onset, with no loss since", Evidence.of(operation)
        )
    return _card(chart, missing)


def _missing(chart: Chart) -> list[str]:
    """The exam codes of what is not recorded in 7 d; muscles on every dropped side."""
    sides = findings.foot_drop(chart).sides
    missing = []
    for muscle in ("mrc-inversion", "mrc-hip-abduction"):
        series = findings.by_foot(chart.readings(muscle))
        if any(findings.newest_grade(chart, series.get(side, ()), COMPLETE) is None for side in sides):
            missing.append(muscle)
    if not findings.umn_answered(chart):
        missing.append("babinski")
    return missing + [sign for sign in SCREEN if not findings.newest_answers(chart, sign, COMPLETE)]


def _card(chart: Chart, missing: list[str]) -> Card:
    drop = findings.foot_drop(chart)
    unscreened = [ASKED[sign] for sign in SCREEN if sign in missing]
    is_urgent = bool(unscreened) and findings.is_acute(chart, drop)
    others = [NAMES[code] for code in missing if code not in SCREEN]
    if is_urgent:
        test = f"; test {listed(others)} today" if others else " today"
        text = f"Foot drop, red flags not recorded: ask {listed(unscreened)}{test}."
    else:
        text = f"Add {listed([NAMES[code] for code in missing])}: {_use(missing)}."
    return Card(
        indicator=Indicator.WARNING if is_urgent else Indicator.INFO,
        summary=summary(text),
        detail=f"Not recorded in 7 days: {listed([NAMES[code] for code in missing])}. "
        "In L5 root weakness dorsiflexion, toe extension, eversion, **inversion** and **hip abduction** are weak, with "
        "sensory loss over the dorsum of the foot and the lateral leg. Grade each 0 to 5 and state the side. What is "
        "not recorded is not normal.",
        because=findings.drop_because(chart),
        changes="These findings, recorded; spine imaging of this episode.",
        suggestions=tuple(Suggestion(label=f"Record {NAMES[code]}", plans=_skeletons(chart, code)) for code in missing),
        one_suggestion_only=False,
    )


def _use(missing: list[str]) -> str:
    """What the missing items are for: to localise, to exclude compression, or both."""
    screens, localises = set(SCREEN) & set(missing), set(missing) - set(SCREEN)
    if not localises:
        return "they are cauda equina signs" if len(screens) > 1 else "it is a cauda equina sign"
    use = f"{'they separate' if len(localises) > 1 else 'it separates'} L5 root, peroneal nerve and cord"
    return "localisation and cauda equina signs" if screens else use


def _skeletons(chart: Chart, code: str) -> tuple[Plan, ...]:
    """An Observation to fill in; a muscle on each dropped side."""
    if not code.startswith("mrc-"):
        return (Plan(key=f"exam.{code}"),)
    return tuple(Plan(key=f"exam.{code}", side=side.value) for side in findings.foot_drop(chart).sides)
