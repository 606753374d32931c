"""A card's detail: the advice, because of what, after which guideline, and what would change it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from cards.language.escaping import markdown
from cards.language.rule import Rule
from cards.language.sources import Source
from cards.language.verdict import Card
from cards.record.facts import Evidence

# decisions.md D58: what the reader has to check where a prefetch key could not be read
_UNSEEN = {
    "patient": "The patient's birth date could not be read: check that this fits the age.",
    "conditions": "The problem list could not be read: check it before acting.",
    "observations": "Examination findings and results could not be read: check them before acting.",
    "reports": "Reports could not be read: check that a study has not answered this already.",
    "orders": "Orders could not be read: check that this is not ordered already.",
    "deviceOrders": "Device orders could not be read: check that this is not ordered already.",
    "devices": "Implanted devices could not be read: check for them before any MRI.",
    "procedures": "Procedures could not be read: check for an operation that has already been done.",
    "medications": "Medication orders could not be read: check what is already prescribed.",
    "statements": "Medication statements could not be read: check what the patient takes.",
    "allergies": "Allergies could not be read: check them before prescribing.",
    "encounter": "The encounter could not be read: check that this fits where the patient is seen.",
}
_SIDES = {"left": ", left", "right": ", right", "both": ", both sides"}


def detail(rule: Rule, card: Card) -> str:
    """GitHub Markdown without raw HTML; every word of the record in it is escaped."""
    parts = [card.detail.strip(), card.return_advice]
    if card.because:
        parts.append("**Because**\n\n" + "\n".join(_facts(card.because)))
    parts.append(_follows(rule))
    if card.changes:
        parts.append(f"What would change this advice: {card.changes}")
    parts += unseen(card.unseen)
    return "\n\n".join(part for part in parts if part)


def unseen(keys: Iterable[str]) -> list[str]:
    """A sentence for each prefetch key that could not be read, in a fixed order."""
    missing = frozenset(keys)
    return [sentence for key, sentence in _UNSEEN.items() if key in missing]


def _facts(because: Iterable[Evidence]) -> Iterable[str]:
    for fact in because:
        yield f"- {fact.date or 'No date'}{_SIDES.get(fact.side, '')}: {markdown(fact.text)}"


@lru_cache(maxsize=64)
def _follows(rule: Rule) -> str:
    source = rule.source
    named = f"[{source.label}]({source.url})" if source.url else source.label
    graded = []
    if rule.strength:
        graded.append(f"Strength of recommendation: {rule.strength}.")
    if rule.quality:
        graded.append(f"Quality of evidence: {rule.quality}.")
    return " ".join([f"Follows: {named}{_year(source)}.", *graded])


def _year(source: Source) -> str:
    """The year, unless the label says it already."""
    return f" ({source.year})" if source.year and str(source.year) not in source.label else ""
