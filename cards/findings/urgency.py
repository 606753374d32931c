"""What answers suspected cauda equina compression (decisions D22, D30, D71)."""

from __future__ import annotations

from datetime import timedelta

from cards.findings.foot_drop import foot_drop
from cards.findings.mr_safety import mr_safety
from cards.findings.red_flags import flags_to_call_for, red_flags
from cards.findings.studies import (
    CONSULT,
    CT_REPORTS,
    MRI_REPORTS,
    SPINE_CT,
    SPINE_MRI,
    consults_in_episode,
    counts_as_mri_order,
)
from cards.findings.surgical_answers import is_call
from cards.language.finding import finding
from cards.record.chart import Chart
from cards.record.facts import Order, Report

STAT_HOURS = 4  # BMJ Best Practice (E1): MRI within 4 h of the request
STAT_WINDOW = timedelta(hours=STAT_HOURS)


@finding(red_flags, *MRI_REPORTS, *CT_REPORTS)
def emergency_reports(chart: Chart) -> list[Report]:
    """D22: the reports that answer the red flags, strictly newer than every one of them."""
    flags = red_flags(chart)
    return [report for report in chart.reports(*MRI_REPORTS, *CT_REPORTS) if flags.precede(report.when)]


@finding(emergency_reports, *MRI_REPORTS, *SPINE_MRI, *SPINE_CT, mr_safety)
def emergency_answer(chart: Chart) -> Report | Order | None:
    """D22: what answers the red flags: a report newer than the newest, or a signed (D100) stat order <=4 h old."""
    if reports := emergency_reports(chart):
        return reports[0]
    ct = chart.orders(*SPINE_CT) if mr_safety(chart).is_hazard else []
    stat = [order for order in chart.orders(*SPINE_MRI) if counts_as_mri_order(chart, order)]
    stat += [order for order in ct if order.is_placed]
    stat = [order for order in stat if order.is_signed]
    return next((order for order in stat if order.priority == "stat" and chart.within(order.when, STAT_WINDOW)), None)


@finding(foot_drop, red_flags, emergency_answer)
def stat_mri(chart: Chart) -> Order | None:
    """The stat MRI that answers the red flags; even if it predates the onset, it is the scan that the drop needs."""
    answer = emergency_answer(chart) if foot_drop(chart) and red_flags(chart) else None
    is_mri = isinstance(answer, Order) and bool(set(answer.keys) & set(SPINE_MRI))
    return answer if isinstance(answer, Order) and is_mri else None


@finding(foot_drop, red_flags, emergency_answer)
def is_emergency(chart: Chart) -> bool:
    """Whether the cauda equina card applies: foot drop with red flags that nothing has answered."""
    return bool(foot_drop(chart)) and bool(red_flags(chart)) and emergency_answer(chart) is None


@finding(foot_drop, flags_to_call_for, CONSULT)
def surgery_called(chart: Chart) -> Order | None:
    """D71: a signed consult of this episode on or after the red flags, completed or not expressly routine."""
    since = flags_to_call_for(chart)
    for order in consults_in_episode(chart, [CONSULT]):
        if is_call(order) and order.when is not None and not since.is_after(order.when):
            return order
    return None


@finding(red_flags, emergency_answer, surgery_called)
def uncalled_scan(chart: Chart) -> Order | None:
    """D71: the stat order that answers the red flags while spinal surgery has not been called."""
    answer = emergency_answer(chart) if foot_drop(chart) and red_flags(chart) else None
    return answer if isinstance(answer, Order) and surgery_called(chart) is None else None
