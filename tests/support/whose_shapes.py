"""The right and wrong ways in which records name their patient: each shape with the answer for patient p1."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

OURS, ANOTHERS, NOBODYS, UNSTATED = "ours", "another's", "nobody's", "unstated"

_P1: Json = {"reference": "Patient/p1"}
_P2: Json = {"reference": "Patient/p2"}
_BASE = "https://ehr.example/fhir"
_MRN: Json = {"system": "urn:oid:1.2.3", "value": "p1"}

# The value of `subject`, or of `patient` if the type has that.
_POINTERS: dict[str, list[Any]] = {
    OURS: [
        _P1,
        {"reference": " Patient/p1 "},
        {"reference": "Patient/p1/_history/3"},
        {"reference": f"{_BASE}/Patient/p1"},
        {"reference": f"{_BASE}/Patient/p1/_history/3"},
        {"reference": "http://127.0.0.1:8080/fhir/R4/Patient/p1"},
        {"reference": f"{_BASE}/p2/Patient/p1"},
        _P1 | {"type": "Patient", "display": "Roe, Jane"},
        _P1 | {"type": "http://hl7.org/fhir/StructureDefinition/Patient"},
        _P1 | {"identifier": _MRN | {"value": "p2"}},
    ],
    ANOTHERS: [
        _P2,
        {"reference": " Patient/p2 "},
        {"reference": "Patient/P1"},
        {"reference": "Patient/p11"},
        {"reference": "Patient/p2/_history/1"},
        {"reference": f"{_BASE}/Patient/p2"},
        {"reference": f"{_BASE}/p1/Patient/p2/_history/1"},
        {"reference": "Patient/odd_id|1"},
        _P2 | {"type": "Patient"},
        _P2 | {"type": "Group"},
        _P2 | {"identifier": _MRN},
        _P2 | {"display": "Patient/p1"},
    ],
    NOBODYS: [
        {},
        {"reference": ""},
        {"reference": None},
        {"reference": 5},
        {"reference": ["Patient/p1"]},
        {"identifier": _MRN},
        {"identifier": _MRN, "type": "Patient"},
        {"display": "Patient/p1"},
        {"reference": "p1"},
        {"reference": "#p1"},
        {"reference": "#"},
        {"reference": "Patient"},
        {"reference": "Patient/"},
        {"reference": "Patient//p1"},
        {"reference": "/Patient/p1"},
        {"reference": "patient/p1"},
        {"reference": "Group/p1"},
        {"reference": "Practitioner/p1"},
        {"reference": "urn:uuid:2c1f2a0e-0000-4000-8000-000000000000"},
        {"reference": "Patient/p1#x"},
        {"reference": "Patient/p2#Patient/p1"},
        {"reference": "Patient/p1?_format=json"},
        {"reference": "Patient?identifier=p1"},
        {"reference": "Patient/p 1"},
        {"reference": "Patient/p1/_history"},
        {"reference": "Patient/p1/_history/"},
        {"reference": "Patient/p1/Condition/p1"},
        {"reference": "Patient/other/Patient/p1"},
        {"reference": "Group/g1/Patient/p1"},
        {"reference": f"{_BASE}/Patient/p2/Patient/p1"},
        {"reference": f"{_BASE}/Patient/p2/_history/1/Patient/p1"},
        {"reference": "https://Patient/p1"},
        {"reference": "https:///Patient/p1"},
        {"reference": "ehr.example/fhir/Patient/p1"},
        {"reference": "javascript:/Patient/p1"},
        {"reference": f"{_BASE}/{'x/' * 1000}Patient/p1"},
        _P1 | {"type": "Group"},
        _P1 | {"type": "patient"},
        _P1 | {"type": ""},
        _P1 | {"type": 5},
        "Patient/p1",
        5,
        True,
        [],
        [_P1],
        [_P1, _P2],
    ],
    UNSTATED: [None],
}


def _inner(kind: str = "Observation", **elements: Any) -> list[Json]:
    return [{"resourceType": kind, "id": "inner"} | elements]


# The type's own element, the other of `subject` and `patient`, and contained resources.
_TOGETHER: list[tuple[str, Json]] = [
    (OURS, {"own": _P1, "other": _P1}),
    (OURS, {"other": _P1}),
    (ANOTHERS, {"own": _P1, "other": _P2}),
    (ANOTHERS, {"own": _P2, "other": _P1}),
    (ANOTHERS, {"other": _P2}),
    (ANOTHERS, {"own": {}, "other": _P2}),
    (NOBODYS, {"own": _P1, "other": {}}),
    (NOBODYS, {"own": {}, "other": _P1}),
    (NOBODYS, {"own": _P1, "other": "Patient/p1"}),
    (UNSTATED, {}),
    (OURS, {"own": _P1, "contained": _inner()}),
    (OURS, {"own": _P1, "contained": _inner(subject=_P1)}),
    (OURS, {"own": _P1, "contained": _inner(subject={})}),
    (OURS, {"own": _P1, "contained": [{"resourceType": "Patient", "id": "p2"}]}),
    (ANOTHERS, {"own": _P1, "contained": _inner(subject=_P2)}),
    (ANOTHERS, {"own": _P1, "contained": _inner(subject=_P1, patient=_P2)}),
    (ANOTHERS, {"own": _P1, "contained": _inner("RelatedPerson", patient=_P2)}),
    (ANOTHERS, {"own": _P1, "contained": _inner() + _inner(subject={"reference": f"{_BASE}/Patient/p2"})}),
    (ANOTHERS, {"own": {}, "contained": _inner(subject=_P2)}),
    (ANOTHERS, {"contained": _inner(subject=_P2)}),
    (NOBODYS, {"own": {"reference": "#p1"}, "contained": [{"resourceType": "Patient", "id": "p1"}]}),
    (
        NOBODYS,
        {"own": {"reference": "#x"}, "contained": [{"resourceType": "Patient", "id": "x", "identifier": [_MRN]}]},
    ),
    (NOBODYS, {"own": {"reference": "#g"}, "contained": [{"resourceType": "Group", "id": "g"}]}),
]

SHAPES: list[tuple[str, Json]] = [
    *((answer, {"own": pointer}) for answer, pointers in _POINTERS.items() for pointer in pointers),
    *_TOGETHER,
]
"""The answer, and the elements: `own` is what the type has of `subject` and `patient`, `other` what it has not."""

INNER: dict[str, list[Any]] = {**_POINTERS, OURS: [*_POINTERS[OURS], *_POINTERS[UNSTATED]]}
"""What stands under the subject of a contained resource: one that names nobody is its container's."""


def written(record: Json, shape: Json) -> Json:
    """A record in which a shape replaces the subject."""
    names = (
        ("patient", "subject") if record["resourceType"] in ("Device", "AllergyIntolerance") else ("subject", "patient")
    )
    says = {name: shape[part] for name, part in zip(names, ("own", "other"), strict=True) if part in shape}
    rest = {name: value for name, value in record.items() if name not in names}
    return rest | says | ({"contained": shape["contained"]} if "contained" in shape else {})
