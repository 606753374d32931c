"""JSON to records: what is lost in part, and that nothing else is."""

from __future__ import annotations

import json
from pkgutil import iter_modules
from typing import Any, get_args

import pytest
from fhir.resources import R4B

from cards.record.decoding import CODE, QUANTITY, read_resource
from cards.record.defects import Defect
from cards.record.elements import Quantity, Reference, codings
from cards.record.other_types import OTHER_TYPES
from cards.record.records import Bundle, Condition, DiagnosticReport, Observation, Other, Resource, ServiceRequest

FOOT_DROP = {
    "resourceType": "Condition",
    "id": "c1",
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "6077001"}], "text": "Foot drop"},
    "clinicalStatus": {"coding": [{"code": "active"}]},
    "onsetDateTime": "2026-02-25",
    "subject": {"reference": "Patient/p1"},
}
GRADE = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "code": FOOT_DROP["code"],
    "subject": {"reference": "Patient/p1"},
}
ODD = {"resourceType": "Patient", "id": "p1", "gender": 5, "birthDate": "1960-01-01"}


def read(value: Any, **how: Any) -> tuple[Resource | None, list[Defect]]:
    defects: list[Defect] = []
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return read_resource(raw, "conditions", defects, **how), defects


def bundle(*resources: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": resource} for resource in resources]}


def ids(page: Resource | None) -> list[str | None]:
    assert isinstance(page, Bundle)
    return [entry.resource.id for entry in page.entry or [] if entry.resource is not None]


def codes(record: Any, defects: list[Defect] | None = None) -> list[str | None]:
    return [coding.code for coding in codings(CODE.read(record.code, record, defects if defects is not None else []))]


# ---- one pass, and entry by entry ----


def test_a_bundle_that_fits_is_read_without_defects() -> None:
    page, defects = read(bundle(FOOT_DROP, FOOT_DROP | {"id": "c2"}))
    assert ids(page) == ["c1", "c2"]
    assert defects == []


def test_one_odd_record_does_not_change_how_the_others_are_read() -> None:
    (alone, _), (beside, defects) = read(bundle(FOOT_DROP)), read(bundle(FOOT_DROP, ODD))
    assert isinstance(alone, Bundle)
    assert alone.entry is not None
    assert isinstance(beside, Bundle)
    assert beside.entry is not None
    assert beside.entry[0] == alone.entry[0]
    assert ids(beside) == ["c1", "p1"]
    assert [(defect.where, defect.element, defect.dropped) for defect in defects] == [
        ("conditions, entry 2", "gender", False)
    ]


def test_links_survive_reading_entry_by_entry() -> None:
    whole = bundle(FOOT_DROP, ODD) | {"link": [{"relation": "next", "url": "https://ehr.example/2"}]}
    page, _ = read(whole)
    assert isinstance(page, Bundle)
    assert page.link is not None
    assert ids(page) == ["c1", "p1"]
    assert (page.link[0].relation, page.link[0].url) == ("next", "https://ehr.example/2")


@pytest.mark.parametrize("entry", [{"fullUrl": "https://ehr.example/1"}, {"resource": None}, None])
@pytest.mark.parametrize("beside", [FOOT_DROP, ODD])
def test_an_entry_without_resource_is_no_defect(entry: Any, beside: Any) -> None:
    whole = bundle(beside)
    whole["entry"].insert(0, entry)
    page, defects = read(whole)
    assert ids(page) == [beside["id"]]
    assert not any(defect.dropped for defect in defects)


@pytest.mark.parametrize("entry", [{"resource": []}, {"resource": "Condition/c1"}, {"resource": 5}])
def test_an_entry_that_holds_no_resource_is_counted_and_the_rest_is_kept(entry: Any) -> None:
    whole = bundle(FOOT_DROP)
    whole["entry"].insert(0, entry)
    page, defects = read(whole)
    assert ids(page) == ["c1"]
    assert sum(defect.dropped for defect in defects) == 1


def test_a_bundle_with_one_entry_as_an_object_is_read() -> None:
    page, defects = read({"resourceType": "Bundle", "entry": {"resource": FOOT_DROP}})
    assert ids(page) == ["c1"]
    assert defects == []


@pytest.mark.parametrize(
    "frame",
    [
        lambda resource: {"resourceType": "Bundle", "entry": [{"resource": resource}]},
        lambda resource: {"resourceType": "Bundle", "entry": {"resource": resource}},
        lambda resource: {"resourceType": "Bundle", "entry": [{"resource": resource, "fullUrl": 5}]},
        lambda resource: {"resourceType": "Bundle", "entry": [{"resource": resource}], "link": "none"},
        lambda resource: resource,
    ],
    ids=["entry", "entry as an object", "mistyped fullUrl", "mistyped link", "alone"],
)
@pytest.mark.parametrize("element", ["status", "resourceType"])
def test_a_record_is_dropped_and_counted_when_what_says_its_meaning_cannot_be_read(frame: Any, element: str) -> None:
    """Whatever else is wrong around it: what is dropped is reported as dropped."""
    page, defects = read(frame(GRADE | {element: 5}))
    assert page is None or ids(page) == []
    assert [defect.dropped for defect in defects if defect.element == element or defect.dropped] == [True]


# ---- one record ----


@pytest.mark.parametrize("wrong", [5, "6077001", ["6077001"], True, {"coding": "6077001"}])
@pytest.mark.parametrize("beside", [{}, {"id": 5}])
def test_a_code_that_cannot_be_read_says_nothing_and_is_counted_as_a_record_dropped(beside: Any, wrong: Any) -> None:
    """Codes are kept as JSON until a rule may want them; that a record has another fault changes nothing."""
    record, defects = read(FOOT_DROP | beside | {"code": wrong})
    assert isinstance(record, Condition)
    defects.clear()
    assert codes(record, defects) == []
    assert [defect.dropped for defect in defects if defect.element == "code"] == (
        [] if isinstance(wrong, dict) else [True]
    )
    assert defects


@pytest.mark.parametrize(
    ("kind", "element", "wrong"),
    [
        ("Condition", "onsetDateTime", 20260225),
        ("Condition", "onsetDateTime", {"value": "2026"}),
        ("Condition", "id", 5),
        ("Condition", "bodySite", True),
        ("ServiceRequest", "doNotPerform", "yes"),
        ("ServiceRequest", "priority", {"text": "urgent"}),
        ("Observation", "valueInteger", True),
        ("Observation", "valueInteger", 2.5),
        ("Observation", "valueInteger", "two"),
        ("Observation", "valueBoolean", 1),
        ("Observation", "valueString", 4),
        ("Observation", "component", "none"),
        ("Observation", "effectivePeriod", "2026"),
        ("DiagnosticReport", "contained", 5),
    ],
)
def test_a_mistyped_element_is_absent_and_counted(kind: str, element: str, wrong: Any) -> None:
    record, defects = read({"resourceType": kind, "id": "r1", "code": FOOT_DROP["code"], element: wrong})
    assert record is not None
    assert getattr(record, "encounterClass" if element == "class" else element) is None
    if isinstance(record, Condition | Observation | ServiceRequest | DiagnosticReport):
        assert codes(record) == ["6077001"]
    assert element in [defect.element for defect in defects]
    assert not any(defect.dropped for defect in defects)


@pytest.mark.parametrize("element", ["subject", "patient"])
@pytest.mark.parametrize("wrong", ["Patient/p1", 5, ["x"], {"reference": 5}, {"reference": "Patient/p1", "type": 5}])
def test_a_mistyped_subject_is_counted_and_is_not_the_same_as_none(element: str, wrong: Any) -> None:
    record, defects = read({"resourceType": "Condition", "id": "r1", "code": FOOT_DROP["code"], element: wrong})
    assert isinstance(record, Condition)
    assert getattr(record, element) == Reference()
    assert [(defect.element, defect.dropped) for defect in defects] == [(element, False)]


@pytest.mark.parametrize("kind", ["Immunization", "Practitioner", "condition", "", None])
def test_a_record_of_a_type_that_no_rule_reads_is_kept_beside_the_others(kind: str | None) -> None:
    """It may be another patient's, or all that there is in a key where something else was asked."""
    stranger = {"resourceType": kind, "id": "s1", "subject": {"reference": "Patient/p2"}, "status": 5}
    page, defects = read(bundle(FOOT_DROP, stranger))
    assert ids(page) == ["c1", "s1"]
    assert isinstance(page, Bundle)
    assert page.entry is not None
    other = page.entry[1].resource
    assert isinstance(other, Other)
    assert other.is_typed is (kind is not None)
    assert other.subject is not None
    assert (other.subject.reference, defects) == ("Patient/p2", [])


def test_the_types_that_are_known_to_be_unread_are_those_of_r4() -> None:
    read_by_rules = {kind.resourceType for kind in get_args(Resource)}
    assert read_by_rules.isdisjoint(OTHER_TYPES)
    assert {name.lower() for name in OTHER_TYPES} <= {module.name for module in iter_modules(R4B.__path__)}


@pytest.mark.parametrize("draft", [False, True])
def test_what_says_a_drafts_meaning_may_be_unreadable_and_it_is_kept(draft: bool) -> None:
    record, defects = read({"resourceType": "ServiceRequest", "id": "d1", "code": "MRI", "status": 5}, draft=draft)
    assert (record is not None) is draft
    if record is not None:
        assert isinstance(record, ServiceRequest)
        assert (record.id, record.status) == ("d1", None)
        assert CODE.read(record.code, "draftOrders", defects, draft=True) is None
        assert {(defect.element, defect.dropped) for defect in defects} == {("code", False), ("status", False)}


def test_an_object_where_a_list_belongs_is_its_one_element() -> None:
    coding = {"system": "http://snomed.info/sct", "code": "6077001"}
    record, defects = read(GRADE | {"code": {"coding": coding}, "component": {"valueInteger": 3}})
    assert isinstance(record, Observation)
    assert codes(record) == ["6077001"]
    assert record.component is not None
    assert [component.valueInteger for component in record.component] == [3]
    assert defects == []


def test_one_wrong_element_of_a_list_loses_that_element_alone() -> None:
    record, defects = read(FOOT_DROP | {"code": {"coding": [None, 5, {"code": "6077001"}]}})
    assert isinstance(record, Condition)
    assert codes(record, defects) == ["6077001"]
    assert len(defects) == 1


@pytest.mark.parametrize("value", [2, 2.0])
def test_a_whole_number_is_an_integer_however_it_is_written(value: float) -> None:
    record, defects = read({"resourceType": "Observation", "valueInteger": value, "issued": 5})
    assert isinstance(record, Observation)
    assert record.valueInteger == 2
    assert [defect.element for defect in defects] == ["issued"]


@pytest.mark.parametrize("digits", ["9" * 30, "9" * 400])
@pytest.mark.parametrize("element", ['"valueInteger":{}', '"valueQuantity":{{"value":{}}}'])
def test_a_number_beyond_measure_loses_at_most_itself(element: str, digits: str) -> None:
    record, _ = read(f'{{"resourceType":"Observation","id":"o1",{element.format(digits)}}}'.encode())
    assert isinstance(record, Observation)
    assert record.id == "o1"
    assert isinstance(QUANTITY.read(record.valueQuantity, record, []), Quantity | None)


def test_null_and_unknown_members_are_absent() -> None:
    record, defects = read(FOOT_DROP | {"bodySite": None, "onsetDateTime": None, "favouriteColour": {"a": [1]}})
    assert isinstance(record, Condition)
    assert (record.bodySite, record.onsetDateTime, defects) == (None, None, [])


def test_a_contained_record_that_cannot_be_read_does_not_take_its_container_along() -> None:
    contained = [{"resourceType": "Observation", "code": 5}, {"id": "in"}]
    record, defects = read({"resourceType": "DiagnosticReport", "id": "r1", "contained": contained})
    assert isinstance(record, DiagnosticReport)
    assert record.contained is not None
    assert [inner.id for inner in record.contained] == ["in"]
    assert len(defects) == 1
