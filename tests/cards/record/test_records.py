"""Which records count, when and on which side: the conventions of bindings.toml on real FHIR."""

from __future__ import annotations

from typing import Any

import pytest

from cards.record.codes import Codes
from cards.record.side import Side
from cards.value_sets.systems import EXAM, ICD10CM, LOINC, NCIT, SNOMED
from tests.support.fhir_records import SUBJECT, Json, chart, coded


def condition(**elements: Any) -> Json:
    return {"resourceType": "Condition", "id": "c1", "subject": SUBJECT, "code": coded(SNOMED, "6077001")} | elements


def observation(exam: str, **elements: Any) -> Json:
    core = {"resourceType": "Observation", "id": "o1", "subject": SUBJECT, "status": "final"}
    return core | {"code": coded(EXAM, exam), "effectiveDateTime": "2026-03-01"} | elements


def request(**elements: Any) -> Json:
    core = {"resourceType": "ServiceRequest", "id": "r1", "subject": SUBJECT, "status": "active", "intent": "order"}
    return core | {"code": coded(LOINC, "30679-5"), "authoredOn": "2026-03-01"} | elements


def days(dated: list[Any]) -> list[str | None]:
    return [str(fact.when) if fact.when else None for fact in dated]


# ---- conditions ----


@pytest.mark.parametrize(
    ("elements", "counts"),
    [
        ({}, True),
        ({"clinicalStatus": {}}, True),
        ({"clinicalStatus": coded("any", "active")}, True),
        ({"clinicalStatus": coded("any", " Active ")}, True),
        ({"clinicalStatus": coded("any", "recurrence")}, True),
        ({"clinicalStatus": coded("any", "relapse")}, True),
        ({"clinicalStatus": coded("any", "inactive")}, False),
        ({"clinicalStatus": coded("any", "remission")}, False),
        ({"clinicalStatus": coded("any", "resolved")}, False),
        ({"clinicalStatus": {"text": "resolved"}}, False),
        ({"verificationStatus": coded("any", "provisional")}, True),
        ({"verificationStatus": coded("any", "differential")}, True),
        ({"verificationStatus": coded("any", "refuted")}, False),
        ({"verificationStatus": coded("any", "entered-in-error")}, False),
        ({"code": {"text": "Foot drop"}}, False),
        ({"code": {"coding": [{"code": "6077001"}]}}, False),
        ({"code": {"coding": [{"system": SNOMED, "code": "6077001", "display": None}]}}, True),
        ({"code": {"coding": [{"system": "x", "code": "1"}, {"system": ICD10CM, "code": "m21371"}]}}, True),
    ],
)
def test_which_conditions_count(elements: Json, counts: bool) -> None:
    assert bool(chart(condition(**elements)).problems("condition.foot-drop")) is counts


@pytest.mark.parametrize(
    ("elements", "day"),
    [
        ({"onsetDateTime": "2026-02-20"}, "2026-02-20"),
        ({"onsetDateTime": "2026-02"}, "2026-02-28"),
        ({"onsetPeriod": {"start": "2026-02-20", "end": "2026-02-25"}}, "2026-02-20"),
        ({"onsetPeriod": {"end": "2026-02-25"}}, None),
        ({"onsetDateTime": "2026-02-20", "recordedDate": "2026-03-01"}, "2026-02-20"),
        ({"recordedDate": "2026-03-01"}, "2026-03-01"),
        ({"onsetDateTime": "in spring", "recordedDate": "2026-03-01"}, "2026-03-01"),
        ({"onsetAge": {"value": 40}, "onsetString": "at forty"}, None),
        ({}, None),
    ],
)
def test_the_onset_of_a_condition(elements: Json, day: str | None) -> None:
    facts = chart(condition(**elements))
    problems = facts.problems("condition.foot-drop")
    assert days(problems) == [day]
    assert [defect.element for defect in facts.defects] == ([] if day else ["onset"])


