"""Imaging shows a compression that may be decompressed: a surgical opinion, as urgent as the deficit."""

from __future__ import annotations

from datetime import timedelta

from cards import findings
from cards.language import Card, Indicator, Plan, Suggestion, Verdict, not_applicable, rule, summary, suppressed
from cards.language.escaping import markdown, old, sentence
from cards.record import Chart, Evidence, Order, Side


@rule(
    "spine-surgery-consult", hooks=["patient-view", "problem-list-item-create", "encounter-discharge"],
    reads=[findings.off_gate, findings.lesions, findings.clinical_note, findings.decline, findings.red_flags,
           findings.CONSULT, findings.DECOMPRESSION],
    strength="strong for cord and cauda equina compression; conditional for one root",
    quality="low: cohorts favour early surgery for grade 3 or less, no randomised proof that surgery is superior",
    reviewed="2026-11-25", version="1.0.0", suggests=[findings.CONSULT],
    overrides=["already-arranged", "findings-disagree", "patient-declined", "not-in-goals-of-care"],
)  # fmt: skip
def spine_surgery_consult(chart: Chart) -> Verdict:
    """Compression on imaging that matches the foot drop: surgical opinion, decompression now for cord or cauda equina.

    An opinion, not an operation: the decision is shared unless strength falls or the cord or cauda equina is at risk.
    """
    first: Verdict | None = None
    for seen in _matching(chart):
        answer = _answer(chart, seen)
        if answer is None:
            return _card(chart, seen)
        first = first or answer
    return first or _without_lesion(chart)


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
    matching = [seen for seen in findings.lesions(chart) if not findings.contradicts(seen.lesion, drop)]
    return sorted(matching, key=lambda seen: (-_tier(chart, seen).rank, seen.report.reference))


LATE = timedelta(days=180)


def _tier(chart: Chart, seen: findings.Seen) -> Indicator:
    """D34: compression critical; a root warning, or info when late or mild and not progressive."""
    drop = findings.foot_drop(chart)
    if seen.is_compression:
        return Indicator.CRITICAL
    if findings.decline(chart):
        return Indicator.WARNING
    return Indicator.INFO if findings.is_older_than(chart, drop, LATE) or drop.is_mild else Indicator.WARNING


def _answer(chart: Chart, seen: findings.Seen) -> Verdict | None:
    """What has answered this lesion: decompression, a known cause, a consult, or the patient's refusal."""
    is_critical, report = seen.is_compression, seen.report
    for operation in chart.procedures(findings.DECOMPRESSION):
        if operation.when and report.when and operation.when.day >= report.when.day:
            why = f"decompressed on {operation.when}, on or after the day of the report"
            return suppressed(why, Evidence.of(operation))
    gate = None if is_critical else findings.off_gate(chart)
    if gate is not None:
        return suppressed(gate[0], Evidence.of(gate[1]))
    for order in _consults(chart, seen):
        if not is_critical or order.status == "completed" or order.priority != "routine":
            return suppressed(f"spinal surgery was consulted on {order.when}", Evidence.of(order))
    return None if is_critical else chart.once(_declined, lambda: _declined(chart))


def _declined(chart: Chart) -> Verdict | None:
    return findings.declined(chart, "the surgical consult", findings.CONSULT)


def _consults(chart: Chart, seen: findings.Seen) -> list[Order]:
    """Consults of this episode; for a compression also one dated on or after the report."""
    consults, reported = findings.consults_in_episode(chart, [findings.CONSULT]), seen.report.when
    if seen.is_compression and reported is not None:
        placed = (order for order in chart.orders(findings.CONSULT) if order.is_placed)
        consults += [order for order in placed if order.when and order.when.day >= reported.day]
    return consults


COMPRESSED = (
    "Cord or cauda equina compression with a deficit is an emergency: refer for decompression at once, whatever the "
    "hour. In cord injury surgery within 24 hours is advised."
)
SHARED = (
    "Early surgery (within 48 to 72 hours) goes with better motor recovery at grade 3 or less in cohort studies; no "
    "randomised trial shows that surgery beats conservative care, and one review advises operating mainly for pain. "
    "Present it as a shared decision unless strength falls. Many improve, few become normal."
)


def _card(chart: Chart, seen: findings.Seen) -> Card:
    report, indicator = seen.report, _tier(chart, seen)
    confirmed = findings.matches(seen.lesion, findings.foot_drop(chart))
    ask = "" if confirmed else "\n\nThe side of the lesion or of the foot drop is not recorded: confirm both first."
    quote = f"\n\nReport of {report.when}: “{markdown(report.conclusion, 240)}”" if report.conclusion else ""
    return Card(
        indicator=indicator,
        summary=summary(_summary(chart, seen, indicator) if confirmed else _unconfirmed(chart)),
        detail=(COMPRESSED if seen.is_compression else SHARED) + ask + quote,
        because=findings.because(chart, Evidence.of(report, _words(seen))),
        changes="A consult or decompression after the report; the patient's decision; a report on the other side.",
        suggestions=(_consult(chart, seen, indicator),) if confirmed else (),
    )


def _unconfirmed(chart: Chart) -> str:
    drop = findings.named_drop(findings.foot_drop(chart))
    return (
        f"Imaging shows root compression, side not confirmed, with {drop}: confirm level and side, then ask spinal "
        "surgery."
    )


def _summary(chart: Chart, seen: findings.Seen, indicator: Indicator) -> str:
    drop = findings.foot_drop(chart)
    if seen.is_compression:
        scan = "MRI" if set(seen.report.keys) & set(findings.MRI_REPORTS) else "CT"
        return f"{scan} shows {seen.name} with foot drop: decompression referral now, day or night."
    if indicator is Indicator.INFO:
        is_late = drop.onset and findings.is_older_than(chart, drop, LATE)
        kind = f"Stable {old(chart.age_of(drop.onset))}" if is_late and drop.onset else "Mild"
        return f"{kind} foot drop with root compression: non-urgent surgical opinion; discuss realistic recovery."
    match, onset = "may explain" if drop.is_bilateral else "matches", findings.began(chart, drop, is_dated=False)
    return (
        f"Imaging shows root compression that {match} {findings.named_drop(drop)}, {findings.graded(drop)}: "
        f"urgent spinal surgical opinion, {onset}."
    )


def _words(seen: findings.Seen) -> str:
    words = {Side.BOTH: "central", Side.UNKNOWN: "side not recorded"}
    return f"{sentence(seen.report.text)}: {seen.name}, {words.get(seen.lesion.side, seen.lesion.side)}"


def _consult(chart: Chart, seen: findings.Seen, indicator: Indicator) -> Suggestion:
    priority = indicator.priority
    note = f"{_words(seen)} (report of {seen.report.when}). " + findings.clinical_note(chart)
    plan = Plan(key=findings.CONSULT, priority=priority, note=note, reasons=findings.reasons(chart, seen.report))
    label = f"{priority.capitalize()} spinal surgery consult"
    return Suggestion(label=label, plans=(plan,), is_recommended=indicator is not Indicator.INFO)
