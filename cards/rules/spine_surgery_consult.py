"""Imaging shows a compression that may be decompressed: a surgical opinion, as urgent as the deficit."""

from __future__ import annotations

from datetime import timedelta

from cards import findings
from cards.language import (
    SOURCES,
    Card,
    ImagingNeed,
    Indicator,
    Plan,
    Source,
    Suggestion,
    Verdict,
    not_applicable,
    rule,
    summary,
    suppressed,
)
from cards.language.escaping import markdown, old, sentence
from cards.record import Chart, Evidence, Order, Report, Side


@rule(
    "spine-surgery-consult", hooks=["patient-view", "problem-list-item-create", "encounter-discharge"],
    reads=[findings.off_gate, findings.lesions, findings.clinical_note, findings.decline, findings.red_flags,
           findings.sides_in_doubt, findings.newest_unread, findings.unread_emergency, findings.unread_since_trigger,
           findings.consulted_since_flags, findings.consulted_since_trigger, findings.CONSULT, findings.DECOMPRESSION],
    strength="strong for cord and cauda equina compression; conditional for one root",
    quality="low: cohorts favour early surgery for grade 3 or less, no randomised proof that surgery is superior",
    reviewed="2026-11-28", version="2.0.0", suggests=[findings.CONSULT], asks_imaging_need=True,
    overrides=["already-arranged", "findings-disagree", "patient-declined", "not-in-goals-of-care"],
)  # fmt: skip
def spine_surgery_consult(chart: Chart, imaging_need: ImagingNeed) -> Verdict:
    """Compression on imaging that matches the foot drop: surgical opinion, decompression now for cord or cauda equina.

    An opinion, not an operation: the decision is shared unless strength falls or the cord or cauda equina is at risk.
    An uncoded report has to be read: it answers nothing by itself (D61).
    """
    lesion, unread = _of_lesions(chart), _of_unread(chart, imaging_need)
    cards = [verdict for verdict in (lesion, unread) if isinstance(verdict, Card)]
    if cards:
        return max(cards, key=lambda card: card.indicator.rank)
    return lesion or unread or _without_lesion(chart)


def _of_lesions(chart: Chart) -> Verdict | None:
    """The card for the loudest unanswered lesion, else what has answered the loudest; None without a lesion."""
    answers = []
    for seen in _matching(chart):
        answer = _answer(chart, seen)
        if answer is None:
            return _card(chart, seen)
        answers.append(answer)
    return answers[0] if answers else None


def _of_unread(chart: Chart, imaging_need: ImagingNeed) -> Verdict | None:
    """D61: the card for the loudest unanswered report to be read, else what has answered it; None without one."""
    if not chart.reports(*findings.MRI_REPORTS, *findings.CT_REPORTS):
        return None
    asked: list[tuple[Report, Indicator, Verdict | None]] = []
    if report := findings.unread_emergency(chart):
        answer = _decompressed(chart, report) or _consulted(findings.consulted_since_flags(chart))
        asked.append((report, _soon(chart, report), answer))
    if report := findings.silencing_report(chart, imaging_need):
        answer = _decompressed(chart, report) or _consulted(findings.consulted_since_trigger(chart))
        asked.append((report, _soon(chart, report), answer))
    if report := findings.newest_unread(chart):
        asked.append((report, _lowered(chart), _root_answer(chart, report)))
    loudest = max((one for one in asked if one[2] is None), key=lambda one: one[1].rank, default=None)
    return _unread(chart, *loudest[:2]) if loudest else next((one[2] for one in asked), None)


def _soon(chart: Chart, report: Report) -> Indicator:
    return Indicator.CRITICAL if findings.is_to_be_read_now(chart, report) else Indicator.WARNING