@pytest.mark.parametrize(
    ("elements", "side"),
    [
        ({}, Side.UNKNOWN),
        ({"bodySite": coded(SNOMED, "7771000")}, Side.LEFT),
        ({"bodySite": [coded(SNOMED, "419465000")]}, Side.RIGHT),
        ({"bodySite": [coded(SNOMED, "7771000"), coded(SNOMED, "24028007")]}, Side.BOTH),
        ({"bodySite": coded(SNOMED, "7771000", "24028007")}, Side.BOTH),
        ({"bodySite": coded(SNOMED, "51440002")}, Side.BOTH),
        ({"bodySite": [{"text": "left leg"}]}, Side.UNKNOWN),
        ({"code": coded(ICD10CM, "M21.372")}, Side.LEFT),
        ({"code": coded(ICD10CM, "M21.372"), "bodySite": [coded(SNOMED, "24028007")]}, Side.LEFT),
        ({"code": coded(ICD10CM, "M21.379"), "bodySite": [coded(SNOMED, "24028007")]}, Side.RIGHT),
        ({"code": coded(ICD10CM, "M21.371", "M21.372")}, Side.BOTH),
    ],
)
def test_the_side_of_a_condition(elements: Json, side: Side) -> None:
    assert [fact.side for fact in chart(condition(**elements)).problems("condition.foot-drop")] == [side]


def test_the_side_is_that_of_the_condition_whichever_coding_is_looked_for() -> None:
    code = {"coding": [*coded(ICD10CM, "M54.42")["coding"], *coded(SNOMED, "6077001")["coding"]]}
    facts = chart(condition(code=code))
    for key in ("condition.foot-drop", "condition.radicular-pain", "condition.back-pain"):
        assert [fact.side for fact in facts.problems(key)] == [Side.LEFT], key


# ---- observations ----


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("final", True), ("amended", True), ("corrected", True), ("preliminary", True), ("registered", True),
        (None, True),
        ("entered-in-error", False), ("cancelled", False), ("unknown", False),
    ],
)  # fmt: skip
def test_which_observations_count(status: str | None, counts: bool) -> None:
    facts = chart(observation("mrc-ankle-dorsiflexion", valueInteger=2, status=status))
    assert bool(facts.readings("mrc-ankle-dorsiflexion")) is counts


@pytest.mark.parametrize(
    ("elements", "day"),
    [
        ({"effectiveDateTime": "2026-02-20", "issued": "2026-02-25T10:00:00Z"}, "2026-02-20"),
        ({"effectivePeriod": {"start": "2026-02-20", "end": "2026-02-22"}}, "2026-02-22"),
        ({"effectivePeriod": {"start": "2026-02-20"}}, "2026-02-20"),
        ({"effectiveInstant": "2026-02-20T10:00:00Z"}, "2026-02-20"),
        ({"issued": "2026-02-25T10:00:00Z"}, "2026-02-25"),
        ({"effectiveDateTime": "2026-02-31", "issued": "2026-02-25T10:00:00Z"}, "2026-02-25"),
        ({}, None),
    ],
)
def test_the_time_of_an_observation(elements: Json, day: str | None) -> None:
    facts = chart(observation("mrc-ankle-dorsiflexion", valueInteger=2, effectiveDateTime=None) | elements)
    assert days(facts.readings("mrc-ankle-dorsiflexion")) == [day]
    assert [defect.element for defect in facts.defects] == ([] if day else ["effective"])


def test_an_answer_that_cannot_be_read_is_counted_and_is_no_answer() -> None:
    facts = chart(observation("mrc-ankle-dorsiflexion", valueString="IV"))
    assert facts.readings("mrc-ankle-dorsiflexion") == []
    assert [(defect.where, defect.element) for defect in facts.defects] == [("Observation/o1", "value")]


