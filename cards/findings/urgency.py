"""Which imaging the emergency and the decline ask for, shared by several rules (decisions D22, D30, D31)."""

from __future__ import annotations

from datetime import timedelta

from cards.findings.foot_drop import foot_drop
from cards.findings.mr_safety import mr_safety
from cards.findings.red_flags import red_flags
from cards.findings.signs import peripheral_pattern
from cards.findings.studies import (
    CT_REPORTS,
    MRI_REPORTS,
    SPINE_CT,
    SPINE_MRI,
    counts_as_mri_order,
    decline,
    imaging_done,
    is_urgent,
    mri_orders,
)
from cards.language.finding import finding
from cards.record.chart import Chart
from cards.record.facts import Order, Report

STAT_HOURS = 4  # BMJ Best Practice (E1): MRI within 4 h of the request
STAT_WINDOW = timedelta(hours=STAT_HOURS)


@finding(red_flags, *MRI_REPORTS, *CT_REPORTS, *SPINE_MRI, *SPINE_CT, mr_safety)
def emergency_answer(chart: Chart) -> Report | Order | None:
    """D22: what answers the red flags: a report newer than the newest one, or a stat order <=4 h old."""
    flags = red_flags(chart)
    last = None if flags.has_undated else flags.newest
    for report in chart.reports(*MRI_REPORTS, *CT_REPORTS):
        if last is not None and report.when is not None and report.when.is_after(last):
            return report
    ct = chart.orders(*SPINE_CT) if mr_safety(chart).is_hazard else []
    stat = [order for order in chart.orders(*SPINE_MRI) if counts_as_mri_order(chart, order)]
    stat += [order for order in ct if order.is_placed]
    return next((order for order in stat if order.priority == "stat" and chart.within(order.when, STAT_WINDOW)), None)


@finding(foot_drop, red_flags, emergency_answer)
def is_emergency(chart: Chart) -> bool:
    """Whether the cauda equina card stands: red flags with foot drop that nothing has answered."""
    return bool(foot_drop(chart)) and bool(red_flags(chart)) and emergency_answer(chart) is None


@finding(decline, imaging_done, mri_orders, peripheral_pattern)
def needs_same_day_mri(chart: Chart) -> bool:
    """D31: lumbar-mri would be critical: progressive, not imaged, no urgent order, no peripheral pattern."""
    if not decline(chart) or imaging_done(chart) or peripheral_pattern(chart):
        return False
    return not any(is_urgent(order) for order in mri_orders(chart))
