"""Deliberate departures of the rules from the clinical rules as first written: departures.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from msgspec import Struct


class Departure(Struct, frozen=True, kw_only=True):
    """A decision by its number (D61), in the words of docs/decisions.md; without `rules` it concerns every rule."""

    number: str
    text: str
    rules: tuple[str, ...] = ()


def departures(rule: str) -> Iterator[Departure]:
    """The departures that concern a rule, in the order of their numbers."""
    return (departure for departure in read_departures() if not departure.rules or rule in departure.rules)


@cache
def read_departures() -> tuple[Departure, ...]:
    """Every departure."""
    entries = tomllib.loads(files("cards").joinpath("rules/departures.toml").read_text(encoding="utf-8"))
    return tuple(
        Departure(number=number, text=entry["text"], rules=tuple(entry.get("rules", ())))
        for number, entry in entries.items()
    )