def _unread(chart: Chart, report: Report, indicator: Indicator) -> Card:
    assert report.when is not None
    drop = findings.foot_drop(chart)
    side = "" if drop.side is Side.UNKNOWN else "bilateral " if drop.is_bilateral else f"{drop.side} "
    text = f"“{markdown(report.conclusion, 200)}”" if report.conclusion.strip() else "no text came with it"
    priority = indicator.priority
    note = f"{sentence(report.text)} of {report.when}: not yet read for this foot drop. {findings.clinical_note(chart)}"
    plan = Plan(key=findings.CONSULT, priority=priority, note=note, reasons=findings.reasons(chart, report))
    consult = Suggestion(label=f"{priority.capitalize()} spinal surgery consult", plans=(plan,))
    return Card(
        indicator=indicator,
        summary=f"{_scan(report)} of {report.when} is reported: read it now. Does it explain the {side}foot drop?",
        detail="Code what it shows.",
        quote=f"Report of {report.when}: {text}{'' if text.endswith(('.”', '!”', '?”', '…”')) else '.'}",
        source=SOURCES["spine-surgery-consult.unread"],
        because=findings.because(chart, report, *findings.red_flags(chart).findings),
        suggestions=(consult,),
    )


def _without_lesion(chart: Chart) -> Verdict:
    if not chart.has_seen("report.mri-lumbar"):
        return findings.unread("imaging reports", "whether there is a compression is not known")
    for report in chart.reports(*findings.MRI_REPORTS, *findings.CT_REPORTS):
        if report.lesions and not report.when:
            return findings.undated(report)
    return not_applicable("no compression that matches the foot drop is coded in a report of this episode")


def _matching(chart: Chart) -> list[findings.Seen]:
    """Every lesion that matches or may match, the loudest first."""
    drop = findings.foot_drop(chart)
    in_doubt = findings.sides_in_doubt(chart)  # no root is operated on while the sides disagree (D86)
    matching = [
        seen
        for seen in findings.lesions(chart)
        if seen.is_emergency or not (in_doubt or findings.contradicts(seen.lesion, drop))
    ]
    return sorted(matching, key=lambda seen: (-_tier(chart, seen).rank, seen.report.reference))


LATE = timedelta(days=180)


def _tier(chart: Chart, seen: findings.Seen) -> Indicator:
    """D34: critical for compression; for a root warning, or info if late, mild or without hope, and not progressive."""
    drop = findings.foot_drop(chart)
    if seen.is_emergency:
        return Indicator.CRITICAL
    if findings.decline(chart):
        return Indicator.WARNING
    is_lost = drop.is_without_strength and findings.is_older_than(chart, drop, findings.CHRONIC)  # D82
    return Indicator.INFO if is_lost else _lowered(chart)


def _lowered(chart: Chart) -> Indicator:
    """Info if the foot drop is known to be mild or late, else a warning."""
    drop = findings.foot_drop(chart)
    return Indicator.INFO if findings.is_older_than(chart, drop, LATE) or drop.is_mild else Indicator.WARNING


def _answer(chart: Chart, seen: findings.Seen) -> Verdict | None:
    """What has answered this lesion: decompression, a known cause, a consult or the patient's refusal."""
    if not seen.is_emergency:
        return _root_answer(chart, seen.report)
    return _decompressed(chart, seen.report) or _consulted(findings.emergency_consult(chart, seen))


def _root_answer(chart: Chart, report: Report) -> Verdict | None:
    if operated := _decompressed(chart, report):
        return operated
    if gate := findings.off_gate(chart):
        return suppressed(gate[0], Evidence.of(gate[1]))
    consults = findings.consults_in_episode(chart, [findings.CONSULT])
    return _consulted(next(iter(consults), None)) or findings.declined(chart, "the surgical consult", findings.CONSULT)


def _decompressed(chart: Chart, report: Report) -> Verdict | None:
    operation = findings.decompressed_since(chart, report)
    if operation is None:
        return None
    why = f"decompressed on {operation.when}, on or after the day of the report"
    return suppressed(why, Evidence.of(operation))


def _consulted(order: Order | None) -> Verdict | None:
    return findings.ordered("a spinal surgery consult", order) if order else None


COMPRESSED = "It is an emergency while there is a deficit."
SHARED = "Present it as a shared decision unless strength falls. Many improve, few become normal."


