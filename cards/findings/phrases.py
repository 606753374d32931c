"""Phrases that several cards share: side, grade, onset, and what radiology and surgery need to know."""

from __future__ import annotations

import re
from datetime import timedelta

from cards.findings.course import Loss, loss_evidence
from cards.findings.foot_drop import FootDrop, drop_evidence, foot_drop
from cards.findings.red_flags import FLAGS, SCREEN_WINDOW, old_positive_screen, red_flags, unscreened
from cards.findings.signs import newest_answers
from cards.findings.studies import decline
from cards.language.escaping import between, days, inside, listed, sentence
from cards.language.finding import finding
from cards.language.verdict import Plan
from cards.record.chart import Chart
from cards.record.facts import Draft, Evidence, Fact, Problem, Reading
from cards.record.moments import Moment
from cards.record.side import Side

# What R4 allows as reasonReference of a request, with an id that R4 allows.
_CITABLE = re.compile(r"(Condition|Observation|DiagnosticReport)/[A-Za-z0-9\-.]{1,64}")
# D99: what can be mistaken for a root lesion
MIMICS = (
    "Mimics: sudden pain, pallor or swelling (artery, compartment); hip or knee surgery or injury (sciatic or peroneal "
    "nerve: tell that surgeon)."
)
SAFETY_NET = (
    "Tell the patient to return at once for numbness around the genitals or anus, bladder or bowel change, or "
    "weakness of the other leg."
)
DENERVATION = timedelta(days=21)  # limb denervation takes two to three weeks (E30, E31)


def emg_date(chart: Chart) -> str:
    """D59: the later of onset + 21 d and today; today + 21 d if the onset is unknown."""
    today = chart.clock.now.date()
    onset = foot_drop(chart).onset
    return max((onset.day if onset else today) + DENERVATION, today).isoformat()


def emg_label(chart: Chart) -> str:
    """The button that plans electrodiagnosis."""
    return f"EMG and nerve conduction studies, from {emg_date(chart)}"


def named_drop(drop: FootDrop, *, starts: bool = False) -> str:
    """`left foot drop`, `bilateral foot drop`, `foot drop (side not recorded)`; capitalised if it starts a sentence."""
    words = {Side.LEFT: "left foot drop", Side.RIGHT: "right foot drop", Side.BOTH: "bilateral foot drop"}
    name = words.get(drop.side, "foot drop (side not recorded)")
    return sentence(name) if starts else name


def graded(drop: FootDrop) -> str:
    """`MRC 2`, `MRC left 2, right 3`, `MRC not recorded`."""
    if not drop.readings:
        return "MRC not recorded"
    if len(drop.sides) == 1:
        return f"MRC {drop.weakest}"
    return "MRC " + ", ".join(f"{side} {int(drop.grades[side].value)}" for side in drop.sides if side in drop.grades)


def is_onset_stated(drop: FootDrop) -> bool:
    """Whether a record states the onset; if not, only the day on which the foot drop was recorded is known."""
    return any(code.when == drop.onset and not code.is_recorded for code in drop.codes)


def elapsed(later: Moment, earlier: Moment) -> timedelta:
    """The time between two moments in calendar days (D96); by the clock if under 24 hours and both have a time."""
    span = max(later.since(earlier), timedelta())
    return span if span < timedelta(days=1) else later.day - earlier.day


def began(chart: Chart, drop: FootDrop, *, is_dated: bool = True) -> str:
    """`onset 6 days ago (2026-11-20)`, without its date `onset 6 days ago`, or `onset not recorded`.

    If only the day of the record is known (D96): `recorded 2026-11-20; onset not stated`, or `onset not stated`.
    """
    if drop.onset is None:
        return "onset not recorded"
    if not is_onset_stated(drop):
        return f"recorded {drop.onset}; onset not stated" if is_dated else "onset not stated"
    age = elapsed(chart.clock.moment, drop.onset)
    ago = days(age) if age < timedelta(hours=1) else f"{days(age)} ago"
    return f"onset {ago} ({drop.onset})" if is_dated else f"onset {ago}"


def lost_words(chart: Chart, loss: Loss) -> str:
    """`MRC 4 to 2 in 3 days`."""
    assert loss.before.when is not None
    assert loss.after.when is not None
    span = between(loss.after.when.since(loss.before.when))
    return f"MRC {int(loss.before.value)} to {int(loss.after.value)} in {span}"


