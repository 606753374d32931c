"""The cases that the page of each rule shows, as requests of an EHR: one for each card that it can give, and pairs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cards.decide import decide
from cards.language.rule import Rule
from cards.language.verdict import Card
from cards.rule_book import rule_book
from cards.value_sets.value_set import VALUE_SETS
from tests.support import cases, vignettes
from tests.support.cases import Case
from tests.support.known import KNOWN

Json = dict[str, Any]
Leaf = tuple[str | int, ...]

# The parts of a summary that are filled in; they do not make another branch of it.
_FILLED = re.compile(r"\d+|\bleft\b|\bright\b|\bboth\b")
_EXPECTED = ("name", "like", "card", "silent")
_KINDS = ("condition", "order", "procedure", "lesion", "observation", "medication")
_ASPECTS = {
    "daysAgo": "so long ago",
    "onsetDaysAgo": "begun so long ago",
    "age": "age",
    "dailyDoseMg": "dose",
    "value": "value",
    "gestationWeeks": "gestation",
}
_UNITS = {
    "daysAgo": "day",
    "onsetDaysAgo": "day",
    "age": "year",
    "dailyDoseMg": "mg a day",
    "value": "",
    "gestationWeeks": "week",
}


def files(now: datetime) -> Iterator[tuple[str, str]]:
    """The file of each rule: its cases by their number in the case file, written for `now`."""
    for rule, path in cases.files():
        if rule in KNOWN:
            yield f"of_cases/{rule}.json", _written(rule_book().rules[rule], path, now)


def _written(rule: Rule, path: Path, now: datetime) -> str:
    """One case per line, so that a diff shows one changed case as one line."""
    told = cases.read(path)
    branches, pairs = _branches(rule, told), _pairs(told)
    chosen = sorted({*branches, *(side["case"] for pair in pairs for side in pair["sides"])})
    lines = [f'"{number}":{_line(_request(rule, told[number], number, now))}' for number in chosen]
    return (
        f'{{"now":"{now:%Y-%m-%dT%H:%M:%SZ}",\n"branches":{_line(branches)},\n"pairs":[\n'
        + ",\n".join(map(_line, pairs))
        + '\n],\n"cases":{\n'
        + ",\n".join(lines)
        + "\n}}\n"
    )


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _request(rule: Rule, case: Case, number: int, now: datetime) -> Json:
    facts = {member: case[member] for member in cases.FACTS if member in case}
    asked = vignettes.request(
        facts, _hook(rule, case), now, dates_only=bool(case.get("dates-only")), drop=frozenset(case.get("unseen", ()))
    )
    asked["hookInstance"] = str(uuid5(NAMESPACE_URL, f"{rule.id}/{number}"))
    return {"name": case["name"], "request": asked}


def _hook(rule: Rule, case: Case) -> str:
    return str(case.get("hook", rule.hooks[0]))


def _branches(rule: Rule, told: Sequence[Case]) -> list[int]:
    """The first case of each card, that is of each indicator, source and sentence, whatever is filled in."""
    first: dict[object, int] = {}
    for number, case in enumerate(told):
        if "card" not in case:
            continue
        hook = _hook(rule, case)
        verdict = decide(cases.chart(case, hook), rule_book()).verdicts[rule.id]
        if isinstance(verdict, Card):
            source = verdict.source.branch if verdict.source else ""
            first.setdefault((verdict.indicator, source, _FILLED.sub("#", verdict.summary)), number)
    return list(first.values())


def _pairs(told: Sequence[Case]) -> list[Json]:
    """Neighbouring cases that differ in only one number, of which one speaks and the other is silent."""
    groups: dict[tuple[Leaf, object], dict[float, int]] = {}
    for number, case in enumerate(told):
        leaves = dict(_leaves({member: case[member] for member in case if member not in _EXPECTED}))
        for leaf, value in leaves.items():
            if isinstance(value, int | float) and not isinstance(value, bool) and leaf[-1] in _UNITS:
                others = tuple(sorted((str(place), repr(held)) for place, held in leaves.items() if place != leaf))
                groups.setdefault((leaf, others), {})[value] = number
    pairs: list[tuple[float, Json]] = []
    for (leaf, _), members in groups.items():
        for (less, one), (more, other) in pairwise(sorted(members.items())):
            if less >= 0 and ("card" in told[one]) != ("card" in told[other]):
                sides = [{"said": _said(leaf, value), "case": number} for value, number in ((less, one), (more, other))]
                pairs.append((less / more, {"differs": _differs(leaf, told[one]), "sides": sides}))
    return [pair for _, pair in sorted(pairs, key=lambda pair: -pair[0])]


def _leaves(value: object, place: Leaf = ()) -> Iterator[tuple[Leaf, object]]:
    if isinstance(value, Mapping):
        for member, held in value.items():
            yield from _leaves(held, (*place, member))
    elif isinstance(value, list):
        for number, held in enumerate(value):
            yield from _leaves(held, (*place, number))
    else:
        yield place, value


def _said(leaf: Leaf, value: float) -> str:
    """`14 days`, `8 hours`, `45 years`, `grade 4`."""
    unit = _UNITS[str(leaf[-1])]
    if unit == "day" and value != int(value):
        return f"{value * 24:.3g} hours" if value < 2 else f"{value:.4g} days"
    if unit in ("", "mg a day"):
        return f"{value:g} {unit}".strip()
    return f"{value:g} {unit}{'' if value == 1 else 's'}"


def _differs(leaf: Leaf, case: Case) -> str:
    """The fact in which a pair differs, and the part of it: `MRI of the lumbar spine, so long ago`; `Patient, age`."""
    fact: Any = case
    for step in leaf[:-1]:
        fact = fact[step]
    code = str(fact.get("code") or fact.get("lesion") or leaf[0])
    known = (VALUE_SETS[key].name for kind in _KINDS if (key := f"{kind}.{code}") in VALUE_SETS)
    name = next(known, code.replace("mrc-", "grade of ").replace("-", " "))
    name = name if name[1:2].isupper() else f"{name[:1].upper()}{name[1:]}"
    return f"{name}, {_ASPECTS[str(leaf[-1])]}"
