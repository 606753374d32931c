"""A card's detail: what to do, its evidence, what is missing, and the guideline that it follows, in few words (D94)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

from cards.language.escaping import markdown
from cards.language.rule import Rule
from cards.language.sources import Source
from cards.language.verdict import Card
from cards.record.facts import Evidence
from cards.record.prefetch_keys import PREFETCH_KEYS

MOST_FACTS, LEAST_FACTS = 6, 3
FEW_WORDS = 70  # in a longer detail, facts are reduced to three before anything else is cut
_SIDES = {"left": ", left", "right": ", right", "both": ", both sides"}
_LINK = re.compile(r"\]\([^)]*\)")


def detail(rule: Rule, card: Card, page: str, line: Callable[[Evidence], str], standing: str) -> str:
    """The detail of a card as GitHub Markdown without raw HTML; all text from the record is escaped.

    `page` is the address of the rule's page, and `standing` says whether the rule is signed.

    `line` is `fact_line`, or a version of it that caches lines for the cards of an answer that share facts.

    The order is fixed: advice, what to tell the patient, Because, Ask, guideline and standing, conflict.
    """
    source = card.source or rule.source
    before = [card.detail.strip(), card.quote, card.return_advice]
    after = [f"**Ask** {card.ask}" if card.ask else "", _follows(rule, source, page, standing), source.conflict]
    after += unseen(card.unseen)
    after += [f"{markdown(sentence)}: check it." for sentence in card.left_out]
    facts = _fitting([line(fact) for fact in card.because[:MOST_FACTS]], [card.detail, *after])
    because = "**Because**\n\n" + "\n".join(facts) if facts else ""
    return "\n\n".join(part for part in (*before, because, *after) if part)


def _fitting(facts: list[str], beside: Iterable[str]) -> list[str]:
    """As many of the facts as the limit of words allows in addition to `beside`, but at least three."""
    if len(facts) <= LEAST_FACTS:
        return facts
    left = FEW_WORDS - sum(len(part.split()) for part in beside)
    kept: list[str] = []
    for fact in facts:
        left -= len(fact.split())
        if left < 0 and len(kept) >= LEAST_FACTS:
            break
        kept.append(fact)
    return kept


def counted(parts: Iterable[str]) -> int:
    """The number of words that a reader sees; addresses of links and lone punctuation do not count."""
    words = (word for part in parts for word in _LINK.sub("", part).split())
    return sum(any(map(str.isalnum, word)) for word in words)


def unseen(keys: Iterable[str]) -> list[str]:
    """A sentence for each prefetch key that could not be read, in a fixed order."""
    missing = frozenset(keys)
    if not missing:
        return []
    return [key.unseen for name, key in PREFETCH_KEYS.items() if name in missing and key.unseen]


def fact_line(fact: Evidence) -> str:
    """A fact as a list item."""
    side, text = _SIDES.get(fact.side, ""), markdown(fact.text)
    if fact.is_recorded:
        return f"- {text}{side}: recorded {fact.date}; onset not stated"
    return f"- {fact.date or 'No date'}{side}: {text}"


@lru_cache(maxsize=128)
def _follows(rule: Rule, source: Source, page: str, standing: str) -> str:
    """`[Guideline, year](address); strong; draft, not yet signed`."""
    more = f" ([more]({page}))" if page else ""
    if source.is_judgement:
        return f"Expert judgement; {standing}{more}"
    label = f"[{source.label}]({source.url})" if source.url else source.label
    return f"{label}{_year(source)}; {source.strength or rule.strength}; {standing}{more}"


def _year(source: Source) -> str:
    """The year, unless the label contains it."""
    return f", {source.year}" if source.year and str(source.year) not in source.label else ""
