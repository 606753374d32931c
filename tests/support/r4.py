"""What FHIR R4 requires of an order that is sent, beyond what the models of fhir.resources check."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from cards.value_sets.value_set import VALUE_SETS
from tests.support.places import DOCS

Json = Mapping[str, Any]

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_REFERENCE = re.compile(r"([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}")
_DATE_TIME = re.compile(
    r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])(T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d\d:\d\d))?)?)?"
)
_DATE_TIMES = ("authoredOn", "occurrenceDateTime", "effectiveDateTime", "sent")

_REQUEST: set[str | None] = {"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"}
_INTENT: set[str | None] = {
    "proposal", "plan", "directive", "order", "original-order", "reflex-order", "filler-order", "instance-order",
    "option",
}  # fmt: skip
_PRIORITY = {"routine", "urgent", "asap", "stat"}
_MEDICATION = (_REQUEST - {"revoked"}) | {"cancelled", "stopped"}
# Required bindings; an element that may be missing lists None.
BINDINGS: Mapping[str, Mapping[str, set[str | None]]] = {
    "ServiceRequest": {"status": {*_REQUEST}, "intent": {*_INTENT}, "priority": {*_PRIORITY, None}},
    "DeviceRequest": {"status": {*_REQUEST, None}, "intent": {*_INTENT}, "priority": {*_PRIORITY, None}},
    "MedicationRequest": {
        "status": {*_MEDICATION},
        "intent": {*_INTENT} - {"directive"},
        "priority": {*_PRIORITY, None},
    },
    "Observation": {
        "status": {
            "registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown",
        }
    },
    "Communication": {
        "status": {
            "preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", "entered-in-error", "unknown",
        },
        "priority": {*_PRIORITY, None},
    },
}  # fmt: skip

_SUBJECTS = {"Patient"}  # R4 allows more; an order for a patient's foot names the patient
_PERSONS = {"Practitioner", "PractitionerRole", "Organization", "Device"}
_REASONS = {"Condition", "Observation", "DiagnosticReport", "DocumentReference"}
TARGETS: Mapping[str, Mapping[str, set[str]]] = {
    "ServiceRequest": {
        "subject": _SUBJECTS,
        "encounter": {"Encounter"},
        "requester": {*_PERSONS, "Patient", "RelatedPerson"},
        "reasonReference": _REASONS,
        "basedOn": {"CarePlan", "ServiceRequest", "MedicationRequest"},
        "replaces": {"ServiceRequest"},
    },
    "DeviceRequest": {
        "subject": _SUBJECTS,
        "encounter": {"Encounter"},
        "requester": _PERSONS,
        "reasonReference": _REASONS,
    },
    "MedicationRequest": {
        "subject": _SUBJECTS,
        "encounter": {"Encounter"},
        "requester": {*_PERSONS, "Patient", "RelatedPerson"},
        "reasonReference": {"Condition", "Observation"},
        "basedOn": {"CarePlan", "MedicationRequest", "ServiceRequest", "ImmunizationRecommendation"},
        "medicationReference": {"Medication"},
    },
    "Observation": {"subject": _SUBJECTS, "encounter": {"Encounter"}},
    "Communication": {
        "subject": _SUBJECTS,
        "encounter": {"Encounter"},
        "reasonReference": _REASONS,
        "sender": {*_PERSONS, "Patient", "RelatedPerson", "HealthcareService"},
    },
}


def _names() -> dict[tuple[str, str], set[str]]:
    """The names of every code that may be sent, from the value sets and the official tables."""
    names: dict[tuple[str, str], set[str]] = {}
    for value_set in VALUE_SETS.values():
        for system, codes in value_set.codes.items():
            for code, display in codes.items():
                names.setdefault((system, code), set()).add(display)
    return names


NAMES = _names()
_TABLE = DOCS / "codes.csv"
with _TABLE.open(encoding="utf-8", newline="") as _lines:
    OFFICIAL = {(row["system_uri"], row["code"]): row["official_display"] for row in csv.DictReader(_lines)}


def faults(resource: Json, *, is_new: bool = True) -> list[str]:
    """Everything that R4 forbids in a sent resource; `is_new`: the service created it, with its codes and id."""
    kind = resource.get("resourceType", "")
    if kind not in BINDINGS:
        return [f"{kind or 'a resource without type'} is not sent"]
    found = [*_model(kind, resource), *_bound(kind, resource), *_referred(kind, resource), *_dated(resource)]
    found += [f"{where} is empty" for where in empties(resource)]
    if not ID.fullmatch(str(resource.get("id", ""))):
        found.append("the id is no R4 id")
    if is_new:
        found += [] if UUID.fullmatch(resource["id"]) else ["the id is no lower-case uuid"]
        found += [fault for concept in _concepts(resource) for fault in _concept(concept)]
    return found


def empties(value: Any, where: str = "") -> list[str]:
    """The places of null, empty or blank members."""
    if value is None or value in ("", [], {}) or (isinstance(value, str) and not value.strip()):
        return [where]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, each in items for found in empties(each, f"{where}/{key}")]


def _model(kind: str, resource: Json) -> Iterator[str]:
    try:
        get_fhir_model_class(kind).model_validate(resource)
    except ValidationError as error:
        yield f"{kind}: {error}"


def _bound(kind: str, resource: Json) -> Iterator[str]:
    for element, allowed in BINDINGS[kind].items():
        if resource.get(element) not in allowed:
            yield f"{element} {resource.get(element)!r} is not in its required binding"


def _referred(kind: str, resource: Json) -> Iterator[str]:
    if "subject" not in resource:
        yield "there is no subject"
    for element, value in resource.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict) and "reference" in one:
                match = _REFERENCE.fullmatch(one["reference"])
                if match is None or match[1] not in TARGETS[kind].get(element, set()):
                    yield f"{element} may not point at {one['reference']}"


def _dated(resource: Json) -> Iterator[str]:
    for element in _DATE_TIMES:
        if element in resource and not _DATE_TIME.fullmatch(resource[element]):
            yield f"{element} {resource[element]!r} is no R4 dateTime"


def _concepts(value: Any, name: str = "") -> Iterator[Json]:
    if isinstance(value, dict):
        if "coding" in value or name in ("code", "reasonCode", "bodySite", "category", "topic"):
            yield value
        for element, each in value.items():
            yield from _concepts(each, element)
    if isinstance(value, list):
        for each in value:
            yield from _concepts(each, name)


def _concept(concept: Json) -> Iterator[str]:
    if not concept.get("text"):
        yield f"a concept without words: {concept}"
    systems = [coding.get("system") for coding in concept.get("coding", ())]
    for coding in concept.get("coding", ()):
        pair = coding.get("system"), coding.get("code")
        if coding.get("display") not in NAMES.get(pair, set()):
            yield f"{coding} is not in the value sets under this name"
        if OFFICIAL.get(pair, coding.get("display")) != coding.get("display"):
            yield f"{coding} has another official name"
    if None in systems:
        yield f"a coding without system: {concept}"
