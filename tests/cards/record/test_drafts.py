"""The orders that are being written: which are meant, what they order, and their JSON as it came."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cards.record.chart import Chart
from cards.record.decoding import read_resource
from cards.record.defects import Defect
from cards.record.drafts import read_draft_orders
from cards.record.errors import OtherPatientError
from cards.record.side import Side
from cards.value_sets.systems import HCPCS, LOINC, SNOMED
from tests.support.draft_orders import CLOCK, Json, bundle, order, read


def references(drafts: Any, selections: list[str] | None = None) -> dict[str, bool]:
    return {draft.reference: draft.selected for draft in read(drafts, selections)}


# ---- which are meant ----

TWO = bundle(order("d1"), order("d2"))


@pytest.mark.parametrize(
    ("selections", "first", "second"),
    [
        (None, True, True),
        ([], True, True),
        (["ServiceRequest/d1"], True, False),
        (["ServiceRequest/d2"], False, True),
        (["ServiceRequest/d1", "ServiceRequest/d2"], True, True),
        (["ServiceRequest/d1", "MedicationRequest/of-another-session"], True, False),
        (["ServiceRequest/of-another-session"], True, True),
        (["MedicationRequest/d1"], True, True),
        (["https://ehr.example/fhir/ServiceRequest/d2"], False, True),
        (["ServiceRequest/d2/_history/1"], False, True),
        ([" ServiceRequest/d2 "], False, True),
    ],
)
def test_selections_name_the_drafts_that_are_meant_and_none_means_all(
    selections: list[str] | None, first: bool, second: bool
) -> None:
    assert references(TWO, selections) == {"ServiceRequest/d1": first, "ServiceRequest/d2": second}


def test_a_selection_of_a_draft_that_is_no_order_any_more_selects_no_other() -> None:
    gone = bundle(order("d1", status="revoked"), order("d2"))
    assert references(gone, ["ServiceRequest/d1"]) == {"ServiceRequest/d2": False}


@pytest.mark.parametrize("status", ["draft", "active", "on-hold", "proposed", None, 5, {"text": "draft"}])
def test_a_draft_of_any_open_or_unreadable_status_is_one(status: Any) -> None:
    assert references(bundle(order(status=status))) == {"ServiceRequest/d1": True}


@pytest.mark.parametrize("status", ["revoked", "cancelled", "entered-in-error", "stopped", "completed"])
def test_what_can_no_longer_be_ordered_is_no_draft(status: str) -> None:
    assert read(bundle(order(status=status))) == ()


def test_an_order_not_to_perform_is_no_draft() -> None:
    assert references(bundle(order("d1", doNotPerform=True), order("d2"))) == {"ServiceRequest/d2": True}


def test_other_resources_beside_the_orders_are_no_drafts() -> None:
    beside = [{"resourceType": "Patient", "id": "p1"}, {"resourceType": "NutritionOrder", "id": "n1"}]
    assert references(bundle(*beside, order())) == {"ServiceRequest/d1": True}


# ---- what they order ----


def test_what_a_draft_orders() -> None:
    site = {"coding": [{"system": SNOMED, "code": "7771000"}]}
    (draft,) = read(bundle(order(priority="Urgent", authoredOn="2026-03-01", bodySite=[site])))
    assert "order.mri-lumbar" in draft.keys
    assert (draft.type, draft.priority, draft.side, str(draft.when)) == (
        "ServiceRequest",
        "urgent",
        Side.LEFT,
        "2026-03-01",
    )
    assert "lumbar" in draft.text.lower()


def test_a_device_request_orders_by_its_own_element() -> None:
    device = {"coding": [{"system": HCPCS, "code": "L1930"}]}
    (draft,) = read(bundle(order(kind="DeviceRequest", code=None, codeCodeableConcept=device)))
    assert draft.keys == ("order.afo",)


@pytest.mark.parametrize("code", [None, {}, {"coding": []}, {"coding": [{}]}, {"text": "MRI"}, "30679-5", ["x"]])
def test_a_draft_that_names_nothing_known_is_kept_without_keys(code: Any) -> None:
    (draft,) = read(bundle(order(code=code)))
    assert (draft.reference, draft.keys, draft.text) == ("ServiceRequest/d1", (), "")


@pytest.mark.parametrize("priority", [None, {"text": "stat"}, 5, ["stat", "asap"]])
def test_a_priority_that_cannot_be_read_is_none(priority: Any) -> None:
    (draft,) = read(bundle(order(priority=priority)))
    assert draft.priority is None


# ---- drafts as clients really send them ----


def test_a_list_is_read_like_a_bundle() -> None:
    assert references([order("d1"), order("d2")], ["ServiceRequest/d2"]) == references(TWO, ["ServiceRequest/d2"])


def test_one_entry_as_an_object_is_read() -> None:
    assert references({"resourceType": "Bundle", "entry": {"resource": order()}}) == {"ServiceRequest/d1": True}


def test_the_drafts_of_the_public_sandbox_are_read() -> None:
    """They have a category object, an empty coding and no intent: invalid, and still what the clinician orders."""
    draft = order(category={"coding": [{"code": "363679005"}]}, intent=None)
    draft["code"] = {"coding": [{}, {"system": LOINC, "code": "18749-2", "display": None}], "text": "EMG"}
    (kept,) = read(bundle(draft))
    assert kept.keys == ("order.emg-ncs",)


@pytest.mark.parametrize(
    ("element", "value"),
    [("id", 5), ("subject", "Patient/p1"), ("authoredOn", 20260301), ("bodySite", "left"), ("extension", "x")],
)
def test_a_mistyped_element_does_not_lose_the_draft(element: str, value: Any) -> None:
    defects: list[Defect] = []
    (draft,) = read(bundle(order(**{element: value})), defects=defects)
    assert "order.mri-lumbar" in draft.keys
    assert element in [defect.element for defect in defects]


@pytest.mark.parametrize(
    "entry", [None, 5, "ServiceRequest/d1", {}, {"fullUrl": 5}, {"resource": None}, {"resource": 5}]
)
def test_an_entry_that_is_no_draft_does_not_lose_the_others(entry: Any) -> None:
    drafts = bundle(order("d1"), order("d2"))
    drafts["entry"].insert(1, entry)
    assert references(drafts) == {"ServiceRequest/d1": True, "ServiceRequest/d2": True}


@pytest.mark.parametrize("drafts", [b"", None, [], {}, {"entry": []}, {"entry": None}, "none", 5, True])
def test_no_drafts_are_none(drafts: Any) -> None:
    assert read(drafts) == ()


def test_the_json_of_a_draft_is_kept_as_it_came() -> None:
    text = b'{"resourceType":"ServiceRequest", "id":"d1","priority" : "routine","x":[1.50,{"\\u00e9":null}],"id":"d1"}'
    (draft,) = read(b'{"entry":[{"resource":' + text + b"}]}")
    assert bytes(draft.raw) == text


def test_a_draft_without_id_is_one_and_selected_when_no_other_is_named() -> None:
    (draft,) = read(bundle(order(identity=None)))
    assert (draft.reference, draft.selected) == ("ServiceRequest", True)


# ---- whose ----


@pytest.mark.parametrize("reference", ["Patient/p2", "https://ehr.example/fhir/Patient/p2/_history/1"])
@pytest.mark.parametrize("status", ["draft", "revoked"])
def test_a_draft_of_another_patient_refuses_everything_and_tells_nothing_of_it(reference: str, status: str) -> None:
    with pytest.raises(OtherPatientError) as refused:
        read(bundle(order("d1"), order("secret", status=status, subject={"reference": reference})))
    assert "secret" not in str(refused.value)
    assert "p2" not in str(refused.value)


@pytest.mark.parametrize("subject", [None, {}, {"identifier": {"value": "1"}}, {"reference": "Patient/p1/_history/2"}])
def test_a_draft_that_names_no_other_patient_is_read(subject: Any) -> None:
    assert references(bundle(order(subject=subject))) == {"ServiceRequest/d1": True}


def test_a_draft_nested_beyond_measure_is_left_out_and_counted() -> None:
    """It would be sent back whole: what an EHR could not read again is not read here."""
    deep: Any = "end"
    for _ in range(200):
        deep = [deep]
    defects: list[Defect] = []
    drafts = read(bundle(order("d1", note=deep), order("d2")), defects=defects)
    assert [draft.reference for draft in drafts] == ["ServiceRequest/d2"]
    assert [(defect.where, defect.why, defect.dropped) for defect in defects] == [
        ("draftOrders", "is nested more than 100 levels deep", True)
    ]


def test_what_is_drafted_is_asked_by_key_and_only_of_the_selection() -> None:
    emg = {"coding": [{"system": LOINC, "code": "18749-2"}]}
    drafts = read(bundle(order("d1"), order("d2"), order("d3", code=emg)), ["ServiceRequest/d2", "ServiceRequest/d3"])
    chart = Chart("p1", CLOCK.now, hook="order-select", drafts=drafts, declared=frozenset())
    assert [draft.reference for draft in chart.drafted("order.mri-lumbar")] == ["ServiceRequest/d2"]
    both = chart.drafted("order.emg-ncs", "order.mri-lumbar")
    assert [draft.reference for draft in both] == ["ServiceRequest/d2", "ServiceRequest/d3"]
    assert chart.drafted("order.afo") == []
    assert chart.drafted() == []


@pytest.mark.parametrize(
    ("hook", "is_ordering"),
    [("order-select", True), ("order-sign", True), ("patient-view", False), ("encounter-discharge", False)],
)
def test_a_chart_knows_from_its_hook_whether_orders_are_being_written(hook: str, is_ordering: bool) -> None:
    assert Chart("p1", CLOCK.now, hook=hook).is_ordering is is_ordering
    assert not Chart("p1", CLOCK.now).is_ordering


def test_the_medications_that_the_drafts_point_at_and_do_not_hold() -> None:
    def prescription(reference: Any) -> Json:
        return order(kind="MedicationRequest", code=None, medicationReference={"reference": reference})

    held = {"resourceType": "Medication", "id": "here"}
    pointed = ["Medication/here", "Medication/there", "#inside", "https://ehr.example/fhir/Medication/far", "", None]
    drafts = read_draft_orders(json.dumps(bundle(held, *map(prescription, pointed))).encode())
    assert drafts.medications() == ["Medication/there", "https://ehr.example/fhir/Medication/far"]


def test_a_draft_is_not_on_record_as_well() -> None:
    """An EHR may send the same order in the prefetch: the draft is what is asked about."""
    same, other = (read_resource(json.dumps(order(identity)).encode(), "orders", []) for identity in ("d1", "d9"))
    assert same is not None
    assert other is not None
    chart = Chart("p1", CLOCK.now, [same, other], drafts=read(bundle(order("d1"))))
    assert [kept.reference for kept in chart.orders("order.mri-lumbar")] == ["ServiceRequest/d9"]
