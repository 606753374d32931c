"""Why the lumbar spine must be scanned today, and which request answers that (decisions D31, D68, D69, D79, D84)."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from msgspec import Struct

from cards.findings.foot_drop import DROPPED, FootDrop, foot_drop, is_recent
from cards.findings.pain import spinal_pain
from cards.findings.protocol import FIXATION, SURGERY
from cards.findings.signs import WEAK, peripheral_pattern
from cards.findings.studies import (
    MRI_REPORTS,
    imaging_done,
    is_urgent,
    lost_since,
    mri_orders,
    post_operative_stable,
    reports_in_episode,
    steep_decline,
)
from cards.language.finding import finding
from cards.language.verdict import Indicator
from cards.record.chart import Chart
from cards.record.facts import Fact, Order, Procedure, Report
from cards.record.moments import Moment, newest
from cards.record.side import Side

ANTICOAGULANT = "medication.anticoagulant"
AFTER_OPERATION = timedelta(days=14)
SUDDEN = timedelta(days=3)
CHASED = timedelta(days=14)  # a request older than this without a report is chased (D84)
UNSIGNED = timedelta(hours=24)  # a draft older than this is treated in the same way


@finding(*SURGERY)
def late_operation(chart: Chart) -> Procedure | None:
    """The newest decompression or fixation if it is <=14 d old; the fixation if both have the same time."""
    last = newest(chart.procedures(*SURGERY), lambda operation: operation.when)
    operation = max(last, key=lambda done: (FIXATION in done.keys, done.reference), default=None)
    return operation if operation is not None and chart.within(operation.when, AFTER_OPERATION) else None


@finding(foot_drop, late_operation)
def new_after_operation(chart: Chart) -> Procedure | None:
    """D68: the operation after which the foot drop is new; no earlier grade is needed."""
    drop, operation = foot_drop(chart), late_operation(chart)
    if not drop or operation is None or operation.when is None:
        return None
    if drop.onset is not None:
        return None if operation.when.is_after(drop.onset) else operation
    return operation if any(not _weak_before(chart, drop, side, operation.when) for side in drop.sides) else None


def _weak_before(chart: Chart, drop: FootDrop, side: Side, day: Moment) -> bool:
    """Whether a dorsiflexion of grade 4 or less, or a code, of this side is dated before that day."""
    readings = chart.readings("mrc-ankle-dorsiflexion")
    weak = [reading.when for reading in readings if reading.value <= WEAK and side in reading.side.feet]
    coded = [code.when for code in drop.codes if code.side is Side.UNKNOWN or code.side.covers(side)]
    return any(when is not None and day.is_after(when) for when in (*weak, *coded))


@finding(foot_drop, spinal_pain, ANTICOAGULANT)
def suspected_haematoma(chart: Chart) -> list[Fact]:
    """D69: an anticoagulant with foot drop and pain that both began in the last 3 d: the medicine, then the pains."""
    drop = foot_drop(chart)
    if not drop or drop.onset is None or not chart.within(drop.onset, SUDDEN):
        return []
    medicines = chart.medicines(ANTICOAGULANT)
    pains = [pain for pain in spinal_pain(chart) if chart.within(pain.when, SUDDEN)]
    return [medicines[0], *pains] if medicines and pains else []


class SameDay(StrEnum):
    """Why lumbar MRI cannot wait until tomorrow; the first ground that holds is taken."""

    SURGERY = "new after surgery"
    HAEMATOMA = "suspected haematoma"
    LOSS = "worsening"


@finding(new_after_operation, suspected_haematoma, steep_decline, imaging_done, post_operative_stable, *MRI_REPORTS)
def same_day_ground(chart: Chart) -> SameDay | None:
    """The ground for a critical lumbar MRI that no scan has answered; orders and the examination do not matter here."""
    drop, operation = foot_drop(chart), new_after_operation(chart)
    if operation is not None and not _scanned_since(chart, operation.when, drop.onset):
        return SameDay.SURGERY
    if post_operative_stable(chart):
        return None
    if suspected_haematoma(chart) and not _scanned_since(chart, drop.onset):
        return SameDay.HAEMATOMA
    return SameDay.LOSS if steep_decline(chart) and not imaging_done(chart) else None


def _scanned_since(chart: Chart, *events: Moment | None) -> Report | None:
    """An MRI of this episode with no loss since and none of these events after it."""
    for report in reports_in_episode(chart, MRI_REPORTS):
        if report.when is not None and not _is_before(report.when, events) and not lost_since(chart, report):
            return report
    return None


def _is_before(when: Moment, events: tuple[Moment | None, ...]) -> bool:
    return any(event is not None and event.is_after(when) for event in events)


def precedes(chart: Chart, fact: Order | Report, operation: Procedure | None) -> bool:
    """Whether it is dated before the known onset, a loss, or this operation; true also if it has no date."""
    events = (foot_drop(chart).onset, operation.when if operation else None)
    return fact.when is None or _is_before(fact.when, events) or lost_since(chart, fact)


def answers_nothing(chart: Chart, order: Order) -> bool:
    """D84: dated before the known onset, a loss, or an operation of the last 14 d."""
    return precedes(chart, order, late_operation(chart))


class Standing(Struct, frozen=True):
    """A standing request: sufficient, waiting too long (`is_late`), or routine where urgent is due (`is_slow`)."""

    order: Order
    is_late: bool = False
    is_slow: bool = False


def standing_request(chart: Chart, indicator: Indicator) -> Standing | None:
    """D84: the spine MRI request that answers a lumbar-mri card of this indicator, and how well it does."""
    orders = [order for order in mri_orders(chart) if not answers_nothing(chart, order)]
    if indicator is Indicator.CRITICAL:
        orders = [order for order in orders if is_urgent(order) and order.is_signed]
    if not orders:
        return None
    waiting = [order for order in orders if order.is_pending and _waits_long(chart, order)]
    in_time = [order for order in orders if order not in waiting]
    if indicator is Indicator.INFO or not in_time:
        order = _newest(in_time or waiting)
        return Standing(order, is_late=indicator is not Indicator.INFO)
    enough = [order for order in in_time if is_urgent(order) or not order.is_pending]
    return Standing(_newest(enough or in_time), is_slow=not enough and _is_severe_and_recent(chart))


def _waits_long(chart: Chart, order: Order) -> bool:
    return not chart.within(order.when, UNSIGNED if order.is_draft else CHASED)


def _newest(orders: list[Order]) -> Order:
    return max(newest(orders, lambda order: order.when), key=lambda order: order.reference)


def _is_severe_and_recent(chart: Chart) -> bool:
    drop = foot_drop(chart)
    return is_recent(chart, drop) and drop.weakest is not None and drop.weakest <= DROPPED


@finding(same_day_ground, peripheral_pattern, mri_orders)
def needs_same_day_mri(chart: Chart) -> bool:
    """D31: lumbar-mri would be critical: a same-day ground, no peripheral pattern and no urgent request in time."""
    if same_day_ground(chart) is None or peripheral_pattern(chart):
        return False
    answer = standing_request(chart, Indicator.CRITICAL)
    return answer is None or answer.is_late
