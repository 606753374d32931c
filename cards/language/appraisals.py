"""The appraisal of each rule: conflicts, caveats, what is not evaluated, what would change it, and its versions.

They are read from appraisals.toml.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from msgspec import Struct

from cards.language.rule import Rule

_TEXTS = ("conflicts", "caveats", "changes", "not_evaluated")
_MEMBERS = frozenset({*_TEXTS, "history"})


class Change(Struct, frozen=True, kw_only=True):
    """One version of a rule: its date (ISO), and what changed in it."""

    version: str
    date: str
    change: str


class Appraisal(Struct, frozen=True, kw_only=True):
    """What a committee asks about one rule; `history` is newest first.

    `caveats` are what to know about the advice and its evidence; `changes` are what would change the advice.
    """

    conflicts: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    not_evaluated: tuple[str, ...] = ()
    history: tuple[Change, ...] = ()


def appraisal(rule: Rule) -> Appraisal:
    """What appraisals.toml says about a rule; if it does not name the rule, only the version that the rule declares."""
    return APPRAISALS.get(rule.id) or Appraisal(
        history=(Change(version=rule.version, date=rule.reviewed, change="First version."),)
    )


def read(text: str) -> dict[str, Appraisal]:
    """The appraisals in a document, by rule id. Raises ValueError for an unknown member."""
    return {id: _appraisal(id, entry) for id, entry in tomllib.loads(text).items()}


def _appraisal(id: str, entry: Mapping[str, Any]) -> Appraisal:
    for member in entry.keys() - _MEMBERS:
        raise ValueError(f"{id}: unknown member {member!r}")
    texts = {name: tuple(entry.get(name, ())) for name in _TEXTS}
    return Appraisal(**texts, history=tuple(Change(**change) for change in entry.get("history", ())))


APPRAISALS: Mapping[str, Appraisal] = read(files("cards").joinpath("rules/appraisals.toml").read_text(encoding="utf-8"))
