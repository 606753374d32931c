"""A record that does not fit in one member: each other member is what it is in a record that fits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import Raw, structs

from cards.record.decoding import read_resource
from cards.record.defects import Defect
from cards.record.records import Bundle, Other, Resource
from tests.bench import bodies
from tests.support import vignettes
from tests.support.patients import NOW
from tests.support.places import DATA

Json = dict[str, Any]


def _records() -> Iterator[tuple[str, Json]]:
    """Of each type the fullest of the vignettes, and of a chart as EHRs send it."""
    every = json.loads((DATA / "vignettes.json").read_text(encoding="utf-8"))
    sent = [vignettes.request(one["facts"], one["hook"], NOW) for one in every]
    sent.append(json.loads(bodies.body(100, NOW, foot_drop=True)))
    fullest: dict[str, Json] = {}
    for resource in (one for request in sent for one in bodies.resources_of(request)):
        kind = resource["resourceType"]
        if len(resource) > len(fullest.get(kind, {})):
            fullest[kind] = resource
    yield from sorted(fullest.items())


def _read(value: Json) -> tuple[Resource, list[Defect]]:
    defects: list[Defect] = []
    record = read_resource(json.dumps(value).encode(), "key", defects)
    assert record is not None
    return record, defects


def _members(record: Resource) -> Json:
    """The elements by name, with what is kept as JSON in one form."""
    elements = {name: getattr(record, name) for name in record.__struct_fields__}
    return {name: json.loads(bytes(one)) if isinstance(one, Raw) and one else one for name, one in elements.items()}


RECORDS = [pytest.param(record, id=kind) for kind, record in _records()]


def test_every_type_that_is_read_is_among_them() -> None:
    assert {"Condition", "DiagnosticReport", "MedicationRequest", "Observation", "Patient", "ServiceRequest"} <= {
        param.id for param in RECORDS
    }


@pytest.mark.parametrize("record", RECORDS)
def test_what_fits_of_a_record_is_what_it_would_be_if_all_did(record: Json) -> None:
    whole, none = _read(record)
    assert none == []
    if isinstance(whole, Other | Bundle):
        return
    odd, defects = _read(record | {"id": {"value": 5}})
    assert _members(odd) == _members(structs.replace(whole, id=None))
    assert [(one.where, one.element, one.dropped) for one in defects] == [("key", "id", False)]


def test_a_long_text_of_a_record_that_does_not_fit_is_read_like_any_other() -> None:
    """It fits: only what does not is looked at within bounds."""
    words = "no foot drop " * 40_000
    report, defects = _read({"resourceType": "DiagnosticReport", "id": "r1", "conclusion": words, "issued": 5})
    assert report.conclusion == words  # type: ignore[union-attr]
    assert [one.element for one in defects] == ["issued"]


def test_of_what_does_not_fit_the_shortest_is_read_first() -> None:
    """Together they are more than is looked at: the status in a list is read, the long site is not."""
    site = [{"coding": [{"code": "7771000", "system": "http://snomed.info/sct", "display": 5}]}] * 4_000
    grade, defects = _read({"resourceType": "Observation", "id": "o1", "bodySite": site, "status": ["final"]})
    assert grade.status == "final"  # type: ignore[union-attr]
    assert grade.bodySite is None  # type: ignore[union-attr]
    assert "bodySite" in [one.element for one in defects]
