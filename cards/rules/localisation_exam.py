"""The examination that distinguishes root, nerve and cord: only what is missing is asked for."""

from __future__ import annotations

from cards import findings
from cards.language import (
    SOURCES,
    Card,
    Indicator,
    Plan,
    Suggestion,
    Verdict,
    not_applicable,
    rule,
    summary,
    suppressed,
)
from cards.language.escaping import days, listed, sentence
from cards.record import Chart, Evidence, Side


@rule(
    "localisation-exam", hooks=["patient-view", "problem-list-item-create", "encounter-discharge"],
    reads=[findings.umn_answered, findings.imaging_done, findings.lesions, findings.unread_reports, findings.unscreened,
           findings.old_positive_screen, findings.unexplained_emergency, findings.post_operative_stable],
    strength="strong for the cauda equina screen; conditional for the muscles",
    quality="low: one diagnostic series, reviews, national red-flag guidance", reviewed="2026-11-28", version="2.0.0",
    suggests=["exam.saddle-sensation", "exam.bladder-dysfunction", "exam.bowel-dysfunction", "exam.mrc-inversion",
              "exam.mrc-hip-abduction", "exam.mrc-toe-extension", "exam.mrc-eversion", "exam.babinski",
              "exam.sensation-dorsum-foot"],
    overrides=["already-arranged", "findings-disagree", "known-stable-cause", "reassess-within-24-hours"],
)  # fmt: skip
def localisation_exam(chart: Chart) -> Verdict:
    """Ask only for what is missing: saddle, bladder and bowel first, then inversion, hip abduction and plantars."""
    missing, left_open = _missing(chart), findings.old_positive_screen(chart)
    is_open = bool(left_open or findings.unexplained_emergency(chart))  # no scan and no known cause settles it
    if not (missing or is_open):
        recorded = f"are recorded in {days(findings.SCREEN_WINDOW)}"
        return not_applicable(f"inversion, hip abduction, a reflex sign, saddle, bladder and bowel {recorded}")
    if not is_open:
        if seen := findings.explained_in_episode(chart):
            return suppressed("imaging shows a lesion that matches the foot drop", Evidence.of(seen.report))
        if findings.unread_reports(chart) and (done := findings.imaging_done(chart)):
            return findings.imaged(done)
    if operation := findings.post_operative_stable(chart):
        return findings.decompressed(operation)
    return _card(chart, missing)


SCREEN = {item: findings.item_name(item).removesuffix(" sensation") for item in findings.SCREEN}
NAMES = {
    "mrc-inversion": "inversion", "mrc-hip-abduction": "hip abduction", "babinski": "plantar response",
    "saddle-sensation": "saddle sensation", "bladder-dysfunction": "bladder function",
    "bowel-dysfunction": "bowel function", "mrc-toe-extension": "toe extension", "mrc-eversion": "eversion",
    "sensation-dorsum-foot": "sensation of the dorsum of the foot",
}  # fmt: skip
# D97: they complete the examination, but their absence alone does not produce a card.
ALSO_GRADED = ("mrc-toe-extension", "mrc-eversion")
ALSO_TESTED = "sensation-dorsum-foot"
ROOT = "Weak **inversion** or **hip abduction** means the L5 root."
LOCALISING = ("mrc-inversion", "mrc-hip-abduction", "babinski")
EXTEND = "extend to cord and brain if there are cord signs."


def _missing(chart: Chart) -> list[str]:
    """The exam codes of the items not recorded in 7 d (D5); muscles count on every dropped side."""
    sides, window = findings.foot_drop(chart).sides, findings.SCREEN_WINDOW
    missing = [muscle for muscle in findings.L5_MUSCLES if None in findings.grades_on(chart, muscle, sides, window)]
    if not findings.umn_answered(chart):
        missing.append("babinski")
    return missing + findings.unscreened(chart)


