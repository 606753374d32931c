"""Imaging shows a compression that may be decompressed: a surgical opinion, as urgent as the deficit."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from cards import findings
from cards.language import (
    Card,
    Indicator,
    Plan,
    Suggestion,
    Verdict,
    could_not_evaluate,
    not_applicable,
    rule,
    summary,
    suppressed,
)
from cards.language.escaping import days, markdown, sentence
from cards.record import Chart, Evidence, Order, Side

CONSULT = "order.spine-surgery-consult"
LATE = timedelta(days=180)


COMPRESSED = (
    "Cord or cauda equina compression with a deficit is an emergency: refer for decompression at once, whatever the "
    "hour. In cord injury surgery within 24 hours is advised."
)
SHARED = (
    "Early surgery (within 48 to 72 hours) goes with better motor recovery at grade 3 or less in cohort studies; no "
    "randomised trial shows that surgery beats conservative care, and one review advises operating mainly for pain. "
    "Present it as a shared decision unless strength falls. Many improve, few become normal."
)


class Indication(Struct, frozen=True):
    """A lesion that asks for surgery's opinion, and how loudly."""

    seen: findings.Seen
    indicator: Indicator


@rule(
    "spine-surgery-consult",
    hooks=["patient-view", "problem-list-item-create", "encounter-discharge"],
    reads=[
        findings.off_gate,
        findings.lesions,
        findings.clinical_note,
        findings.decline,
        findings.red_flags,
        CONSULT,
        findings.DECOMPRESSION,
    ],
    strength="strong for cord and cauda equina compression; conditional for one root",
    quality="low: cohorts favour early surgery for grade 3 or less, no randomised proof that surgery is superior",
    reviewed="2026-11-25",
    version="1.0.0",
    suggests=["order.spine-surgery-consult"],
    overrides=["already-arranged", "findings-disagree", "patient-declined", "not-in-goals-of-care"],
)
def spine_surgery_consult(chart: Chart) -> Verdict:
    """Compression on imaging that matches the foot drop: surgical opinion, decompression now for cord or cauda equina.

    An opinion, not an operation: the decision is shared unless strength falls or the cord or cauda equina is at risk.
    """
    found = _indications(chart)
    if not found:
        if not chart.has_seen("report.mri-lumbar"):
            return could_not_evaluate("imaging reports could not be read, so no compression can be seen")
        undated = [
            report
            for report in chart.reports(*findings.MRI_REPORTS, *findings.CT_REPORTS)
            if report.lesions and not report.when
        ]
        if undated:
            return could_not_evaluate(
                "a report with a lesion has no date: it lies in no episode", Evidence.of(undated[0])
            )
        return not_applicable("no compression that matches the foot drop is coded in a report of this episode")
    for each in found:
        why = _answered_by(chart, each)
        if why is None:
            return _card(chart, each)
    return suppressed(*_first_answer(chart, found))


def _indications(chart: Chart) -> list[Indication]:
    """Every lesion that matches or may match, the loudest first."""
    drop = findings.foot_drop(chart)
    found = [
        Indication(seen, _tier(chart, seen))
        for seen in findings.lesions(chart)
        if not findings.contradicts(seen.lesion, drop)
    ]
    return sorted(found, key=lambda each: (-each.indicator.rank, each.seen.report.reference))


def _tier(chart: Chart, seen: findings.Seen) -> Indicator:
    """D34: compression critical; a root warning, or info when late or mild and not progressive."""
    if seen.lesion.key in findings.COMPRESSIONS:
        return Indicator.CRITICAL
    drop = findings.foot_drop(chart)
    if findings.decline(chart):
        return Indicator.WARNING
    return Indicator.INFO if findings.is_older_than(chart, drop, LATE) or drop.is_mild else Indicator.WARNING


def _answered_by(chart: Chart, each: Indication) -> tuple[str, Evidence] | None:
    """What has answered this lesion: decompression, a known cause, a consult, or the patient's refusal."""
    report = each.seen.report
    is_compression = each.seen.lesion.key in findings.COMPRESSIONS
    for operation in chart.procedures(findings.DECOMPRESSION):
        if operation.when and report.when and operation.when.day >= report.when.day:
            return f"decompressed on {operation.when}, on or after the day of the report", Evidence.of(operation)
    gate = None if is_compression else findings.off_gate(chart)
    if gate is not None:
        return gate[0], Evidence.of(gate[1])
    for order in _consults(chart, each):
        if each.indicator is not Indicator.CRITICAL or order.status == "completed" or order.priority != "routine":
            return f"spinal surgery was consulted on {order.when}", Evidence.of(order)
    declined = findings.refusal(chart, findings.red_flags(chart).newest, CONSULT)
    if declined is not None and each.indicator is not Indicator.CRITICAL:
        return f"the patient declined the surgical consult on {declined.when}", Evidence.of(declined)
    return None