def test_components_count_with_the_time_status_and_side_of_theirs() -> None:
    parts = [
        {"code": coded(EXAM, "mrc-ankle-dorsiflexion"), "valueInteger": 2},
        {"code": coded(EXAM, "babinski"), "valueCodeableConcept": coded(EXAM, "present")},
        {"code": coded(EXAM, "clonus"), "interpretation": [{"coding": [{"code": "POS"}]}]},
        {"code": {"text": "something else"}, "valueString": "fine"},
    ]
    panel = observation("any", code={"text": "Examination"}, component=parts, bodySite=coded(SNOMED, "7771000"))
    facts = chart(panel)
    for code in ("mrc-ankle-dorsiflexion", "babinski"):
        assert [(reading.side, str(reading.when)) for reading in facts.readings(code)] == [(Side.LEFT, "2026-03-01")], (
            code
        )
    assert facts.readings("clonus") == []
    assert chart(panel | {"status": "entered-in-error"}).readings("babinski") == []


def test_a_site_s_flowsheet_row_is_a_reading_of_the_finding() -> None:
    codes = Codes({"observation.mrc-ankle-dorsiflexion": {"https://ehr.example/rows": ["FLO-1"]}})
    row = observation("any", code=coded("https://ehr.example/rows", "FLO-1"), valueString="2/5")
    assert [fact.value for fact in chart(row, codes=codes).readings("mrc-ankle-dorsiflexion")] == [2]
    assert chart(row).readings("mrc-ankle-dorsiflexion") == []


# ---- orders ----


@pytest.mark.parametrize(
    ("elements", "day"),
    [
        ({"authoredOn": "2026-03-01", "occurrenceDateTime": "2026-03-20"}, "2026-03-01"),
        ({"occurrenceDateTime": "2026-02-20"}, "2026-02-20"),
        ({"occurrencePeriod": {"start": "2026-02-20", "end": "2026-02-25"}}, "2026-02-20"),
        ({"occurrencePeriod": {"end": "2026-02-25"}}, None),
        ({}, None),
    ],
)
def test_the_time_of_an_order(elements: Json, day: str | None) -> None:
    assert days(chart(request(authoredOn=None) | elements).orders("order.mri-lumbar")) == [day]


@pytest.mark.parametrize(
    ("written", "read"),
    [("stat", "stat"), (" STAT ", "stat"), ("routine", "routine"), (None, None), ({"text": "stat"}, None), (5, None)],
)
def test_the_priority_of_an_order(written: Any, read: str | None) -> None:
    assert [fact.priority for fact in chart(request(priority=written)).orders("order.mri-lumbar")] == [read]


def test_an_order_not_to_perform_is_none() -> None:
    assert chart(request(doNotPerform=True)).orders("order.mri-lumbar") == []
    assert chart(request(doNotPerform=False)).orders("order.mri-lumbar") != []


REFUSAL = coded(SNOMED, "105480006")
STATUS_REASON = "http://hl7.org/fhir/StructureDefinition/request-statusReason"


@pytest.mark.parametrize(
    ("elements", "declined"),
    [
        ({"reasonCode": [REFUSAL]}, True),
        ({"statusReason": REFUSAL}, True),
        ({"statusReason": [REFUSAL]}, True),
        ({"extension": [{"url": STATUS_REASON, "valueCodeableConcept": REFUSAL}]}, True),
        ({"extension": [{"url": STATUS_REASON, "valueCodeableConcept": {"text": "Declined by patient"}}]}, True),
        ({"reasonCode": [{"text": "Scan DECLINED"}]}, True),
        ({"extension": [{"url": "https://ehr.example/other", "valueCodeableConcept": REFUSAL}]}, False),
        ({"reasonCode": [{"text": "Ordered twice"}]}, False),
        ({}, False),
        ({"status": "active", "reasonCode": [REFUSAL]}, False),
        ({"status": "completed", "reasonCode": [REFUSAL]}, False),
    ],
)
def test_what_the_patient_declined(elements: Json, declined: bool) -> None:
    orders = chart(request(status="revoked") | elements).orders("order.mri-lumbar")
    assert [fact.declined for fact in orders] == [declined]


# ---- procedures and devices ----


