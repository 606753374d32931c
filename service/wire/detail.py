"""A card's detail: the advice, its evidence, the guideline that it follows, and what would change it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from cards.language.escaping import markdown
from cards.language.rule import Rule
from cards.language.sources import Source
from cards.language.verdict import Card
from cards.record.facts import Evidence
from cards.record.prefetch_keys import PREFETCH_KEYS

_SIDES = {"left": ", left", "right": ", right", "both": ", both sides"}


def detail(rule: Rule, card: Card) -> str:
    """GitHub Markdown without raw HTML; all text from the record is escaped."""
    parts = [card.detail.strip(), card.return_advice]
    if card.because:
        parts.append("**Because**\n\n" + "\n".join(_facts(card.because)))
    parts.append(_follows(rule))
    if card.changes:
        parts.append(f"What would change this advice: {card.changes}")
    parts += unseen(card.unseen)
    parts += [f"{markdown(sentence)}: check it." for sentence in card.left_out]
    return "\n\n".join(part for part in parts if part)


def unseen(keys: Iterable[str]) -> list[str]:
    """A sentence for each prefetch key that could not be read, in a fixed order."""
    missing = frozenset(keys)
    return [key.unseen for name, key in PREFETCH_KEYS.items() if name in missing and key.unseen]


def _facts(because: Iterable[Evidence]) -> Iterable[str]:
    for fact in because:
        yield f"- {fact.date or 'No date'}{_SIDES.get(fact.side, '')}: {markdown(fact.text)}"


@lru_cache(maxsize=64)
def _follows(rule: Rule) -> str:
    source = rule.source
    label = f"[{source.label}]({source.url})" if source.url else source.label
    graded = []
    if rule.strength:
        graded.append(f"Strength of recommendation: {rule.strength}.")
    if rule.quality:
        graded.append(f"Quality of evidence: {rule.quality}.")
    return " ".join([f"Follows: {label}{_year(source)}.", *graded])


def _year(source: Source) -> str:
    """The year in brackets, unless the label contains it."""
    return f" ({source.year})" if source.year and str(source.year) not in source.label else ""
