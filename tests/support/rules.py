"""The rules of the service, some of them with other verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import structs

from cards.language.verdict import Card, Plan, Suggestion, Verdict
from cards.rule_book import RuleBook, make_rule_book, rule_book

Advise = Callable[..., Verdict]


def book_with(changes: Mapping[str, Advise]) -> RuleBook:
    """The rule book in which the rules with these ids give this advice."""
    book = rule_book()
    rules = [structs.replace(rule, advise=changes.get(id, rule.advise)) for id, rule in book.rules.items()]
    return make_rule_book(rules, book.precedence)


def book_with_invalid(key: str) -> RuleBook:
    """The rule book in which every order of a key of the catalogue has a priority that R4 does not define."""
    return book_with({id: _spoilt(rule.advise, key) for id, rule in rule_book().rules.items()})


def _spoilt(advise: Advise, key: str) -> Advise:
    def spoilt(plan: Any) -> Any:
        return structs.replace(plan, priority="now") if isinstance(plan, Plan) and plan.key == key else plan

    def call(*asked: Any) -> Verdict:
        verdict = advise(*asked)
        if not isinstance(verdict, Card):
            return verdict
        suggestions: list[Suggestion] = [
            structs.replace(each, plans=tuple(map(spoilt, each.plans))) for each in verdict.suggestions
        ]
        return structs.replace(verdict, suggestions=tuple(suggestions))

    return call