def _first_answer(chart: Chart, found: list[Indication]) -> tuple[str, Evidence]:
    first = _answered_by(chart, found[0])
    assert first is not None
    return first


def _consults(chart: Chart, each: Indication) -> list[Order]:
    """Consults of this episode; for a compression also one dated on or after the report."""
    consults = findings.consults_in_episode(chart, [CONSULT])
    report = each.seen.report
    if each.seen.lesion.key in findings.COMPRESSIONS and report.when is not None:
        consults += [
            order
            for order in chart.orders(CONSULT)
            if (findings.is_pending(order) or order.status == "completed")
            and order.when
            and order.when.day >= report.when.day
        ]
    return consults


def _card(chart: Chart, each: Indication) -> Card:
    report, lesion = each.seen.report, each.seen.lesion
    confirmed = findings.matches(lesion, findings.foot_drop(chart))
    quote = f"\n\nReport of {report.when}: “{markdown(report.conclusion, 240)}”" if report.conclusion else ""
    ask = "" if confirmed else "\n\nThe side of the lesion or of the foot drop is not recorded: confirm both first."
    return Card(
        indicator=each.indicator,
        summary=summary(_summary(chart, each, confirmed)),
        detail=(COMPRESSED if lesion.key in findings.COMPRESSIONS else SHARED) + ask + quote,
        because=findings.once((Evidence.of(report, _lesion_words(each)), *findings.drop_because(chart))),
        changes="A consult or decompression after the report; the patient's decision; a report on the other side.",
        suggestions=_suggestions(chart, each) if confirmed else (),
    )


def _summary(chart: Chart, each: Indication, confirmed: bool) -> str:
    drop = findings.foot_drop(chart)
    if each.indicator is Indicator.CRITICAL:
        where = "cauda equina" if "cauda" in each.seen.lesion.key else "cord"
        scan = "MRI" if set(each.seen.report.keys) & set(findings.MRI_REPORTS) else "CT"
        return f"{scan} shows {where} compression with foot drop: decompression referral now, day or night."
    if not confirmed:
        return (
            f"Imaging shows root compression, side not confirmed, with {findings.named_drop(drop)}: "
            "confirm level and side, then ask spinal surgery."
        )
    if each.indicator is Indicator.INFO:
        late = findings.is_older_than(chart, drop, LATE) and drop.onset is not None
        words = days(chart.age_of(drop.onset)).rstrip("s").replace(" ", "-") if late and drop.onset else ""
        kind = f"Stable {words}" if late else "Mild"
        return f"{kind} foot drop with root compression: non-urgent surgical opinion; discuss realistic recovery."
    side = "may explain" if drop.is_bilateral else "matches"
    return (
        f"Imaging shows root compression that {side} {findings.named_drop(drop)}, {findings.graded(drop)}: "
        f"urgent spinal surgical opinion, {findings.began(chart, drop).partition(' (')[0]}."
    )


def _lesion_words(each: Indication) -> str:
    name = each.seen.lesion.key.removeprefix("lesion.").replace("-", " ")
    known = {Side.BOTH: "central", Side.UNKNOWN: "side not recorded"}
    side = known.get(each.seen.lesion.side, str(each.seen.lesion.side))
    return f"{sentence(each.seen.report.text)}: {name}, {side}"


def _suggestions(chart: Chart, each: Indication) -> tuple[Suggestion, ...]:
    priority = {Indicator.CRITICAL: "stat", Indicator.WARNING: "urgent", Indicator.INFO: "routine"}[each.indicator]
    note = f"{_lesion_words(each)} (report of {each.seen.report.when}). " + findings.clinical_note(chart)
    why = (*findings.reasons(chart), *findings.references(each.seen.report))
    plan = Plan(key=CONSULT, priority=priority, note=note, reasons=why)
    label = f"{priority.capitalize()} spinal surgery consult"
    return (Suggestion(label=label, plans=(plan,), is_recommended=each.indicator is not Indicator.INFO),)
