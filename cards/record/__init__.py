"""FHIR to Chart: the only package that reads FHIR. This module exports what rules need from it."""

from cards.record.chart import Chart
from cards.record.facts import Draft, Evidence, Fact, Medicine, Order, Problem, Reading, Report
from cards.record.side import FEET, Side

__all__ = [
    "FEET",
    "Chart",
    "Draft",
    "Evidence",
    "Fact",
    "Medicine",
    "Order",
    "Problem",
    "Reading",
    "Report",
    "Side",
]
