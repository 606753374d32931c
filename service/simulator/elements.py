"""What a chart shows of a FHIR resource: names, sides, dates and values, whatever odd form they come in.

An EHR shows more of a record than the rules read (names of people, dosage in words), so this reads the JSON
itself; nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from cards.value_sets.systems import EXAM
from cards.value_sets.value_set import VALUE_SETS

Json = dict[str, Any]

_SIDES = ("left", "right", "both")
_SEMANTIC_TAGS = frozenset({"finding", "disorder", "procedure", "physical object", "situation", "body structure"})
_RECENT = 60  # days: beyond them a number of days says less than the date


def at(value: Any, *path: str) -> Any:
    """What stands at a path of members; of a list its first element; None when there is nothing."""
    for name in path:
        value = value[0] if isinstance(value, list) and value else value
        value = value.get(name) if isinstance(value, dict) else None
    return value


def each(value: Any) -> list[Json]:
    """The objects of a list, or the one object that stands where a list should."""
    found = value if isinstance(value, list) else [value]
    return [item for item in found if isinstance(item, dict)]


def text(value: Any) -> str:
    """Text, or nothing."""
    return value if isinstance(value, str) else ""


def codings(concept: Any) -> Iterator[tuple[str, str, str]]:
    """System, code and display of every coding of a concept or of several."""
    for one in each(concept):
        for coding in each(one.get("coding")):
            yield text(coding.get("system")), text(coding.get("code")), text(coding.get("display"))


def words(concept: Any) -> str:
    """What a concept says to a reader."""
    for one in each(concept):
        if text(one.get("text")):
            return text(one["text"])
    found = list(codings(concept))
    return next((display for *_, display in found if display), next((code for _, code, _ in found if code), ""))


def name(resource: Json) -> str:
    """What a resource is about."""
    for member in ("code", "codeCodeableConcept", "medicationCodeableConcept", "type", "topic"):
        if said := words(resource.get(member)):
            return _plain(said)
    return _plain(text(at(resource, "medicationReference", "display"))) or "No name"


def _plain(said: str) -> str:
    """A SNOMED CT name without the kind that it ends in."""
    head, mark, kind = said.rpartition(" (")
    return head if mark and kind.rstrip(")") in _SEMANTIC_TAGS else said


def side(resource: Json) -> str:
    """left, right, both, or nothing when no side is stated."""
    stated = {code for _, code, _ in codings(resource.get("bodySite"))}
    found = {one for one in _SIDES for codes in VALUE_SETS[f"side.{one}"].codes.values() if stated & codes.keys()}
    for _, code, _ in codings(resource.get("code")):
        found |= {one.sides[code] for one in VALUE_SETS.values() if code in one.sides}
    found = {"both" if one == "bilateral" else one for one in found}
    return "both" if {"left", "right"} <= found else next(iter(found), "")


_DATES = (
    "effectiveDateTime",
    "effectiveInstant",
    "onsetDateTime",
    "performedDateTime",
    "authoredOn",
    "occurrenceDateTime",
    "recordedDate",
    "issued",
    "sent",
)
_PERIODS = ("effectivePeriod", "performedPeriod", "onsetPeriod", "occurrencePeriod")


def when(resource: Json) -> str:
    """The time that a resource is about, as FHIR writes it."""
    for member in _DATES:
        if found := text(resource.get(member)):
            return found
    for member in _PERIODS:
        if found := text(at(resource, member, "end")) or text(at(resource, member, "start")):
            return found
    return ""


def shown_date(moment: str) -> str:
    """A FHIR dateTime for a reader: `2 Mar 2026`; what is no whole date stays as it is."""
    day = _day(moment)
    return f"{day.day} {day:%b %Y}" if day else moment


def ago(moment: str, today: date) -> str:
    """How long ago a FHIR dateTime is; nothing when that is long ago or unknown."""
    day = _day(moment)
    days = (today - day).days if day else -1
    if not 0 <= days <= _RECENT:
        return ""
    return ("today", "yesterday")[days] if days < 2 else f"{days} days ago"


def _day(moment: str) -> date | None:
    try:
        return datetime.fromisoformat(moment[:10]).date()
    except ValueError:
        return None


def is_exam(resource: Json) -> bool:
    """Whether an Observation is a bedside finding."""
    return any(system == EXAM for system, *_ in codings(resource.get("code")))


def value(resource: Json) -> str:
    """The answer of an Observation, in words."""
    said = _answer(resource)
    if said and name(resource).startswith("MRC grade") and said in {"0", "1", "2", "3", "4", "5"}:
        return f"{said}/5"
    if said:
        return said
    parts = [f"{name(part)} {_answer(part)}" for part in each(resource.get("component"))]
    return "; ".join(parts) or words(resource.get("interpretation")) or "not recorded yet"


def _answer(part: Json) -> str:
    quantity = part.get("valueQuantity")
    if isinstance(quantity, dict):
        number, unit = quantity.get("value"), text(quantity.get("unit")) or text(quantity.get("code"))
        said = f"{number:g}" if isinstance(number, int | float) else ""
        return f"{text(quantity.get('comparator'))}{said}{f' {unit}' if unit not in ('', '1', '{score}') else ''}"
    if isinstance(part.get("valueBoolean"), bool):
        return "yes" if part["valueBoolean"] else "no"
    for member in ("valueInteger", "valueString", "valueDateTime"):
        if member in part:
            return str(part[member])
    return _plain(words(part.get("valueCodeableConcept")))


def dose(resource: Json) -> str:
    """The dosage of a medicine, in the prescriber's words or in numbers."""
    said = []
    for instruction in each(resource.get("dosageInstruction") or resource.get("dosage")):
        amount = at(instruction, "doseAndRate", "doseQuantity") or {}
        repeat = at(instruction, "timing", "repeat") or {}
        if text(instruction.get("text")):
            said.append(text(instruction["text"]))
        elif amount.get("value") is not None:
            often = f", {repeat['frequency']} times a day" if repeat.get("frequency") else ""
            said.append(f"{amount['value']:g} {text(amount.get('unit'))}{often}")
    return "; ".join(said)


def person(patient: Json) -> str:
    """The name of a patient: given names, then the family's."""
    one = next(iter(each(patient.get("name"))), {})
    given = [part for part in one.get("given") or () if isinstance(part, str)]
    return " ".join([*given, text(one.get("family"))]).strip() or text(one.get("text")) or text(patient.get("id"))


def age(patient: Json, today: date) -> str:
    """The age in whole years, in words."""
    born = _day(text(patient.get("birthDate")))
    if born is None:
        return "age unknown"
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return f"{years} years"
