"""What a chart shows of a FHIR resource: names, sides, dates and values, in any form in which they are sent.

An EHR shows more of a record than the rules read (names of people, dosage in words), so this module reads the
JSON itself. No decision depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from cards.value_sets.systems import EXAM
from cards.value_sets.value_set import VALUE_SETS

Json = dict[str, Any]

_SIDES = ("left", "right", "both")
_SIDED = [value_set for value_set in VALUE_SETS.values() if value_set.sides or value_set.side_patterns]
_SEMANTIC_TAGS = frozenset({"finding", "disorder", "procedure", "physical object", "situation", "body structure"})
_RECENT = 60  # days; beyond that the date says more than the number of days


def at(value: Any, *path: str) -> Any:
    """The value at a path of members, with the first element of each list; None if there is none."""
    for name in path:
        value = value[0] if isinstance(value, list) and value else value
        value = value.get(name) if isinstance(value, dict) else None
    return value


def objects(value: Any) -> list[Json]:
    """The objects in a list, or the one object that stands in place of a list."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def text(value: Any) -> str:
    """The value if it is a string, otherwise an empty string."""
    return value if isinstance(value, str) else ""


def codings(concepts: Any) -> Iterator[tuple[str, str, str]]:
    """System, code and display of every coding of one or more concepts."""
    for concept in objects(concepts):
        for coding in objects(concept.get("coding")):
            yield text(coding.get("system")), text(coding.get("code")), text(coding.get("display"))


def words(concepts: Any) -> str:
    """One or more concepts for a reader: the first text, else the first display, else the first code."""
    for concept in objects(concepts):
        if text(concept.get("text")):
            return text(concept["text"])
    coded = list(codings(concepts))
    return next((display for *_, display in coded if display), next((code for _, code, _ in coded if code), ""))


def name(resource: Json) -> str:
    """The name of the thing that a resource records."""
    for member in ("code", "codeCodeableConcept", "medicationCodeableConcept", "type", "topic"):
        if label := words(resource.get(member)):
            return _plain(label)
    return _plain(text(at(resource, "medicationReference", "display"))) or "No name"


def _plain(label: str) -> str:
    """A SNOMED CT name without its semantic tag."""
    head, bracket, tag = label.rpartition(" (")
    return head if bracket and tag.rstrip(")") in _SEMANTIC_TAGS else label


def side(resource: Json) -> str:
    """left, right or both; empty if no side is stated."""
    sites = {code for _, code, _ in codings(resource.get("bodySite"))}
    sides = {side for side in _SIDES for codes in VALUE_SETS[f"side.{side}"].codes.values() if sites & codes.keys()}
    stated = {s for _, code, _ in codings(resource.get("code")) for one in _SIDED if (s := one.side_stated(code))}
    sides = {"both" if side == "bilateral" else side for side in sides | stated}
    return "both" if {"left", "right"} <= sides else next(iter(sides), "")


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
    """The clinically relevant time of a resource, as FHIR writes it."""
    for member in _DATES:
        if moment := text(resource.get(member)):
            return moment
    for member in _PERIODS:
        if moment := text(at(resource, member, "end")) or text(at(resource, member, "start")):
            return moment
    return ""


def shown_date(moment: str) -> str:
    """A FHIR dateTime for a reader: `2 Mar 2026`; anything but a whole date is returned unchanged."""
    day = _day(moment)
    return f"{day.day} {day:%b %Y}" if day else moment


def ago(moment: str, today: date) -> str:
    """How long ago a FHIR dateTime was; empty if that is long ago or unknown."""
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
    """Whether an Observation is a bedside examination finding."""
    return any(system == EXAM for system, *_ in codings(resource.get("code")))


def value(resource: Json) -> str:
    """The answer of an Observation, in words."""
    answer = _answer(resource)
    if answer and name(resource).startswith("MRC grade") and answer in {"0", "1", "2", "3", "4", "5"}:
        return f"{answer}/5"
    if answer:
        return answer
    parts = [f"{name(part)} {_answer(part)}" for part in objects(resource.get("component"))]
    return "; ".join(parts) or words(resource.get("interpretation")) or "not recorded yet"


def _answer(part: Json) -> str:
    quantity = part.get("valueQuantity")
    if isinstance(quantity, dict):
        number, unit = quantity.get("value"), text(quantity.get("unit")) or text(quantity.get("code"))
        digits = f"{number:g}" if isinstance(number, int | float) else ""
        return f"{text(quantity.get('comparator'))}{digits}{f' {unit}' if unit not in ('', '1', '{score}') else ''}"
    if isinstance(part.get("valueBoolean"), bool):
        return "yes" if part["valueBoolean"] else "no"
    for member in ("valueInteger", "valueString", "valueDateTime"):
        if member in part:
            return str(part[member])
    return _plain(words(part.get("valueCodeableConcept")))


def dose(resource: Json) -> str:
    """The dosage of a medicine, in the prescriber's words or in numbers."""
    doses = []
    for instruction in objects(resource.get("dosageInstruction") or resource.get("dosage")):
        amount = at(instruction, "doseAndRate", "doseQuantity") or {}
        repeat = at(instruction, "timing", "repeat") or {}
        if text(instruction.get("text")):
            doses.append(text(instruction["text"]))
        elif amount.get("value") is not None:
            often = f", {repeat['frequency']} times a day" if repeat.get("frequency") else ""
            doses.append(f"{amount['value']:g} {text(amount.get('unit'))}{often}")
    return "; ".join(doses)


def person(patient: Json) -> str:
    """The name of a patient: given names, then the family name."""
    name = next(iter(objects(patient.get("name"))), {})
    given = [part for part in name.get("given") or () if isinstance(part, str)]
    return " ".join([*given, text(name.get("family"))]).strip() or text(name.get("text")) or text(patient.get("id"))


def age(patient: Json, today: date) -> str:
    """The age in whole years, in words."""
    born = _day(text(patient.get("birthDate")))
    if born is None:
        return "age unknown"
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return f"{years} years"
