"""The examination that separates root, nerve and cord: only what is missing is asked for."""

from __future__ import annotations

from datetime import timedelta

from cards import findings
from cards.language import Card, Indicator, Plan, Suggestion, Verdict, not_applicable, rule, summary, suppressed
from cards.language.escaping import days, listed
from cards.record import Chart, Evidence


@rule(
    "localisation-exam", hooks=["patient-view", "problem-list-item-create"],
    reads=[findings.umn_answered, findings.imaging_done, findings.lesions, findings.post_operative_stable],
    strength="strong for the cauda equina screen; conditional for the muscles",
    quality="low: one diagnostic series, reviews, national red-flag guidance", reviewed="2026-11-25", version="1.0.0",
    suggests=["exam.saddle-sensation", "exam.bladder-dysfunction", "exam.mrc-inversion", "exam.mrc-hip-abduction",
              "exam.babinski"],
    overrides=["already-arranged", "findings-disagree", "known-stable-cause", "reassess-within-24-hours"],
)  # fmt: skip
def localisation_exam(chart: Chart) -> Verdict:
    """Ask only for what is missing: bladder and saddle first, then inversion, hip abduction and plantar response."""
    if not (missing := _missing(chart)):
        recorded = f"are recorded in {days(COMPLETE)}"
        return not_applicable(f"inversion, hip abduction, a reflex sign, saddle and bladder {recorded}")
    if done := findings.imaging_done(chart):
        return findings.imaged(done)
    if seen := findings.concordant(chart):
        return suppressed("imaging shows a lesion that matches the foot drop", Evidence.of(seen.report))
    if operation := findings.post_operative_stable(chart):
        return findings.decompressed(operation)
    return _card(chart, missing)


COMPLETE = timedelta(days=7)  # D5: completeness of the exam
SCREEN = {"saddle-sensation": "about the saddle", "bladder-dysfunction": "about the bladder"}
NAMES = {
    "mrc-inversion": "inversion", "mrc-hip-abduction": "hip abduction", "babinski": "plantar response",
    "saddle-sensation": "saddle sensation", "bladder-dysfunction": "bladder function",
}  # fmt: skip


def _missing(chart: Chart) -> list[str]:
    """The exam codes of what is not recorded in 7 d; muscles on every dropped side."""
    sides = findings.foot_drop(chart).sides
    missing = [muscle for muscle in findings.L5_MUSCLES if None in findings.grades_on(chart, muscle, sides, COMPLETE)]
    if not findings.umn_answered(chart):
        missing.append("babinski")
    return missing + [sign for sign in SCREEN if not findings.newest_answers(chart, sign, COMPLETE)]


def _card(chart: Chart, missing: list[str]) -> Card:
    asks = [ask for sign, ask in SCREEN.items() if sign in missing]
    is_urgent = bool(asks) and findings.is_acute(chart, findings.foot_drop(chart))
    names = [NAMES[code] for code in missing]
    if is_urgent:
        others = listed([NAMES[code] for code in missing if code not in SCREEN])
        text = f"Foot drop, red flags not recorded: ask {listed(asks)}{f'; test {others}' if others else ''} today."
    else:
        text = f"Add {listed(names)}: {_use(missing)}."
    return Card(
        indicator=Indicator.WARNING if is_urgent else Indicator.INFO,
        summary=summary(text),
        detail=f"Not recorded in {days(COMPLETE)}: {listed(names)}. In L5 root weakness dorsiflexion, toe extension, "
        "eversion, **inversion** and **hip abduction** are weak, with sensory loss over the dorsum of the foot and "
        f"the lateral leg. Grade each 0 to {findings.FULL_STRENGTH} and state the side. What is not recorded is not "
        "normal.",
        because=findings.drop_because(chart),
        changes="These findings, recorded; spine imaging of this episode.",
        suggestions=tuple(Suggestion(label=f"Record {NAMES[code]}", plans=_skeletons(chart, code)) for code in missing),
        one_suggestion_only=False,
    )


def _use(missing: list[str]) -> str:
    """What the missing items are for: to localise, to exclude compression, or both."""
    screens, localises = set(missing) & set(SCREEN), set(missing) - set(SCREEN)
    if screens and localises:
        return "localisation and cauda equina signs"
    if screens:
        return "they are cauda equina signs" if len(screens) > 1 else "it is a cauda equina sign"
    return f"{'they separate' if len(localises) > 1 else 'it separates'} L5 root, peroneal nerve and cord"


def _skeletons(chart: Chart, code: str) -> tuple[Plan, ...]:
    """An Observation to fill in; a muscle on each dropped side."""
    if code not in findings.L5_MUSCLES:
        return (Plan(key=f"exam.{code}"),)
    return tuple(Plan(key=f"exam.{code}", side=side.value) for side in findings.foot_drop(chart).sides)
