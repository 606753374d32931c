"""The cases of a rule as sentences: when it speaks, and when it is silent."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from msgspec import Struct


class Spoken(Struct, frozen=True):
    """A case in which the rule produces a card, and the indicator of the card."""

    sentence: str
    level: str


class Sentences(Struct, frozen=True):
    """The names of a rule's cases, in the order of their file."""

    speaks: tuple[Spoken, ...]
    silent: tuple[str, ...]


@cache
def sentences(rule_id: str) -> Sentences:
    """The sentences of a rule; none if there is no file of cases next to it."""
    file = files("cards").joinpath(f"rules/{rule_id.replace('-', '_')}.toml")
    if not file.is_file():
        return Sentences((), ())
    cases: list[dict[str, Any]] = tomllib.loads(file.read_text(encoding="utf-8")).get("case", [])
    return Sentences(
        speaks=tuple(Spoken(case["name"], _level(case["card"])) for case in cases if "card" in case),
        silent=tuple(case["name"] for case in cases if "card" not in case),
    )


def _level(card: Any) -> str:
    return str(card["indicator"] if isinstance(card, dict) else card)
