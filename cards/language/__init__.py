"""The words in which a rule is written. What every rule says is offered here; its texts come by way of escaping."""

from cards.language.finding import Finding, finding
from cards.language.imaging_need import ImagingCard, ImagingNeed, Need
from cards.language.rule import Rule, rule
from cards.language.sources import SOURCES, Source
from cards.language.verdict import (
    Card,
    Indicator,
    Plan,
    Redose,
    Remove,
    Reprioritise,
    Suggestion,
    Verdict,
    could_not_evaluate,
    fits_summary,
    not_applicable,
    summary,
    suppressed,
)

__all__ = [
    "SOURCES",
    "Card",
    "Finding",
    "ImagingCard",
    "ImagingNeed",
    "Indicator",
    "Need",
    "Plan",
    "Redose",
    "Remove",
    "Reprioritise",
    "Rule",
    "Source",
    "Suggestion",
    "Verdict",
    "could_not_evaluate",
    "finding",
    "fits_summary",
    "not_applicable",
    "rule",
    "summary",
    "suppressed",
]
