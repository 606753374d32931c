"""Imaging, electrodiagnosis and orders: what was done, ordered or declined (decisions D13 to D17, D32, D79, D81)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from cards.findings.course import (
    Loss,
    charted_decline,
    is_lost_since,
    measured_losses,
    newest_decompression,
)
from cards.findings.foot_drop import DROPPED, foot_drop, in_episode
from cards.language.finding import finding
from cards.record.chart import Chart
from cards.record.facts import Order, Procedure, Reading, Report
from cards.record.moments import Latest

LUMBAR_MRI = ("order.mri-lumbar", "order.mri-lumbar-contrast")
WHOLE_SPINE_MRI = ("order.mri-whole-spine", "order.mri-whole-spine-contrast")
SPINE_MRI = (*LUMBAR_MRI, *WHOLE_SPINE_MRI)
SPINE_CT = ("order.ct-lumbar", "order.ct-myelogram-lumbar")
MRI_REPORTS = ("report.mri-lumbar", "report.mri-whole-spine")
CT_REPORTS = ("report.ct-lumbar", "report.ct-myelogram-lumbar")
CONSULT = "order.spine-surgery-consult"
EMG = "order.emg-ncs"
EMG_REPORT = "report.emg-ncs"

ORDER_WINDOW = timedelta(days=30)
REFUSAL_WINDOW = timedelta(days=90)  # D81
URGENT = frozenset({"urgent", "asap", "stat"})


def is_pending(order: Order) -> bool:
    """Whether the order is active, on hold or a draft."""
    return order.is_pending


def is_urgent(order: Order) -> bool:
    """Whether the priority is urgent, asap or stat; no priority means routine."""
    return order.priority in URGENT


@finding(foot_drop, "procedure.lumbar-decompression")
def measured_decline(chart: Chart) -> Loss | None:
    """D11: at least one grade of dorsiflexion lost in 14 d on a dropped side."""
    drop = foot_drop(chart)
    return next(iter(measured_losses(chart, drop.sides)), None) if drop else None


@finding(foot_drop, measured_decline, charted_decline)
def decline(chart: Chart) -> Loss | Reading | None:
    """Progressive weakness: a grade lost in 14 d (D11) or rapid progression charted (D12)."""
    return measured_decline(chart) or (charted_decline(chart) if foot_drop(chart) else None)


@finding(foot_drop, measured_decline, charted_decline)
def steep_decline(chart: Chart) -> Loss | Reading | None:
    """D79: a loss that ends at grade 3 or less, or rapid progression charted; a loss to grade 4 can wait for days."""
    drop = foot_drop(chart)
    losses = measured_losses(chart, drop.sides) if drop else []
    steep = next((loss for loss in losses if loss.after.value <= DROPPED), None)
    return steep or (charted_decline(chart) if drop else None)


def lost_since(chart: Chart, event: Report | Order | Procedure) -> bool:
    """D13: whether strength was lost after this dated event."""
    return event.when is not None and is_lost_since(chart, foot_drop(chart).sides, event.when)


@finding(foot_drop, *MRI_REPORTS, decline)
def imaging_done(chart: Chart) -> Report | None:
    """D17: a final lumbar or whole-spine MRI of this episode with no loss since."""
    return done_in_episode(chart, MRI_REPORTS)


@finding(foot_drop, *MRI_REPORTS, *CT_REPORTS, decline)
def emergency_imaging_done(chart: Chart) -> Report | None:
    """D17 for the cauda equina card, for which a CT counts as well."""
    return done_in_episode(chart, (*MRI_REPORTS, *CT_REPORTS))


@finding(foot_drop, "report.mri-whole-spine", decline)
def whole_spine_done(chart: Chart) -> Report | None:
    """D32: a final whole-spine MRI of this episode with no loss since."""
    return done_in_episode(chart, ("report.mri-whole-spine",))


def done_in_episode(chart: Chart, keys: Iterable[str]) -> Report | None:
    """A report with one of these keys that belongs to the episode and is not outdated by a later loss."""
    return next((report for report in reports_in_episode(chart, keys) if not lost_since(chart, report)), None)


def reports_in_episode(chart: Chart, keys: Iterable[str]) -> list[Report]:
    """D15: the final reports with these keys that belong to the episode."""
    reports = chart.reports(*keys)
    if not reports:
        return []
    drop = foot_drop(chart)
    return [report for report in reports if in_episode(chart, drop, report.when)]


def counts_as_mri_order(chart: Chart, order: Order) -> bool:
    """D15: whether it is pending, or completed without a final spine MRI report at or after it."""
    if order.is_pending:
        return True
    if not order.is_placed or order.when is None:
        return False
    return chart.once(counts_as_mri_order, lambda: chart.latest_report(*MRI_REPORTS)).is_before(order.when)


def _ordered(chart: Chart, keys: tuple[str, ...]) -> list[Order]:
    return [
        order
        for order in chart.orders(*keys)
        if counts_as_mri_order(chart, order) and chart.within(order.when, ORDER_WINDOW)
    ]


@finding(*SPINE_MRI, *MRI_REPORTS)
def mri_orders(chart: Chart) -> list[Order]:
    """Lumbar and whole-spine MRI orders of the last 30 d."""
    return _ordered(chart, SPINE_MRI)


@finding(*WHOLE_SPINE_MRI, *MRI_REPORTS)
def whole_spine_orders(chart: Chart) -> list[Order]:
    """Whole-spine MRI orders of the last 30 d."""
    return _ordered(chart, WHOLE_SPINE_MRI)


def consults_in_episode(chart: Chart, keys: Iterable[str]) -> list[Order]:
    """D15: EMG orders and consults of this episode, pending or completed."""
    drop = foot_drop(chart)
    return [order for order in chart.orders(*keys) if order.is_placed and in_episode(chart, drop, order.when)]


def refusals(chart: Chart, newest_flags: Latest, *keys: str) -> list[Order]:
    """D16, D81: declined <=90 d ago, with no loss and no red flag newer than it."""
    return [
        order
        for order in chart.orders(*keys)
        if order.declined
        and order.when
        and chart.within(order.when, REFUSAL_WINDOW)
        and not newest_flags.is_after(order.when)
        and not lost_since(chart, order)
    ]


@finding("procedure.lumbar-decompression", foot_drop, decline)
def post_operative_stable(chart: Chart) -> Procedure | None:
    """D27: decompression on or after a known onset, and no loss since it."""
    drop = foot_drop(chart)
    operation = newest_decompression(chart)
    if operation is None or operation.when is None or drop.onset is None:
        return None
    if drop.onset.is_after(operation.when) or lost_since(chart, operation):
        return None
    return operation
