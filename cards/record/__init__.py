"""FHIR to Chart: the only room that reads FHIR. What a rule needs of it is offered here."""

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