def _card(chart: Chart, missing: list[str]) -> Card:
    left_open = findings.old_positive_screen(chart)
    is_urgent = bool(_is_unscreened(chart) or left_open or findings.unexplained_emergency(chart))
    asked = f"{sentence(listed([NAMES[code] for code in missing]))}: not recorded in {days(findings.SCREEN_WINDOW)}."
    is_of_scan = _speaks_of_scan(chart)
    branch = "localisation-exam.screen" if is_urgent and not _is_unexplained(chart) else "localisation-exam"
    scanned = ""
    if _is_unexplained(chart):  # the summary says so, unless a danger to the cauda equina comes first
        scanned = f" {sentence(EXTEND)}" if is_of_scan else f" {_unexplained(chart, missing)}; {EXTEND}"
    roots = "" if scanned or not set(missing) & set(findings.L5_MUSCLES) else f" {ROOT}"
    return Card(
        indicator=Indicator.WARNING if is_urgent else Indicator.INFO,
        summary=summary(_summary(chart, missing, is_urgent=is_urgent)),
        detail=f"{findings.flags_for_reader(chart)}{scanned}{roots}",
        ask=asked if missing else "",
        source=SOURCES[branch],
        because=findings.because(chart, *left_open),
        suggestions=tuple(
            Suggestion(label=f"Record {NAMES[code]}", plans=_skeletons(chart, code))
            for code in (*missing, *_also_missing(chart))
        ),
        one_suggestion_only=False,
        exempt_from=frozenset({"known_cause"} if left_open else ()),
    )


def _is_unscreened(chart: Chart) -> bool:
    """Whether it is an acute foot drop with an incomplete cauda equina screen."""
    return bool(findings.unscreened(chart)) and findings.is_acute(chart, findings.foot_drop(chart))


def _speaks_of_scan(chart: Chart) -> bool:
    """Whether the summary is about the scan: a possible cauda equina syndrome that nobody has checked comes first."""
    if findings.unexplained_emergency(chart):
        return not findings.old_positive_screen(chart)
    return _is_unexplained(chart) and not (findings.old_positive_screen(chart) or _is_unscreened(chart))


def _unexplained(chart: Chart, missing: list[str]) -> str:
    """What the scan leaves open, and the tests that would settle it: the missing ones, or else all again."""
    drop = findings.foot_drop(chart)
    is_doubtful = any(not findings.contradicts(seen.lesion, drop) for seen in findings.lesions(chart))
    tests = [code for code in LOCALISING if code in missing] or list(LOCALISING)
    verb = "may" if is_doubtful else "does"
    return f"The scan {verb} not explain the foot drop: test {listed([NAMES[code] for code in tests])}"


def _is_unexplained(chart: Chart) -> bool:
    """Whether a scan has been done and leaves the question open (D64)."""
    return bool(findings.imaging_done(chart) or findings.unexplained_emergency(chart))


def _summary(chart: Chart, missing: list[str], *, is_urgent: bool) -> str:
    if left_open := findings.old_positive_screen(chart):
        return f"{findings.left_open(left_open[0])} Examine it again today."
    if _speaks_of_scan(chart):
        return f"{_unexplained(chart, missing)}."
    if not is_urgent:
        return f"Add {listed([NAMES[code] for code in missing])}: {_use(missing)}."
    asks = listed([words for item, words in SCREEN.items() if item in missing])
    others = listed([NAMES[code] for code in missing if code not in SCREEN])
    state = "incomplete" if findings.red_flags(chart) else "NOT DONE"
    return f"Cauda equina screen {state}: ask about {asks}{f'; test {others}' if others else ''} today."


def _use(missing: list[str]) -> str:
    """What the missing items are for: to localise, to exclude compression, or both."""
    screens, localises = set(missing) & set(SCREEN), set(missing) - set(SCREEN)
    if screens and localises:
        return "localisation and cauda equina signs"
    if screens:
        return "they are cauda equina signs" if len(screens) > 1 else "it is a cauda equina sign"
    return f"{'they separate' if len(localises) > 1 else 'it separates'} L5 root, peroneal nerve and cord"


def _also_missing(chart: Chart) -> list[str]:
    sides, window = findings.foot_drop(chart).sides, findings.SCREEN_WINDOW
    missing = [muscle for muscle in ALSO_GRADED if None in findings.grades_on(chart, muscle, sides, window)]
    return missing if findings.newest_answers(chart, ALSO_TESTED, window) else [*missing, ALSO_TESTED]


def _skeletons(chart: Chart, code: str) -> tuple[Plan, ...]:
    """An Observation to fill in for each dropped side; the cauda equina screen has no side."""
    if code in findings.SCREEN:
        return (Plan(key=f"exam.{code}"),)
    sides = dict.fromkeys("" if side is Side.UNKNOWN else side.value for side in findings.foot_drop(chart).sides)
    return tuple(Plan(key=f"exam.{code}", side=side) for side in sides)
