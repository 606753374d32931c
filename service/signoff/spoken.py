"""The words of a rule, branch by branch, each with an example: a case or an example patient that brings it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from msgspec import Struct

from cards.rule_book import RuleBook
from service import examples
from service.signoff import syntax
from service.signoff.definitions import definitions
from service.signoff.description import cases, roots

_ESCAPED = re.compile(r"\\([^\w\s])")
_FEWEST = 8  # letters of a template that are its own: fewer would find themselves anywhere


class Spoken(Struct, frozen=True):
    """A text that a rule can print, what is filled in as names in braces; and an example, with where it stands."""

    text: str
    example: str = ""
    where: str = ""


class Words(Struct, frozen=True):
    """The texts of a rule's own, and those that it takes from the shared definitions."""

    own: tuple[Spoken, ...]
    shared: tuple[Spoken, ...]


def spoken(rule_id: str, book: RuleBook) -> Words:
    """The words of a rule. Raises NoSourceError."""
    rule = book.rules[rule_id]
    metadata = {rule.title, rule.strength, rule.quality, rule.reviewed, rule.version}
    own: dict[str, None] = {}
    shared: dict[str, None] = {}
    for place, statements in definitions(roots(rule, book)).items():
        into = own if place.module == rule.advise.__module__ else shared
        in_order = sorted(statements, key=lambda statement: statement.lineno)
        into |= {text: None for statement in in_order for text in syntax.texts(statement) if text not in metadata}
    printed = [*_in_cases(rule_id, book), *_in_examples(rule_id)]
    told = (tuple(_exemplified(text, printed) for text in texts) for texts in (own, shared))
    return Words(*told)


def _exemplified(text: str, printed: Iterable[tuple[str, str]]) -> Spoken:
    expression = pattern(text)
    for where, words in printed if expression else ():
        if expression and (match := expression.search(words)):
            return Spoken(text, match[0], where)
    return Spoken(text)


def pattern(text: str) -> re.Pattern[str] | None:
    """What a text looks like when it is filled in; None when hardly a letter of it is its own."""
    parts, depth, letters = [""], 0, 0
    for character in text:
        if character in "{}":
            depth += 1 if character == "{" else -1
            if character == "{" and depth == 1:
                parts.append("")
        elif depth == 0:
            parts[-1] += character
            letters += character.isalpha()
    if letters < _FEWEST:
        return None
    between = "[^\n]{0,120}?"
    last = "" if parts[-1] else "[^\n]{0,60}"
    return re.compile(between.join(map(re.escape, parts)).removesuffix(between) + last)


def _in_cases(rule: str, book: RuleBook) -> Iterator[tuple[str, str]]:
    """What the cases of a rule say is printed, each text with the name of its case."""
    for case in cases(book.rules[rule]):
        for text in _texts(case.get("card")) if "card" in case else _texts(case.get("silent")):
            yield f"case: {case['name']}", text


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


@cache
def _in_examples(rule: str) -> tuple[tuple[str, str], ...]:
    """What the cards of a rule say in the answers to the example patients, with the title of the example."""
    printed = []
    for name in examples.names():
        example = examples.load(name)
        for card in example.response["cards"]:
            if card["source"]["topic"]["code"] == rule:
                texts = (_ESCAPED.sub(r"\1", text).replace("**", "") for text in _texts(card))
                printed += [(f"example: {example.title}", text) for text in texts]
    return tuple(printed)
