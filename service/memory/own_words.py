"""Sentences without what the record put into them: only words that occur in our own code are kept.

A reason such as "acute injury (..., 2026-02-01): the trauma path replaces this card" quotes the record. The memory
keeps sentences in order to count them, and they must name nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.util import find_spec
from pkgutil import walk_packages
from types import CodeType
from typing import Any

from cards import decide, findings, offers, orders, rules

LEFT_OUT = "…"
NUMBER = "#"

_TOKEN = re.compile(r"[^\W\d_]+|\d[\d.,:/-]*")
_WORD = re.compile(r"[^\W\d_]+")
_SEVERAL = re.compile(rf"{LEFT_OUT}(?:[^\w#]*{LEFT_OUT})+")


@lru_cache(maxsize=4096)
def in_own_words(sentence: str) -> str:
    """The sentence with `…` for words that are not ours, and `#` for numbers and dates."""
    known = own_words()
    kept = _TOKEN.sub(lambda token: _shown(token[0], known), sentence)
    return _SEVERAL.sub(LEFT_OUT, kept)


def _shown(token: str, known: frozenset[str]) -> str:
    if token[0].isdigit():
        return NUMBER
    return token if token in known else LEFT_OUT


@cache
def own_words() -> frozenset[str]:
    """Every word of the texts in the code that judges, advises or orders."""
    rooms = (rules, findings, orders)
    names = [module.name for room in rooms for module in walk_packages(room.__path__, f"{room.__name__}.")]
    names += [decide.__name__, offers.__name__]
    return frozenset(word for name in names for text in _texts(_code(name)) for word in _WORD.findall(text))


def _code(name: str) -> CodeType | None:
    spec = find_spec(name)
    loader: Any = spec.loader if spec else None
    return loader.get_code(name) if loader else None


def _texts(code: CodeType | None) -> Iterator[str]:
    for value in code.co_consts if code else ():
        if isinstance(value, str):
            yield value
        elif isinstance(value, CodeType):
            yield from _texts(value)
        elif isinstance(value, tuple | frozenset):
            yield from (part for part in value if isinstance(part, str))
