"""Every case of every shared definition: the file beside the module, the value that the definition gives."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from importlib import import_module
from math import floor

import pytest

from cards.findings.course import Loss
from cards.findings.foot_drop import FootDrop
from cards.findings.measurements import Clearance, Pregnancy
from cards.findings.mr_safety import MrSafety
from cards.findings.red_flags import RedFlags
from cards.language.finding import Finding
from cards.language.verdict import Reason
from cards.record.facts import Fact, Reading
from cards.record.moments import Latest, Moment
from tests.support import cases

FOLDER = cases.FINDINGS
# What True and False mean where the code alone does not tell the answer.
ANSWERS = {"ambulatory": ("does not walk", "walks"), "spine-stability": ("stable", "unstable")}


@cache
def _definitions(module: str) -> dict[str, Finding[object]]:
    found = vars(import_module(f"cards.findings.{module}"))
    defined = {name: value for name, value in found.items() if isinstance(value, Finding)}
    return {name: value for name, value in defined.items() if value.__module__.endswith(f".{module}")}


# Phrases are tried by the cases of the rules that print them.
MODULES = [path.stem for path in sorted(FOLDER.glob("[!_]*.py")) if path.stem != "phrases" and _definitions(path.stem)]
ALL = [
    pytest.param(module, case, id=f"{case['finding']}: {case['name']}")
    for module in MODULES
    for case in cases.read(FOLDER / f"{module}.toml")
]


@pytest.mark.parametrize(("module", "case"), ALL)
def test_case(module: str, case: cases.Case) -> None:
    check_case(module, case)


def check_case(module: str, case: cases.Case) -> None:
    """The definition gives what its case says; what is asked of mutants too."""
    definition = _definitions(module)[case["finding"]]
    given = definition(cases.chart(case, str(case.get("hook", "patient-view"))))
    assert plain(given) == case["is"]


@pytest.mark.parametrize("module", MODULES)
def test_every_definition_has_cases_both_ways(module: str) -> None:
    own = cases.read(FOLDER / f"{module}.toml")
    for name in _definitions(module):
        answers = [repr(case["is"]) for case in own if case["finding"] == name]
        assert len(set(answers)) > 1, f"{name} needs cases with different answers"


def plain(given: object) -> object:
    """A finding's value as a case file writes it: words, numbers, lists of words; `none` for nothing."""
    if given is None:
        return "none"
    if isinstance(given, FootDrop):
        return _foot_drop(given)
    if isinstance(given, RedFlags):
        return sorted([fact_words(each) for each in given.findings] + ["acute bilateral"] * given.is_bilateral)
    if isinstance(given, Loss):
        return f"{int(given.before.value)} to {int(given.after.value)}"
    if isinstance(given, MrSafety):
        return given.level
    if isinstance(given, Reason):
        return f"{given.text} ({given.key or 'no code'})"
    if isinstance(given, Pregnancy):
        return f"pregnant, {'weeks unknown' if given.weeks is None else f'{floor(given.weeks)} weeks'}"
    if isinstance(given, Moment | StrEnum | Clearance):
        return str(given)
    if isinstance(given, Latest):
        return str(given.day).lower()
    if isinstance(given, tuple) and given and isinstance(given[0], str):
        return ": ".join(each for each in given if isinstance(each, str))
    if isinstance(given, tuple) and given and isinstance(given[0], Reason):
        return [plain(each) for each in given]  # the first one is the emergency
    if isinstance(given, list | tuple):
        return sorted(str(plain(each)) for each in given)
    if isinstance(given, dict):
        return {str(key): str(value) if isinstance(value, StrEnum) else len(value) for key, value in given.items()}
    if isinstance(given, Fact):
        return fact_words(given)
    return plain(given.report) if hasattr(given, "report") else given


def _foot_drop(drop: FootDrop) -> object:
    if not drop:
        return "none"
    onset = "unknown" if drop.onset is None else f"{(cases.NOW.date() - drop.onset.day).days} days"
    return f"{drop.side}, onset {onset}, grade {'unknown' if drop.weakest is None else drop.weakest}"


def fact_words(fact: Fact) -> str:
    """What a reading says, or the first key of a record: `saddle-sensation`, `walks`, `condition.back-pain`."""
    if isinstance(fact, Reading):
        return ANSWERS[fact.code][bool(fact.value)] if fact.code in ANSWERS else fact.code
    return str(fact.keys[0])  # type: ignore[attr-defined]
