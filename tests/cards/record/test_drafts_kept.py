"""Which drafts are selected, which are kept of very many, whose JSON is kept, and what is read of a prescription."""

from __future__ import annotations

from typing import Any

import pytest

from cards.record.defects import Defect
from cards.record.drafts import MOST_DRAFTS
from cards.record.newest import MOST_OF_A_KIND
from cards.value_sets.systems import HCPCS, LOINC, RXNORM
from tests.support.draft_orders import Json, bundle, order, read

EMG = {"coding": [{"system": LOINC, "code": "18749-2"}]}


def prescription(identity: str = "d1", mg: float | None = None, **elements: Any) -> Json:
    """A draft of gabapentin, so many milligrams once a day."""
    once = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}
    dose = [{"timing": once, "doseAndRate": [{"doseQuantity": {"value": mg, "unit": "mg"}}]}]
    named = {"medicationCodeableConcept": {"text": "gabapentin"}} | ({"dosageInstruction": dose} if mg else {})
    return order(identity, "MedicationRequest", code=None, **(named | elements))


# ---- selections ----


@pytest.mark.parametrize(
    "selection",
    ["d2", " d2 ", "urn:uuid:d2", "https://ehr.example/fhir/d2", "ServiceRequest/d2", "d2/_history/3",
     "https://ehr.example/fhir/ServiceRequest/d2/_history/3", "http://ehr.example/d2"],
)  # fmt: skip
def test_a_selection_names_a_draft_by_an_id_that_it_has_alone(selection: str) -> None:
    named = {draft.reference: draft.selected for draft in read(bundle(order("d1"), order("d2")), [selection])}
    assert named == {"ServiceRequest/d1": False, "ServiceRequest/d2": True}


@pytest.mark.parametrize(
    "selection",
    ["d3", "urn:uuid:d3", "urn:uuid:", "", " ", "/", "MedicationRequest/d2", "NutritionOrder/d2", "x/d2",
     "https://ehr.example/fhir/MedicationRequest/d2", "D2", "/d2"],
)  # fmt: skip
def test_a_selection_that_names_none_of_them_selects_all(selection: str) -> None:
    assert [draft.selected for draft in read(bundle(order("d1"), order("d2")), [selection])] == [True, True]


def test_an_id_that_two_drafts_have_names_neither() -> None:
    twice = bundle(order("d1"), prescription("d1"), order("d2"))
    assert [draft.selected for draft in read(twice, ["d1"])] == [True, True, True]
    assert [draft.selected for draft in read(twice, ["ServiceRequest/d1"])] == [True, False, False]
    assert [draft.selected for draft in read(twice, ["d1", "d2"])] == [False, False, True]
    assert [draft.selected for draft in read(twice, ["MedicationRequest/d1", "d2"])] == [False, True, True]


def test_two_drafts_without_an_id_are_selected_together() -> None:
    nameless = bundle(order(None), order(None), order("d2"))
    assert [draft.selected for draft in read(nameless, ["d2"])] == [False, False, True]
    assert [draft.selected for draft in read(nameless, ["urn:uuid:"])] == [True, True, True]


# ---- which are drafts ----


@pytest.mark.parametrize(
    "status",
    ["revoked", "cancelled", "entered-in-error", "stopped", "completed", "ended", "rejected", " Revoked ", "STOPPED"],
)
def test_what_is_over_is_no_draft_however_it_is_written(status: str) -> None:
    assert [draft.reference for draft in read(bundle(order(status=status), order("d2")))] == ["ServiceRequest/d2"]


@pytest.mark.parametrize("kind", ["MedicationStatement", "MedicationAdministration", "Condition"])
def test_what_is_no_order_is_no_draft(kind: str) -> None:
    beside = prescription("s1", 300) | {"resourceType": kind}
    assert [draft.reference for draft in read(bundle(beside, order("d2")))] == ["ServiceRequest/d2"]


@pytest.mark.parametrize("kind", ["ServiceRequest", "DeviceRequest", "MedicationRequest"])
def test_an_order_of_each_kind_is_a_draft_whatever_its_intent(kind: str) -> None:
    (draft,) = read(bundle(order("d1", kind, intent="proposal")))
    assert (draft.type, draft.reference, draft.subject) == (kind, f"{kind}/d1", "Patient/p1")


# ---- what they order ----


def test_what_a_prescription_orders() -> None:
    (draft,) = read(bundle(prescription(mg=1200, priority="ASAP", authoredOn="2026-03-01")))
    assert (draft.keys, draft.text) == (("medication.gabapentin",), "gabapentin")
    assert (draft.daily_mg, draft.priority, str(draft.when)) == (1200, "asap", "2026-03-01")
    assert not draft.is_unread
    (coded,) = read(bundle(prescription(medicationCodeableConcept={"coding": [{"system": RXNORM, "code": "25480"}]})))
    assert (coded.keys, coded.text, coded.daily_mg) == (("medication.gabapentin",), "Gabapentin", None)


def test_a_prescription_leads_to_a_medication_among_the_drafts() -> None:
    pointing = prescription(medicationCodeableConcept=None, medicationReference={"reference": "Medication/x"})
    drug = {"resourceType": "Medication", "id": "x", "code": {"text": "gabapentin"}}
    assert [draft.keys for draft in read(bundle(pointing, drug))] == [("medication.gabapentin",)]
    assert [draft.keys for draft in read(bundle(pointing, drug | {"id": "y"}))] == [()]
    assert [draft.keys for draft in read(bundle(pointing, {**drug, "id": None}))] == [()]


