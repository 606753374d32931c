"""Silences that several rules share: something has been done or declined, or lacks a date."""

from __future__ import annotations

from collections.abc import Callable

from cards.findings.red_flags import red_flags
from cards.findings.studies import refusals
from cards.language.escaping import inside
from cards.language.verdict import Silent, could_not_evaluate, suppressed
from cards.record.chart import Chart
from cards.record.facts import Evidence, Fact, Order, Procedure, Report


def imaged(report: Report, region: str = "the spine") -> Silent:
    """Imaging of this episode has been done, and no strength was lost since (D17)."""
    return suppressed(
        f"{region} was imaged on {report.when} ({inside(report.text)}), with no loss since", Evidence.of(report)
    )


def ordered(what: str, order: Order) -> Silent:
    """It has been drafted, ordered or done already; no priority means routine."""
    return suppressed(f"{what} is {order.state} ({order.when}, {order.priority or 'routine'})", Evidence.of(order))


def decompressed(operation: Procedure) -> Silent:
    """Decompressed, and stable since (D27)."""
    return suppressed(
        f"decompressed on {operation.when}, on or after the onset, with no loss since", Evidence.of(operation)
    )


def declined(
    chart: Chart, what: str, *keys: str, is_void: Callable[[Chart, Order], bool] | None = None
) -> Silent | None:
    """The patient declined it in 90 d, with no loss and no red flag since (D16); None if not.

    `is_void` says which refusals do not count for another reason (D84).
    """
    orders = refusals(chart, red_flags(chart).newest, *keys)
    order = next((order for order in orders if is_void is None or not is_void(chart, order)), None)
    return suppressed(f"the patient declined {what} on {order.when}", Evidence.of(order)) if order else None


def undated(fact: Fact) -> Silent:
    """A decisive fact has no date (D2)."""
    return could_not_evaluate(f"{inside(fact.text)} has no date: it lies in no window", Evidence.of(fact))


def unread(what: str, consequence: str) -> Silent:
    """Decisive data were not supplied and could not be obtained (D58)."""
    return could_not_evaluate(f"{what} could not be read: {consequence}")
