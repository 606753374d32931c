"""The patients of fhir_examples, read from example_patients.toml and from the cases that it names."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.support import cases

Json = dict[str, Any]
Patient = Mapping[str, Any]

SOURCE = Path(__file__).parent / "example_patients.toml"

# What an example adds to the facts of its case, in their order: the facts, and the member that each text becomes.
_WORDS = {
    "conclusions": ("reports", "conclusion"),
    "sigs": ("medications", "sig"),
    "timesADay": ("draftOrders", "timesADay"),
}


def patients() -> tuple[datetime, list[Patient]]:
    """The moment of the examples, and the facts of each patient.

    Raises KeyError for an unknown `like`, LookupError for an unknown `case`, and ValueError for a case that cannot
    be shown: one with unseen data, or with dates only, or whose age or sex is not the patient's.
    """
    document = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    now: datetime = document["now"]
    return now, [_whole(each, document["like"], now) for each in document["patient"]]


def case_of(patient: Patient) -> cases.Case | None:
    """The case of a rule from which a patient takes its facts. Raises LookupError when no case has the name."""
    if "case" not in patient:
        return None
    rule, _, name = patient["case"].partition(": ")
    found = [each for each in cases.read(dict(cases.files())[rule]) if each["name"] == name]
    if not found:
        raise LookupError(f"{patient['name']}: {rule} has no case {name!r}")
    return found[0]


def _whole(patient: Patient, shared: Mapping[str, Patient], now: datetime) -> Patient:
    """The facts, preceded by those of its case and then by those of its `like` tables."""
    like = patient.get("like", [])
    whole: Json = {}
    parts = (shared[name] for name in ([like] if isinstance(like, str) else like))
    for part in (facts_of_case(patient, now), *parts, patient):
        for member, value in part.items():
            whole[member] = [*whole.get(member, []), *value] if isinstance(value, list) else value
    return whole | {"patient": {"sex": patient["sex"]}}


def facts_of_case(patient: Patient, now: datetime) -> Json:
    """The facts of a patient's case, with the texts that the patient has for them; none without a case.

    Raises LookupError and ValueError as `patients` does.
    """
    case = case_of(patient)
    if case is None:
        return {}
    born = patient["born"]
    age = now.year - born.year - ((now.month, now.day) < (born.month, born.day))
    person = {"age": age, "sex": patient["sex"]}
    if person != person | case.get("patient", {}):
        raise ValueError(f"{patient['name']}: the case is about {case['patient']}")
    if "unseen" in case or "dates-only" in case:
        raise ValueError(f"{patient['name']}: a case with unseen data or dates alone is no whole record")
    facts: Json = {member: case[member] for member in cases.FACTS if member in case}
    for words, (member, word) in _WORDS.items():
        if words in patient:
            told = zip(facts[member], patient[words], strict=True)
            facts[member] = [{**fact, word: said} for fact, said in told]
    return facts