def test_the_code_of_a_service_is_read_before_that_of_a_device() -> None:
    device = {"coding": [{"system": HCPCS, "code": "L1930"}]}
    (both,) = read(bundle(order(codeCodeableConcept=device)))
    assert "order.mri-lumbar" in both.keys
    assert "order.afo" not in both.keys
    (unknown,) = read(bundle(order(code={"text": "as discussed"}, codeCodeableConcept=device)))
    assert (unknown.keys, unknown.text) == ((), "")


@pytest.mark.parametrize("instructions", ["three times a day", 5, [5], {"text": "one"}])
def test_a_dose_that_cannot_be_read_leaves_the_medicine(instructions: Any) -> None:
    (draft,) = read(bundle(prescription(dosageInstruction=instructions)))
    assert (draft.keys, draft.daily_mg, draft.is_unread) == (("medication.gabapentin",), None, False)


# ---- whose ----


@pytest.mark.parametrize(
    ("subject", "is_kept"),
    [
        ({"reference": "Patient/p1"}, True),
        (None, True),
        ({"identifier": {"value": "1"}}, False),
        ({"display": "A"}, False),
        ({"reference": "Group/g1"}, False),
    ],
)
def test_no_json_is_kept_of_a_draft_whose_patient_cannot_be_read(subject: Json | None, is_kept: bool) -> None:
    defects: list[Defect] = []
    draft, other = read(bundle(order(subject=subject), order("d2")), defects=defects)
    assert (bytes(draft.raw) != b"null") is is_kept
    assert bytes(other.raw) != b"null"
    assert draft.keys == other.keys, "it is judged all the same"
    told = [(one.where, one.element, one.dropped) for one in defects if "sent back" in one.why]
    assert told == ([] if is_kept else [("draftOrders", "subject", False)])


# ---- very many ----


@pytest.mark.parametrize(("more", "count"), [(0, 0), (1, 1)])
def test_of_more_than_500_resources_the_first_are_read(more: int, count: int) -> None:
    assert MOST_DRAFTS == 500
    defects: list[Defect] = []
    gone = [{"resourceType": "Basic"}] * (500 + more - 1)
    drafts = read(bundle(*gone, order("last")), defects=defects)
    assert [(draft.reference, draft.is_unread) for draft in drafts] == (
        [("", True)] if count else [("ServiceRequest/last", False)]
    ), "one that nobody has read stands for all others"
    why = "only the first 500 are read"
    assert [(one.where, one.element, one.dropped) for one in defects if one.why == why] == (
        [("draftOrders", "entry", True)] * count
    )


def test_of_very_many_drafts_of_a_kind_the_newest_are_kept() -> None:
    """Each kind of order has its own room, each urgency and each selection too."""
    defects: list[Defect] = []
    many = [order(f"a{number}", authoredOn="2026-01-01") for number in range(MOST_OF_A_KIND)]
    newest = order("new", authoredOn="2026-02-01")
    others = [
        order("emg", code=EMG, authoredOn="2025-01-01"),
        *(order(urgency, priority=urgency, authoredOn="2025-01-01") for urgency in ("stat", "asap", "urgent")),
    ]
    routine = order("routine", priority="routine", authoredOn="2025-01-01")
    kept = {draft.reference.split("/")[1] for draft in read(bundle(*many, newest, *others, routine), defects=defects)}
    assert {"new", "emg", "stat", "asap", "urgent"} <= kept
    assert "routine" not in kept
    assert len(kept & {f"a{number}" for number in range(MOST_OF_A_KIND)}) == MOST_OF_A_KIND - 1
    assert [(one.where, one.element, one.why, one.dropped) for one in defects] == [
        ("draftOrders", "", "2 are too many of a kind", True)
    ]


def test_as_many_drafts_as_are_kept_are_no_defect() -> None:
    defects: list[Defect] = []
    many = [order(f"a{number}") for number in range(MOST_OF_A_KIND)]
    assert len(read(bundle(*many), defects=defects)) == MOST_OF_A_KIND
    assert defects == []


def test_the_selected_draft_is_kept_among_very_many() -> None:
    many = [order(f"a{number}", authoredOn="2026-01-01") for number in range(MOST_OF_A_KIND)]
    old = order("old", authoredOn="2020-01-01")
    drafts = read(bundle(old, *many), ["ServiceRequest/old"])
    assert [draft.reference for draft in drafts if draft.selected] == ["ServiceRequest/old"]


@pytest.mark.parametrize("where", [0, 100, MOST_OF_A_KIND])
def test_the_highest_dose_is_kept_among_very_many_however_old_it_is(where: int) -> None:
    many = [prescription(f"a{number}", 300, authoredOn="2026-01-01") for number in range(MOST_OF_A_KIND)]
    many.insert(where, prescription("high", 9000, authoredOn="2020-01-01"))
    unknown = prescription("unknown", authoredOn="2020-01-01")
    kept = {draft.reference: draft.daily_mg for draft in read(bundle(*many, unknown))}
    assert kept["MedicationRequest/high"] == 9000
    assert kept["MedicationRequest/unknown"] is None
