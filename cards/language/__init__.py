"""The vocabulary for writing a rule. The names that every rule uses are exported here; for text, use `escaping`."""

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