@pytest.mark.parametrize(
    ("elements", "day"),
    [
        ({"performedDateTime": "2026-02-20"}, "2026-02-20"),
        ({"performedPeriod": {"start": "2026-02-20", "end": "2026-02-21"}}, "2026-02-21"),
        ({"performedPeriod": {"start": "2026-02-20"}}, "2026-02-20"),
        ({}, None),
    ],
)
def test_the_time_of_a_procedure(elements: Json, day: str | None) -> None:
    core = {"resourceType": "Procedure", "id": "x1", "subject": SUBJECT, "status": "completed"}
    facts = chart(core | {"code": coded(SNOMED, "178618008")} | elements)
    assert days(facts.procedures("procedure.lumbar-decompression")) == [day]


@pytest.mark.parametrize(
    ("elements", "safety"),
    [
        ({}, ["unknown"]),
        ({"status": "active"}, ["unknown"]),
        ({"status": "inactive"}, []),
        ({"safety": [coded(NCIT, "C106046")]}, ["conditional"]),
        ({"safety": coded(NCIT, "C106045")}, ["safe"]),
        ({"safety": [coded(NCIT, "C106045"), coded(NCIT, "C106047")]}, ["unsafe"]),
        ({"safety": [coded(NCIT, "C113844")]}, ["unknown"]),
        ({"safety": [{"text": "MR unsafe"}]}, ["unknown"]),
        ({"type": [coded(SNOMED, "14106009")]}, ["unknown"]),
    ],
)
def test_the_mr_safety_of_a_device(elements: Json, safety: list[str]) -> None:
    device = {"resourceType": "Device", "id": "d1", "patient": SUBJECT, "type": coded(SNOMED, "14106009")} | elements
    assert [fact.safety for fact in chart(device).devices("device.cardiac-pacemaker")] == safety


@pytest.mark.parametrize(
    ("elements", "element"),
    [
        ({"code": 5}, "code"),
        ({"code": ["6077001"]}, "code"),
        ({"clinicalStatus": "activ"}, "clinicalStatus"),
        ({"verificationStatus": 5}, "verificationStatus"),
        ({"modifierExtension": [{"url": "https://ehr.example/not"}]}, "modifierExtension"),
    ],
)
def test_what_a_rule_wants_and_cannot_be_read_is_counted(elements: Json, element: str) -> None:
    """What is kept as JSON until then is counted then: the record is named, and whether it is lost."""
    wrong = {"resourceType": "Condition", "id": "c1", "subject": SUBJECT, "onsetDateTime": "2026-02-25"}
    wrong |= {"code": coded("http://snomed.info/sct", "6077001")} | elements
    facts = chart(wrong, wrong | {"id": "c2"})
    assert facts.problems("condition.foot-drop") == []
    assert [(defect.where, defect.element, defect.dropped) for defect in facts.defects] == [
        ("Condition/c1", element, True),
        ("Condition/c2", element, True),
    ]


@pytest.mark.parametrize("unread", [{"valueQuantity": "72 kg"}, {"valueQuantity": None}, {}])
def test_a_quantity_that_cannot_be_read_gives_no_answer(unread: Json) -> None:
    weight = {"resourceType": "Observation", "id": "o1", "status": "final", "subject": SUBJECT}
    weight |= {"code": coded("http://loinc.org", "29463-7"), "effectiveDateTime": "2026-02-25"} | unread
    facts = chart(weight)
    assert facts.readings("body-weight") == []
    assert ("Observation/o1", "value") in [(defect.where, defect.element) for defect in facts.defects]


def test_a_code_that_can_be_read_in_part_counts_and_what_is_lost_of_it_is_counted_once() -> None:
    code = {"coding": [5, {"system": "http://snomed.info/sct", "code": "6077001"}]}
    partly = {"resourceType": "Condition", "id": "c1", "subject": SUBJECT, "onsetDateTime": "2026-02-25", "code": code}
    facts = chart(partly)
    assert len(facts.problems("condition.foot-drop")) == 1
    assert [(defect.where, defect.element) for defect in facts.defects] == [("Condition/c1", "element 1 of a list")]
