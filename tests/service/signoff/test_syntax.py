"""A tree of source says the same in every version of Python, and nothing of how it is written."""

from __future__ import annotations

import ast
import hashlib
import json

import pytest

from service.signoff import syntax

# What versions of Python write into their trees differently: texts that are filled in, types, matches, lambdas.
EVERYTHING = '''
WINDOW = timedelta(days=21)  # D5
RATES: dict[str, float] = {"low": 0.5, "high": 1e3}

class Loss(Struct, frozen=True, kw_only=True):
    """A loss."""
    grade: int = 0
    when: "Moment | None" = None

@finding(foot_drop, "patient")
async def words(chart, *keys, most: int = 3, **more) -> str:
    """Say it."""
    text = f"{chart.age:>{most}} years{'' if most else f', {most!r}'} {{as}} of {chart.now=} {chart.now:%d %m}"
    match keys:
        case [first, *_] if first is not None:
            return text + "a" 'b' + rb"c".decode()
        case {"key": value, **rest}:
            return (lambda one, /, *, two=2: one + two)(1) or text[1:most, ...]
    try:
        yield {*keys, None, True, 2j}
    except* ValueError as error:
        raise LookupError(f"{error}") from None
    return [x async for x in more if x not in (1, -1)] or await more[0] or (y := 3)
'''


def digest(text: str) -> str:
    trees = [syntax.tree(statement) for statement in ast.parse(text).body if not isinstance(statement, ast.Expr)]
    return hashlib.sha256(json.dumps(trees).encode()).hexdigest()


def test_the_digest_is_the_same_in_every_version() -> None:
    """Whoever tests with another version of Python compares with this very text."""
    assert digest(EVERYTHING) == "22d1df01962dd01b954cef497aa9fdabc5845f10ff8186547de77df0ee51eca1"


SOURCE = '''
DAYS = 14  # days


def advice(chart):
    """Advise."""
    return f"Foot drop of {chart.days} days: " "scan the spine within %d." % DAYS
'''


@pytest.mark.parametrize(
    "other",
    [
        SOURCE.replace("  # days", "").replace('"""Advise."""\n', "# as D5 has it\n"),
        SOURCE.replace("(chart)", "(\n    chart,\n)").replace("\n\n\n", "\n"),
        SOURCE.replace('days: " "scan', "days: scan"),
        '"""A module."""' + SOURCE.replace('"', "'").replace("'''Advise.'''", '"""Other words."""'),
    ],
)
def test_how_it_is_written_makes_no_difference(other: str) -> None:
    assert digest(other) == digest(SOURCE)


@pytest.mark.parametrize(
    "change",
    [
        ("14", "15"),
        ("14", "14.0"),
        ("14", "True"),
        ("spine", "brain"),
        ("chart.days", "chart.age"),
        ("DAYS = ", "DAYS += "),
    ],
)
def test_what_it_says_does(change: tuple[str, str]) -> None:
    assert digest(SOURCE.replace(*change)) != digest(SOURCE)


def test_texts_are_told_with_what_is_filled_in_by_name() -> None:
    told = list(syntax.texts(ast.parse(EVERYTHING + SOURCE)))
    assert "Foot drop of {days} days: scan the spine within %d." in told
    assert not any("Advise" in text or "A loss" in text for text in told)


def test_constants_with_numbers_are_told() -> None:
    statements = ast.parse(EVERYTHING).body
    told = {name: value for statement in statements for name, value in syntax.numbers(statement).items()}
    assert told == {"WINDOW": "timedelta(days=21)", "RATES": "{'low': 0.5, 'high': 1000.0}"}
