"""What has answered a lesion or a report for the surgeon: decompression or a consult (decisions D34, D66, D100)."""

from __future__ import annotations

from cards.findings.course import DECOMPRESSION
from cards.findings.foot_drop import foot_drop
from cards.findings.lesions import Seen, lesions
from cards.findings.studies import CONSULT, consults_in_episode
from cards.language.finding import finding
from cards.record.chart import Chart
from cards.record.facts import Order, Procedure, Report


def decompressed_since(chart: Chart, report: Report) -> Procedure | None:
    """A decompression on or after the day of the report."""
    for operation in chart.procedures(DECOMPRESSION):
        if operation.when and report.when and operation.when.day >= report.when.day:
            return operation
    return None


def is_call(order: Order) -> bool:
    """Whether a consult counts as an emergency call: signed, and either completed or not expressly routine."""
    return order.is_signed and (order.status == "completed" or order.priority != "routine")


def emergency_consult(chart: Chart, seen: Seen) -> Order | None:
    """A consult of this episode, or dated on or after the report, that answers an emergency on imaging."""
    consults, reported = consults_in_episode(chart, [CONSULT]), seen.report.when
    if reported is not None:
        placed = (order for order in chart.orders(CONSULT) if order.is_placed)
        consults += [order for order in placed if order.when and order.when.day >= reported.day]
    return next(filter(is_call, consults), None)


@finding(foot_drop, lesions, CONSULT, DECOMPRESSION)
def unanswered_emergencies(chart: Chart) -> list[Report]:
    """D66: the reports of a compressed cord or cauda equina, or a destroyed spine, that nothing has answered."""
    emergencies = [seen for seen in lesions(chart) if seen.is_emergency] if foot_drop(chart) else []
    return [
        seen.report
        for seen in emergencies
        if not (decompressed_since(chart, seen.report) or emergency_consult(chart, seen))
    ]
