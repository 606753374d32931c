"""The words of a rule, branch by branch, each with an example: a case or an example patient that prints it."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import accumulate

from msgspec import Struct

from cards.rule_book import RuleBook
from service import examples
from service.signoff.definitions import definitions, texts_of
from service.signoff.description import cases, roots

_ESCAPED = re.compile(r"\\([^\w\s])")
_FEWEST = 8  # letters that a template must have of its own: with fewer it would match anywhere


class Spoken(Struct, frozen=True):
    """A text that a rule can print, with names in braces for what is filled in, and an example with its place."""

    text: str
    example: str = ""
    where: str = ""


class Words(Struct, frozen=True):
    """The rule's own texts, and those that it takes from the shared definitions."""

    own: tuple[Spoken, ...]
    shared: tuple[Spoken, ...]


def spoken(rule_id: str, book: RuleBook) -> Words:
    """The words of a rule. Raises NoSourceError."""
    rule = book.rules[rule_id]
    metadata = {rule.title, rule.strength, rule.quality, rule.reviewed, rule.version}
    own: dict[str, None] = {}
    shared: dict[str, None] = {}
    code = definitions(roots(rule, book))
    for place in sorted(code, key=lambda place: (place.module, code[place][0].lineno if code[place] else 0)):
        into = own if place.module == rule.advise.__module__ else shared
        into |= {text: None for text in texts_of(place) if text not in metadata}
    printed = _Printed([*_in_cases(rule_id, book), *_in_examples().get(rule_id, ())])
    told = (tuple(map(printed.exemplified, texts)) for texts in (own, shared))
    return Words(*told)


class _Printed:
    """The lines that are known to be printed, and where each line stands."""

    def __init__(self, told: Iterable[tuple[str, str]]) -> None:
        lines = [(where, line) for where, text in told for line in text.splitlines()]
        self._wheres = [where for where, _ in lines]
        self._text = "\n".join(line for _, line in lines)
        self._ends = list(accumulate(len(line) + 1 for _, line in lines))

    def exemplified(self, text: str) -> Spoken:
        """The text with the first line that was printed from it."""
        expression = _pattern(text)
        match = expression.search(self._text) if expression else None
        if match is None:
            return Spoken(text)
        return Spoken(text, match[0], self._wheres[bisect(self._ends, match.start())])


def _pattern(text: str) -> re.Pattern[str] | None:
    """What a text looks like when it is filled in; None if too few letters are the text's own."""
    parts, depth, letters = [""], 0, 0
    for character in " ".join(text.split()):
        if character in "{}":
            depth += 1 if character == "{" else -1
            if character == "{" and depth == 1:
                parts.append("")
        elif depth == 0:
            parts[-1] += character
            letters += character.isalpha()
    if letters < _FEWEST:
        return None
    escaped = [re.escape(part) for part in parts]
    start = "" if escaped[0] else escaped.pop(0)
    end = "" if escaped[-1] else "[^\n]{0,60}"
    return re.compile(start + "[^\n]{1,120}?".join(escaped).removesuffix("[^\n]{1,120}?") + end)


def _in_cases(rule: str, book: RuleBook) -> Iterator[tuple[str, str]]:
    """The texts that the cases of a rule expect, each with the name of its case."""
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
def _in_examples() -> dict[str, list[tuple[str, str]]]:
    """What the cards of each rule say in the answers for the example patients, with the title of the example."""
    printed: dict[str, list[tuple[str, str]]] = {}
    for name in examples.names():
        example = examples.load(name)
        for card in example.response["cards"]:
            told = (_ESCAPED.sub(r"\1", text) for text in _texts(card))
            into = printed.setdefault(card["source"]["topic"]["code"], [])
            into += [(f"example: {example.title}", text) for text in told]
    return printed
