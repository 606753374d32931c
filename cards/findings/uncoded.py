"""Uncoded reports, and what they leave open (decision D61)."""

from __future__ import annotations

from datetime import timedelta

from cards.findings.foot_drop import foot_drop, in_episode
from cards.findings.lesions import LESION_READS, ROOTS, is_reported_normal, matches, named, unread_reports
from cards.findings.lumbar_need import new_after_operation, precedes
from cards.findings.red_flags import red_flags
from cards.findings.studies import (
    CONSULT,
    CT_REPORTS,
    MRI_REPORTS,
    consults_in_episode,
    reports_in_episode,
    steep_decline,
)
from cards.findings.surgical_answers import is_call
from cards.findings.urgency import emergency_reports
from cards.language.finding import finding
from cards.language.imaging_need import ImagingNeed, Need
from cards.language.verdict import Indicator
from cards.record.chart import Chart
from cards.record.facts import Order, Report
from cards.record.moments import newest

READ_SOON = timedelta(hours=72)
ASKED = timedelta(days=90)  # nobody is asked to read an older report


@finding(unread_reports)
def newest_unread(chart: Chart) -> Report | None:
    """The newest unread report of the last 90 d, if no report of this episode names a lesion."""
    if any(named(chart, report) for report in reports_in_episode(chart, (*MRI_REPORTS, *CT_REPORTS))):
        return None
    return newest_report(chart, unread_reports(chart))


@finding(foot_drop, emergency_reports, *LESION_READS)
def unread_emergency(chart: Chart) -> Report | None:
    """The unread report that answers the red flags (D22); one that names only root lesions is unread as well (D62).

    A CT counts whatever the implants: it silences the cauda equina card.
    """
    if not foot_drop(chart):
        return None
    drop = foot_drop(chart)
    answers = [report for report in emergency_reports(chart) if in_episode(chart, drop, report.when)]
    if any(lesion.key not in ROOTS for report in answers for lesion in named(chart, report)):
        return None
    return newest_report(chart, [report for report in answers if not is_reported_normal(report)])


@finding(unread_reports, red_flags, new_after_operation, steep_decline)
def unread_since_trigger(chart: Chart) -> list[Report]:
    """The unread reports that may have silenced other imaging; none if a report since the trigger names a lesion.

    While there are red flags, a report that names only root lesions is unread as well (D62).
    """
    operation, has_flags = new_after_operation(chart), bool(red_flags(chart))
    unread = unread_reports(chart)
    for report in reports_in_episode(chart, (*MRI_REPORTS, *CT_REPORTS)):
        lesions = named(chart, report)
        if lesions and has_flags and all(lesion.key in ROOTS for lesion in lesions):
            unread = [*unread, report]
        elif lesions and not precedes(chart, report, operation):
            return []
    return unread


def silencing_report(chart: Chart, imaging_need: ImagingNeed) -> Report | None:
    """The newest unread report without which an imaging card other than the cauda equina card would be critical."""
    unread = [report for report in unread_since_trigger(chart) if chart.within(report.when, ASKED)]
    everyone = frozenset(report.reference for report in unread)
    critical = _critical(imaging_need(everyone)) if unread else set()
    while critical and (report := newest_report(chart, unread)):
        if critical - _critical(imaging_need(everyone - {report.reference})):
            return report
        unread.remove(report)
    return None


def _critical(need: Need) -> set[str]:
    """The rules, except that of the cauda equina, that ask for imaging at once."""
    cards = (card for card in need.cards if not card.is_of_emergency)
    return {card.rule for card in cards if card.indicator is Indicator.CRITICAL}


def newest_report(chart: Chart, reports: list[Report]) -> Report | None:
    """The newest of the reports that is <=90 d old."""
    recent = [report for report in reports if chart.within(report.when, ASKED)]
    return max(newest(recent, lambda report: report.when), key=lambda report: report.reference, default=None)


def is_to_be_read_now(chart: Chart, report: Report) -> bool:
    """Whether the report is at most 72 h old; without a time, at most 3 calendar days."""
    return chart.within(report.when, READ_SOON)


@finding(red_flags, CONSULT, foot_drop)
def consulted_since_flags(chart: Chart) -> Order | None:
    """A consult that answers the critical tier, dated on or after the newest red flag."""
    flags = red_flags(chart).newest
    consults = filter(is_call, consults_in_episode(chart, [CONSULT]))
    return next((order for order in consults if order.when and not flags.is_after(order.when)), None)


@finding(new_after_operation, steep_decline, CONSULT)
def consulted_since_trigger(chart: Chart) -> Order | None:
    """A consult that answers the other grounds, dated on or after the known onset, the loss and the operation."""
    operation = new_after_operation(chart)
    consults = filter(is_call, consults_in_episode(chart, [CONSULT]))
    return next((order for order in consults if not precedes(chart, order, operation)), None)


@finding(foot_drop, emergency_reports, *LESION_READS)
def unexplained_emergency(chart: Chart) -> Report | None:
    """D64: a scan that answers the red flags, if all such scans are normal or show nothing that matches the drop."""
    drop = foot_drop(chart)
    answers = emergency_reports(chart) if drop else []
    for report in answers:
        shown = named(chart, report)
        is_read = bool(shown) or is_reported_normal(report)
        if not is_read or any(matches(lesion, drop) for lesion in shown):
            return None
    return answers[0] if answers else None
