"""Records of a Bundle that do not fit in the same way are read together, just as each of them alone is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cards.record.decoding import read_resource
from cards.record.defects import Defect, Defects
from cards.record.records import Bundle, Entry
from tests.support import hostile

MANY = 130  # more than it takes until they are read together

DEEP: Any = json.loads("[" * 120 + "]" * 120)
# What may stand among them: another misfit, none, one that means nothing, one of no type or of another, no record.
NEIGHBOURS: list[dict[str, Any]] = [
    {"id": 5},
    {"status": "final", "bodySite": None, "onsetDateTime": "2026-02-01"},
    {"status": ["final", "draft"], "contained": [{"resourceType": "Patient", "id": 7}]},
    {"resourceType": None},
    {"resourceType": "Basic"},
    {"resourceType": "Nothing of R4"},
    {"resourceType": "Procedure", "status": ["completed"]},
    {"subject": {"reference": 5}},
    {"unknown": DEEP},
    {"valueBoolean": "x", "valueString": "2"},
    {"code": 5, "doNotPerform": "x"},
]


def _read(entries: list[Any]) -> tuple[list[Entry], Defects]:
    defects = Defects()
    bundle = read_resource(json.dumps({"resourceType": "Bundle", "entry": entries}).encode(), "key", defects)
    assert isinstance(bundle, Bundle)
    return bundle.entry or [], defects


def _without_place(defects: list[Defect]) -> list[tuple[str, str, bool]]:
    return [(defect.element, defect.why, defect.dropped) for defect in defects]


@pytest.mark.parametrize(
    "shape", [name for name in hostile.shapes() if name.endswith(" that do not fit") or name == "records of no type"]
)
def test_many_that_do_not_fit_are_read_as_each_alone_is(shape: str) -> None:
    request = json.loads(hostile.shapes()[shape](16 * 1024))
    bundles = [value["entry"] for value in request["prefetch"].values() if value["resourceType"] == "Bundle"]
    one = max(bundles, key=len)[-1]["resource"]
    odd: list[Any] = [{}, None, {"resource": {name: one[name] for name in one if name != "resourceType"}}]
    odd += [{"resource": one | neighbour | {"id": f"o{n}"}} for n, neighbour in enumerate(NEIGHBOURS)]
    entries = [entry for neighbour in odd for entry in (neighbour, {"resource": one})]
    records, defects = _read([{"resource": one}] * MANY + entries)
    alone, lost = _read(entries)
    assert records[MANY:] == alone
    assert defects.total == MANY * _read([{"resource": one}])[1].total + lost.total


def test_what_is_lost_is_named_with_its_own_entry() -> None:
    one = {"resource": {"resourceType": "Observation", "id": "a", "bodySite": 3}}
    few = [one, {}, one]
    _, defects = _read(few)
    assert [defect.where for defect in defects if defect.element == "bodySite"] == ["key, entry 1", "key, entry 3"]
    fits = {"resource": {"resourceType": "Observation", "id": "a"}}
    _, late = _read([fits] * MANY + few)
    assert _without_place(late) == _without_place(defects)
    assert late[-1].where == f"key, entry {MANY + 3}"


def test_one_that_means_nothing_without_what_does_not_fit_is_lost_among_many() -> None:
    one = {"resource": {"resourceType": "Observation", "id": "a", "status": "x" * 2_000}}
    records, defects = _read([one] * MANY)
    assert [entry.resource for entry in records] == [None] * MANY
    assert defects.total == MANY
    assert all(defect.dropped for defect in defects)
