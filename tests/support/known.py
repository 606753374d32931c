"""The rules that what is stored knows: the vignettes and the examples' answers were written for these.

A rule that no table of precedence names was added since, and is asked for by its own cases alone.
"""

from __future__ import annotations

from typing import Any

from cards.rule_book import rule_book

KNOWN = frozenset(rule_book().precedence.order)


def of_known_rules(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer with the cards of these rules alone."""
    return answer | {"cards": [card for card in answer["cards"] if card["source"]["topic"]["code"] in KNOWN]}
