"""Cases of each rule as requests from an EHR, which the rule's page shows and the simulator opens.

`python -m tests.support.make_examples` writes them from the cases next to the rules; a rule added since then has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct

from service.examples import moved


class CaseExample(Struct, frozen=True):
    """The sentence of a case, and the request that an EHR would send for it."""

    name: str
    request: dict[str, Any]


class Side(Struct, frozen=True):
    """One case of a pair: what its sentence says where the two differ, and its number."""

    said: str
    case: int


class Pair(Struct, frozen=True):
    """Two cases that differ only in one number, and only one of which speaks."""

    differs: str
    sides: tuple[Side, Side]


class CasesOfRule(Struct, frozen=True):
    """The cases of a rule, written for `now`; `branches` has one for each card that the rule can produce."""

    now: datetime
    branches: tuple[int, ...]
    pairs: tuple[Pair, ...]
    cases: Mapping[str, CaseExample]


_NONE = CasesOfRule(datetime(1, 1, 1, tzinfo=UTC), (), (), {})


@lru_cache(maxsize=4)  # the pages are written one after the other
def of_rule(rule: str) -> CasesOfRule:
    """The cases of a rule."""
    file = files("fhir_examples").joinpath("of_cases", f"{rule}.json")
    return msgspec.json.decode(file.read_bytes(), type=CasesOfRule) if file.is_file() else _NONE


# A case may lie exactly at the end of a window ("84 days: speaks"), and a minute later beyond it.
_HOLDS = timedelta(minutes=30)


def at(rule: str, number: str, now: datetime) -> CaseExample | None:
    """One case, valid from `now` for half an hour; None if it does not exist."""
    told = of_rule(rule)
    case = told.cases.get(number)
    return CaseExample(case.name, moved(case.request, told.now, now + _HOLDS)) if case else None
