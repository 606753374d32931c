"""Another patient's records, wherever a request has room for one, and however they name their patient."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from tests.support import vignettes
from tests.support.patients import FOOT_DROP, NOW

Json = dict[str, Any]

MARK = "Stranger9q4"
"""Stands in every text and id of the other patient's records."""
_OTHER = "p2"
_FACTS = FOOT_DROP | {
    "conditions": [*FOOT_DROP["conditions"], {"code": "cancer-active"}, {"code": "spinal-trauma-suspected"}],
    "observations": [*FOOT_DROP["observations"], {"code": "saddle-sensation", "value": "reduced", "daysAgo": 0}],
    "reports": [{"code": "mri-lumbar", "daysAgo": 1, "lesion": "root-compression", "lesionSide": "right"}],
    "serviceRequests": [{"code": "mri-lumbar", "daysAgo": 1}],
    "deviceRequests": [{"code": "afo", "daysAgo": 1}],
    "devices": [{"code": "cardiac-pacemaker", "mrSafety": "unsafe"}],
    "procedures": [{"code": "lumbar-decompression", "daysAgo": 1}],
    "medications": [{"code": "anticoagulant"}],
    "allergies": [{"code": "naproxen"}],
}
_WITH_PATIENT = ("Device", "AllergyIntolerance")


@cache
def records() -> dict[str, Json]:
    """One record of the other patient by its type, each of which would change the cards of its own patient."""
    by_type: dict[str, Json] = {}
    for of_key in vignettes.records(_FACTS, NOW, patient_id=_OTHER).values():
        for record in of_key:
            by_type.setdefault(record["resourceType"], json.loads(json.dumps(record)))
    request = by_type["MedicationRequest"]
    statement = {"resourceType": "MedicationStatement", "id": "s1", "status": "active", "subject": request["subject"]}
    by_type["MedicationStatement"] = statement | {"medicationCodeableConcept": request["medicationCodeableConcept"]}
    for record in by_type.values():
        record["id"] = _OTHER if record["resourceType"] == "Patient" else f"{MARK}-1"
        for name in ("code", "type", "medicationCodeableConcept"):
            if isinstance(record.get(name), dict):
                record[name]["text"] = MARK
    return by_type


def _said(record: Json, **subject: Any) -> Json:
    """The record with this instead of its subject."""
    own = "patient" if record["resourceType"] in _WITH_PATIENT else "subject"
    rest = {name: value for name, value in record.items() if name not in ("subject", "patient")}
    return rest | ({own: subject} if subject else {})


def _contained(record: Json) -> Json:
    """The other patient's record inside one of ours."""
    inner = {"resourceType": "Observation", "id": "inner", "subject": {"reference": f"Patient/{_OTHER}"}}
    return _said(record, reference="Patient/p1") | {"contained": [inner]}


WAYS: dict[str, Callable[[Json], list[Json]]] = {
    "as it is": lambda record: [record],
    "absolute": lambda record: [_said(record, reference=f"https://ehr.example/fhir/Patient/{_OTHER}")],
    "a version": lambda record: [_said(record, reference=f"Patient/{_OTHER}/_history/2")],
    "by its number": lambda record: [_said(record, identifier={"system": "urn:oid:1.2.3", "value": _OTHER})],
    "by its name": lambda record: [_said(record, display="Patient/p1")],
    "of nobody": lambda record: [_said(record)],
    "of a contained patient": lambda record: [
        _said(record, reference="#x") | {"contained": [{"resourceType": "Patient", "id": "x"}]}
    ],
    "by a urn": lambda record: [_said(record, reference="urn:uuid:2c1f2a0e-0000-4000-8000-000000000000")],
    "with its patient": lambda record: [{"resourceType": "Patient", "id": _OTHER}, record],
    "in a Bundle of its own": lambda record: [
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": record}]}
    ],
    "inside of ours": lambda record: [_contained(record)],
}
"""What stands in the request for a record of the other patient."""
_NAMING = ("as it is", "absolute", "a version", "with its patient", "inside of ours")
"""Those that name him. A draft that names nobody is judged all the same: it is being written for this patient."""


def ways(hook: str) -> list[tuple[str, str, str]]:
    """A type of record, its place in a request, and the way in which it names its patient."""
    places = (*vignettes.PREFETCH_KEYS, "context.draftOrders" if hook == "order-sign" else "anotherKey")
    return [
        (kind, place, way)
        for kind in records()
        for place in places
        for way in WAYS
        if (way in _NAMING or not place.startswith("context."))
        and (kind != "Patient" or way in ("as it is", "in a Bundle of its own"))
    ]


def request(hook: str, facts: Json, kind: str, place: str, way: str) -> Json:
    """A request about p1 that holds a record of p2."""
    return _holding(vignettes.request(facts, hook, NOW), place, WAYS[way](records()[kind]))


def _holding(request: Json, place: str, more: list[Json]) -> Json:
    part, key = (
        (request["context"], place.partition(".")[2]) if place.startswith("context.") else (request["prefetch"], place)
    )
    if key in ("patient", "encounter") and len(more) == 1:
        part[key] = more[0]
        return request
    bundle = part.get(key) if key not in ("patient", "encounter") else None
    entries = [*(bundle or {}).get("entry", ()), *({"resource": record} for record in more)]
    part[key] = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
    return request
