"""Every regular expression of cards/ and service/ takes time in proportion to the length of the text, for any text."""

from __future__ import annotations

import ast
import re
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pkgutil import walk_packages

import pytest

import cards
import service
from cards.record.chart import BUILT_IN_CODES
from tests.support import house

SIZE = 64 * 1024
# Measured values are under 10 ms of CPU time.
MOST_SECONDS = 0.05
# These cannot be imported without the extra spark, which only the long tests have.
ON_SPARK = frozenset() if find_spec("pyspark") else {f"service.backtest.spark.{name}" for name in ("command", "engine")}
AT_BUILD_TIME = {"cards/value_sets/make.py"}  # reads only our own tables

TEXTS = {
    "blanks": " " * SIZE,
    "digits": "1" * SIZE,
    "quotes": '"' * SIZE,
    "escaped quotes": '"' + '\\"' * (SIZE // 2),
    "backslashes": "\\" * SIZE,
    "labels": "a." * (SIZE // 2),
    "words": "a-" * (SIZE // 2) + "!",
    "letters": "a" * SIZE + "!",
    "a grade and blanks": "4" + " " * SIZE + "x",
    "a date and digits": "2026-02-01T10:00:00." + "1" * SIZE + "x",
    "half a name": "methylene " * (SIZE // 10),
}


def _patterns(value: object) -> Iterator[re.Pattern[str] | re.Pattern[bytes]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        yield from _patterns(list(value.values()))
    elif isinstance(value, list | tuple | set | frozenset):
        for part in value:
            yield from _patterns(part)


def _expressions() -> dict[str, re.Pattern[str] | re.Pattern[bytes]]:
    """Every compiled expression by its text, from modules and from the value sets."""
    modules = [
        import_module(module.name)
        for room in (cards, service)
        for module in walk_packages(room.__path__, f"{room.__name__}.")
        if module.name not in {"service.__main__", *ON_SPARK}
    ]
    values = [*(vars(module).copy() for module in modules), vars(BUILT_IN_CODES)]
    return {repr(pattern.pattern): pattern for pattern in _patterns(values)}


EXPRESSIONS = _expressions()
_SOURCES = "\n".join(house.texts("cards", "service", suffix=".py").values())


def _matched_whole() -> set[str]:
    """The expressions of modules that are only matched against a whole text, never searched for inside one."""
    named = set(re.findall(r"^(_?[A-Z_]+) = re\.compile", _SOURCES, re.MULTILINE))
    whole = named - set(re.findall(r"\b(_?[A-Z_]+)\.(?:search|sub|subn|finditer|findall|split|match)\(", _SOURCES))
    modules = [module for name, module in sys.modules.items() if name.startswith(("cards.", "service."))]
    return {repr(value.pattern) for m in modules for name, value in vars(m).items() if name in whole and _is_one(value)}


def _is_one(value: object) -> bool:
    return isinstance(value, re.Pattern)


MATCHED_WHOLE = _matched_whole()


def _seconds(pattern: re.Pattern[str] | re.Pattern[bytes], text: str) -> float:
    def once() -> float:
        start = time.process_time()
        if isinstance(pattern.pattern, bytes):
            pattern.fullmatch(text.encode())
            if repr(pattern.pattern) not in MATCHED_WHOLE:
                pattern.search(text.encode())
        else:
            pattern.fullmatch(text)
            if repr(pattern.pattern) not in MATCHED_WHOLE:
                pattern.search(text)
        return time.process_time() - start

    # One try is mostly enough; a busy machine gets two more.
    return next((seconds for _ in range(2) if (seconds := once()) < MOST_SECONDS), None) or once()


def test_expressions_are_found() -> None:
    """Those of modules, and those of the value sets."""
    assert len(EXPRESSIONS) > 60
    assert any("I69" in text for text in EXPRESSIONS)


@pytest.mark.parametrize("text", TEXTS)
def test_an_expression_is_fast_over_any_text(text: str) -> None:
    slow = {name: _seconds(pattern, TEXTS[text]) for name, pattern in EXPRESSIONS.items()}
    assert {name: seconds for name, seconds in slow.items() if seconds >= MOST_SECONDS} == {}


def test_no_expression_is_made_while_a_request_is_answered() -> None:
    """`re.compile` is called at module level or for the names of the value sets; nothing else of `re` runs on text."""
    called = {
        f"{path}: re.{call.func.attr}"
        for path, source in house.texts("cards", "service", suffix=".py").items()
        if path not in AT_BUILD_TIME
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "re"
        and call.func.attr not in ("compile", "escape")
    }
    assert called == set()
