"""Whose records they are, and where a report finds the side of its lesion."""

from __future__ import annotations

from typing import Any

import pytest

from cards.record.errors import OtherPatientError
from cards.record.facts import Lesion
from cards.record.side import Side
from cards.value_sets.systems import LOINC, SNOMED
from tests.support.fhir_records import SUBJECT, Json, chart, coded


def drop(**elements: Any) -> Json:
    core = {"resourceType": "Condition", "id": "secret-c1", "subject": SUBJECT, "onsetDateTime": "2026-02-20"}
    return core | {"code": coded(SNOMED, "6077001"), "bodySite": [coded(SNOMED, "7771000")]} | elements


def report(**elements: Any) -> Json:
    core = {"resourceType": "DiagnosticReport", "id": "r1", "subject": SUBJECT, "status": "final"}
    return core | {"code": coded(LOINC, "30679-5"), "effectiveDateTime": "2026-03-01"} | elements


# ---- whose records ----


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/p1",
        " Patient/p1 ",
        "Patient/p1/_history/3",
        "https://ehr.example/fhir/Patient/p1",
        "https://ehr.example/fhir/Patient/p1/_history/3",
    ],
)
def test_a_record_of_the_patient(reference: str) -> None:
    found = chart(drop(subject={"reference": reference}))
    assert len(found.problems("condition.foot-drop")) == 1
    assert found.defects == []


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/p2",
        "Patient/P1",
        "Patient/p11",
        "Patient/p2/_history/1",
        "https://ehr.example/fhir/Patient/p2",
        "https://ehr.example/p1/Patient/p2/_history/1",
    ],
)
@pytest.mark.parametrize("kind", ["Condition", "Observation", "Device", "AllergyIntolerance", "CarePlan"])
def test_a_record_of_another_patient_refuses_everything_and_tells_nothing_of_it(kind: str, reference: str) -> None:
    whose = {"patient" if kind in ("Device", "AllergyIntolerance") else "subject": {"reference": reference}}
    with pytest.raises(OtherPatientError) as refused:
        chart(drop(), {"resourceType": kind, "id": "secret-x", "code": {"text": "secret"}, "status": "final"} | whose)
    assert "secret" not in str(refused.value)
    assert reference not in str(refused.value)
    assert "p2" not in str(refused.value)


def test_a_refuted_or_void_record_of_another_patient_refuses_too() -> None:
    other = {"subject": {"reference": "Patient/p2"}}
    with pytest.raises(OtherPatientError):
        chart(drop(clinicalStatus=coded("any", "resolved")) | other)
    with pytest.raises(OtherPatientError):
        chart(located(LEFT, status="entered-in-error") | other)


def test_another_patient_where_this_one_was_asked_is_refused() -> None:
    with pytest.raises(OtherPatientError) as refused:
        chart({"resourceType": "Patient", "id": "secret-p2", "birthDate": "1960-01-01"})
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "subject",
    [
        None,
        {},
        {"reference": ""},
        {"identifier": {"value": "123"}},
        {"display": "Jane Roe"},
        {"reference": "Group/g1"},
        {"reference": "urn:uuid:2c1f2a0e-0000-4000-8000-000000000000"},
        {"reference": "#p1"},
        {"reference": "Patient/"},
        {"reference": "p1"},
        "Patient/p1",
        {"reference": 5},
    ],
)
def test_a_record_that_names_no_patient_is_left_out_and_counted(subject: Any) -> None:
    found = chart(drop(subject=subject))
    assert found.problems("condition.foot-drop") == []
    assert [defect.where for defect in found.defects if defect.dropped] == ["Condition/secret-c1"]


def test_what_no_rule_reads_is_not_counted() -> None:
    assert chart({"resourceType": "OperationOutcome", "id": "x"}, {"resourceType": "CarePlan"}).defects == []


# ---- the side of a lesion ----

ROOT, LESION = coded(SNOMED, "299966003"), "lesion.root-compression"
LEFT, RIGHT = coded(SNOMED, "7771000"), coded(SNOMED, "24028007")


def located(site: Json | None, **elements: Any) -> Json:
    core = {"resourceType": "Observation", "id": "l1", "subject": SUBJECT, "status": "final", "code": ROOT}
    return core | ({"bodySite": site} if site else {}) | elements


def lesions(*records: Json) -> list[Lesion]:
    found = (each for report in chart(*records).reports("report.mri-lumbar") for each in report.lesions)
    return [Lesion(each.key, each.side) for each in found]


@pytest.mark.parametrize(
    ("inner", "side"),
    [
        ([located(LEFT)], Side.LEFT),
        ([located(RIGHT)], Side.RIGHT),
        ([located(coded(SNOMED, "51440002"))], Side.BOTH),
        ([located(LEFT), located(RIGHT, id="l2")], Side.BOTH),
        ([located(None)], Side.UNKNOWN),
        ([located(LEFT, status="entered-in-error")], Side.UNKNOWN),
        ([located(LEFT, code=coded(SNOMED, "71286001"))], Side.UNKNOWN),
        ([located(LEFT, code={"text": "root"})], Side.UNKNOWN),
        ([located(LEFT, resourceType="Condition")], Side.UNKNOWN),
    ],
)
def test_a_contained_or_referenced_observation_gives_the_side(inner: list[Json], side: Side) -> None:
    concluded = {"conclusionCode": [ROOT], "contained": inner}
    within = report(**concluded, result=[{"reference": f"#{each['id']}"} for each in inner])
    assert lesions(within) == [Lesion(LESION, side)]
    for base, version in (("", ""), ("https://ehr.example/fhir/", ""), ("", "/_history/2")):
        beside = [{"reference": f"{base}Observation/{each['id']}{version}"} for each in inner]
        assert lesions(report(conclusionCode=[ROOT], result=beside), *inner) == [Lesion(LESION, side)]


def test_an_observation_that_the_report_does_not_name_gives_no_side() -> None:
    assert lesions(report(conclusionCode=[ROOT], contained=[located(LEFT)]), located(RIGHT)) == [
        Lesion(LESION, Side.UNKNOWN)
    ]
    away = report(conclusionCode=[ROOT], result=[{"reference": "Observation/nowhere"}, {"display": "left"}])
    assert lesions(away) == [Lesion(LESION, Side.UNKNOWN)]


def test_words_of_a_report_conclude_nothing() -> None:
    assert lesions(report(conclusion="L5 root compression on the left", conclusionCode=[{"text": "root"}])) == []


@pytest.mark.parametrize("status", ["preliminary", "partial", "registered", "cancelled", "entered-in-error", None])
def test_a_report_that_is_not_final_is_none(status: str | None) -> None:
    assert chart(report(status=status)).reports("report.mri-lumbar") == []