def _card(chart: Chart, seen: findings.Seen) -> Card:
    report, indicator = seen.report, _tier(chart, seen)
    confirmed = findings.matches(seen.lesion, findings.foot_drop(chart))
    ask = "" if confirmed else "Level or side of the lesion, or side of the foot drop, not recorded: confirm first."
    return Card(
        indicator=indicator,
        summary=summary(_summary(chart, seen, indicator) if confirmed else _unconfirmed(chart, seen)),
        detail=COMPRESSED if seen.is_emergency else SHARED,
        ask=ask,
        quote=f"Report of {report.when}: “{markdown(report.conclusion, 200)}”" if report.conclusion.strip() else "",
        source=_source(seen),
        because=findings.because(chart, Evidence.of(report, _words(seen))),
        suggestions=(_consult(chart, seen, indicator),) if confirmed else (),
    )


def _source(seen: findings.Seen) -> Source | None:
    if seen.lesion.key == findings.DESTRUCTIVE:
        is_tumour = "condition.cancer-active" in seen.lesion.conditions
        return SOURCES[f"spine-surgery-consult.{'tumour' if is_tumour else 'destructive'}"]
    if not seen.is_emergency:
        return None
    return SOURCES[f"spine-surgery-consult.{'cauda-equina' if 'cauda' in seen.lesion.key else 'cord'}"]


def _unconfirmed(chart: Chart, seen: findings.Seen) -> str:
    drop, is_structural = findings.named_drop(findings.foot_drop(chart)), seen.lesion.key == findings.STRUCTURAL
    what = f"{seen.name}, level" if is_structural else f"{seen.name}, side"
    return f"Imaging shows {what} not confirmed, with {drop}: confirm level and side, then ask spinal surgery."


def _summary(chart: Chart, seen: findings.Seen, indicator: Indicator) -> str:
    drop = findings.foot_drop(chart)
    if seen.lesion.key == findings.DESTRUCTIVE:
        return f"{_scan(seen.report)} names {seen.name} with foot drop: spinal surgery now."
    if seen.is_emergency:
        return f"{_scan(seen.report)} shows {seen.name} with foot drop: decompression referral now, day or night."
    if indicator is Indicator.INFO:
        return f"{_kind(chart)} with root compression: non-urgent surgical opinion; discuss realistic recovery."
    match, onset = "may explain" if drop.is_bilateral else "matches", findings.began(chart, drop, is_dated=False)
    return (
        f"Imaging shows root compression that {match} {findings.named_drop(drop)}, {findings.graded(drop)}: "
        f"urgent spinal surgical opinion, {onset}."
    )


def _kind(chart: Chart) -> str:
    """`Stable 7-month foot drop`, `Mild foot drop`, `Long complete foot drop`."""
    drop = findings.foot_drop(chart)
    if drop.onset and findings.is_older_than(chart, drop, LATE):
        if not findings.is_onset_stated(drop):
            return f"Stable foot drop recorded {drop.onset}, onset not stated,"
        return f"Stable {old(findings.elapsed(chart.clock.moment, drop.onset))} foot drop"
    return "Mild foot drop" if drop.is_mild else "Long complete foot drop"


def _scan(report: Report) -> str:
    return "MRI" if set(report.keys) & set(findings.MRI_REPORTS) else "CT"


def _words(seen: findings.Seen) -> str:
    words = {Side.BOTH: "central", Side.UNKNOWN: "side not recorded"}
    return f"{sentence(seen.report.text)}: {seen.name}, {words.get(seen.lesion.side, seen.lesion.side)}"


def _consult(chart: Chart, seen: findings.Seen, indicator: Indicator) -> Suggestion:
    priority = indicator.priority
    note = f"{_words(seen)} (report of {seen.report.when}). " + findings.clinical_note(chart)
    plan = Plan(key=findings.CONSULT, priority=priority, note=note, reasons=findings.reasons(chart, seen.report))
    label = f"{priority.capitalize()} spinal surgery consult"
    return Suggestion(label=label, plans=(plan,), is_recommended=indicator is not Indicator.INFO)