@finding(red_flags, unscreened, old_positive_screen, "observation.signs")
def flags_for_reader(chart: Chart) -> str:
    """D72: the current cauda equina screen: positive, negative or not done, and old abnormal answers left open."""
    flags = red_flags(chart)
    words = [inside(flag.text) + (f" ({flag.when})" if flag.when else "") for flag in flags.findings]
    if flags.is_bilateral:
        words.append("acute bilateral foot drop with pain")
    coded = {key for flag in flags.findings if isinstance(flag, Problem) for key in flag.keys}
    missing = [item for item in unscreened(chart) if FLAGS[item] not in coded]
    asked = f" Not asked: {listed(list(map(item_name, missing)))}." if missing else ""
    if words:
        screen = f"Cauda equina screen POSITIVE: {listed(words)}.{asked}"
    elif missing:
        screen = f"Cauda equina screen: NOT DONE ({', '.join(map(item_name, missing))})."
    else:
        screen = _negative_screen(chart)
    return " ".join([screen, *map(left_open, old_positive_screen(chart))])


def _negative_screen(chart: Chart) -> str:
    """For a complete screen without a new flag: what is normal, what is long-standing, and what was not asked."""
    answers = {item: list(newest_answers(chart, item, SCREEN_WINDOW).values()) for item in FLAGS}
    normal = [item for item, given in answers.items() if given and not any(answer.value for answer in given)]
    standing = [item for item, given in answers.items() if given and item not in normal]
    dates = [answer.when for item in normal for answer in answers[item] if answer.when]
    oldest = min((when.day for when in dates), default=None)
    parts = [listed(list(map(item_name, normal)))] if normal else []
    parts += [f"long-standing and unchanged: {listed(list(map(item_name, standing)))}"] if standing else []
    unasked = [item for item, given in answers.items() if not given]
    parts += [f"not asked: {listed(list(map(item_name, unasked)))}"] if unasked else []
    return f"Cauda equina screen negative{f' on {oldest}' if oldest else ''}: {'; '.join(parts)}."


def item_name(item: str) -> str:
    """A cauda equina item as a clinician names it: `bladder`, `saddle sensation`."""
    return item.removesuffix("-dysfunction").replace("-", " ").replace("sexual", "sexual function")


def left_open(answer: Reading) -> str:
    """D72: words for an old abnormal answer that neither an examination nor a scan has followed."""
    return f"{sentence(item_name(answer.code))} was abnormal on {answer.when}: not re-examined, not imaged."


@finding(foot_drop, decline, flags_for_reader)
def clinical_note(chart: Chart) -> str:
    """What radiology or the surgeon needs: side, grade, onset, course and red flags. Plain text."""
    drop = foot_drop(chart)
    parts = [named_drop(drop, starts=True), graded(drop), began(chart, drop)]
    lost = decline(chart)
    if isinstance(lost, Loss):
        parts.append("worsening: " + lost_words(chart, lost))
    elif lost is not None:
        parts.append(f"charted as rapidly progressive ({lost.when})")
    return ", ".join(parts) + ". " + flags_for_reader(chart)


@finding(foot_drop, decline)
def drop_because(chart: Chart) -> tuple[Evidence, ...]:
    """The foot drop and, if it worsens, the loss, as evidence."""
    lost = decline(chart)
    worse = loss_evidence(lost) if lost is not None else ()
    return once((*drop_evidence(foot_drop(chart)), *worse))


def evidence(*grounds: Fact | Evidence) -> tuple[Evidence, ...]:
    """The facts as evidence, each once, in order; an order that is being written is labelled as such."""
    return once(tuple(ground if isinstance(ground, Evidence) else _evidence(ground) for ground in grounds))


def _evidence(fact: Fact) -> Evidence:
    return Evidence.of(fact, f"{fact.text}, being ordered" if isinstance(fact, Draft) else "")


def because(chart: Chart, *grounds: Fact | Evidence) -> tuple[Evidence, ...]:
    """The evidence for a card: its own grounds, then the foot drop and its course."""
    return evidence(*grounds, *drop_because(chart))


def once(evidence: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """Each piece of evidence once, in order."""
    return tuple(dict.fromkeys(evidence))


def references(*facts: Fact) -> tuple[str, ...]:
    """The references of real Conditions and Observations, for reasonReference."""
    return tuple(dict.fromkeys(fact.reference for fact in facts if _CITABLE.fullmatch(fact.reference)))


def reasons(chart: Chart, *more: Fact) -> tuple[str, ...]:
    """References to the records that justify an order: the codes and grades of the foot drop, and `more`."""
    return tuple(dict.fromkeys((*_drop_references(chart), *references(*more))))


@finding(foot_drop)
def _drop_references(chart: Chart) -> tuple[str, ...]:
    drop = foot_drop(chart)
    return references(*drop.codes, *drop.readings)


def dropped_side(chart: Chart) -> str:
    """`left`, `right` or `both`; empty if the side is not known."""
    side = foot_drop(chart).side
    return "" if side is Side.UNKNOWN else side.value


def request(
    chart: Chart, key: str, *grounds: Fact, priority: str = "routine", occurrence: str = "", side: str = ""
) -> Plan:
    """An order with this key and the clinical note, justified by the foot drop and these grounds."""
    note, why = clinical_note(chart), reasons(chart, *grounds)
    return Plan(key=key, priority=priority, side=side, note=note, occurrence=occurrence, reasons=why)
