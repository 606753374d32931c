"""Quantities, grades, statuses, ages, sides and answers as they are really written (O1, O2, O4, O5, O10 to O15)."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from cards.value_sets.systems import EXAM, LOINC, SNOMED
from tests.service.odd.asking import (
    BLADDER,
    DROP,
    KIDNEY,
    PAIN,
    PATIENT,
    WALKS,
    WEIGHT,
    Json,
    body,
    cards,
    concept,
    dose,
    draft,
    finding,
    grade,
    laboratory,
    said,
    status,
)


@pytest.mark.parametrize(
    "value",
    [
        {"valueQuantity": {"value": "2"}},
        {"valueQuantity": {"value": " 2 ", "unit": "{Score}"}},
        {"valueInteger": "2"},
        {"valueString": "M2"},
        {"valueString": "2/5"},
        {"valueString": "2 - Poor"},
        {"valueString": "2 \u2013 poor"},
        *({"valueString": f"3{dash}/5"} for dash in "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"),
        {"valueString": "3+/5"},
        {"valueString": "3 - Fair"},
    ],
)
def test_a_weak_grade_is_a_foot_drop_however_it_is_written(client: FlaskClient, value: Json) -> None:
    answer = said(client, PAIN, WALKS, grade(**value))
    assert (answer.get("lumbar-mri"), answer.get("afo")) == ("warning", "warning")


@pytest.mark.parametrize(
    "value",
    [
        {"valueString": "2 - Good"},
        {"valueString": "2 - see note"},
        {"valueString": "2-3"},
        {"valueString": "M"},
        {"valueString": "2,5"},
        {"valueQuantity": {"value": "two"}},
        {"valueQuantity": {"value": "2", "comparator": "<"}},
        {"valueQuantity": {"value": True}},
        {"valueString": "2" * 10_000},
        {"valueInteger": "NaN"},
    ],
)
def test_anything_else_is_no_grade(client: FlaskClient, value: Json) -> None:
    assert "lumbar-mri" not in said(client, PAIN, WALKS, grade(**value))


@pytest.mark.parametrize(
    "quantity",
    [
        {"value": 354, "code": "umol/l"},
        {"value": "354", "code": "UMOL/L"},
        {"value": 354, "unit": "\u00b5mol/l"},
        {"value": 354, "code": "micromoles", "unit": "umol/L"},
        {"value": 0.354, "code": "mmol/l"},
        {"value": 4, "unit": "mg / dL"},
        {"value": 4, "code": "mg/dl"},
    ],
)
def test_creatinine_is_read_in_the_units_that_laboratories_write(client: FlaskClient, quantity: Json) -> None:
    high = draft(dosage=[dose(600, frequency=3, period=1, periodUnit="d")])
    answer = said(client, DROP, PAIN, WEIGHT, laboratory("2160-0", **quantity), drafts=[high])
    assert answer["gabapentinoid-safety"] == "critical"


@pytest.mark.parametrize(
    ("comparator", "value", "indicator"),
    [
        (">", 60, "info"),
        (">=", 60, "info"),
        (">", 90, "info"),
        (">", 45, "warning"),
        ("<", 60, "warning"),
        ("<", 15, "critical"),
        ("<", 30, "critical"),
        (">", 30, "warning"),
    ],
)
def test_a_comparator_bounds_a_clearance(client: FlaskClient, comparator: str, value: int, indicator: str) -> None:
    """In a man with kidney disease of no stage; 900 mg a day are over the label below 30."""
    egfr = laboratory("33914-3", value=value, code="mL/min/{1.73_m2}", comparator=comparator)
    assert said(client, DROP, PAIN, KIDNEY, egfr, drafts=[draft()])["gabapentinoid-safety"] == indicator


REFUTED = [
    "refuted", " REFUTED ", ["refuted"], concept("x", "Refuted"), [concept("x", "refuted")], {"text": "refuted"},
    {"coding": [{"display": "Refuted"}]}, {"coding": {"code": "refuted"}}, "entered-in-error", "Entered-In-Error",
]  # fmt: skip


@pytest.mark.parametrize("written", REFUTED)
def test_what_is_refuted_is_so_however_it_is_written(client: FlaskClient, written: Any) -> None:
    assert said(client, DROP | {"verificationStatus": written}, WALKS) == {}


@pytest.mark.parametrize(
    "written", ["active", "Active ", ["active"], [status("Recurrence")], status("RELAPSE"), {"text": "active"}]
)
def test_what_is_active_is_so_however_it_is_written(client: FlaskClient, written: Any) -> None:
    assert "afo" in said(client, DROP | {"clinicalStatus": written}, WALKS)


@pytest.mark.parametrize("written", ["resolved", ["Resolved"], [status("inactive")], status("REMISSION")])
def test_what_is_over_is_so_however_it_is_written(client: FlaskClient, written: Any) -> None:
    assert said(client, DROP | {"clinicalStatus": written}, WALKS) == {}


UNREADABLE = [
    "activ",
    5,
    True,
    [status("active"), status("resolved")],
    status("55561003"),
    "active" * 2_000,
    {"coding": [{}]},
]


@pytest.mark.parametrize("written", UNREADABLE)
def test_a_problem_whose_status_cannot_be_read_is_left_out_and_said(client: FlaskClient, written: Any) -> None:
    assert said(client, DROP | {"clinicalStatus": written}, WALKS) == {}
    explained = cards(client, body(DROP, WALKS, PAIN | {"clinicalStatus": written}))
    assert "cannot be read" in explained["lumbar-mri"]["detail"].replace("\\", "")


@pytest.mark.parametrize(
    "written", ["ENTERED-IN-ERROR", " cancelled ", "finalised", {"coding": [{"code": "entered-in-error"}]}, ["unknown"]]
)
def test_a_finding_that_is_void_or_unreadable_raises_no_alarm(client: FlaskClient, written: Any) -> None:
    answer = said(client, DROP, grade(valueInteger=3), WALKS, BLADDER | {"status": written})
    assert "cauda-equina-emergency" not in answer
    assert answer["lumbar-mri"] == "warning"


@pytest.mark.parametrize("written", ["final", "FINAL", ["Amended"], concept("x", "corrected")])
def test_a_finding_that_counts_does_so_however_its_status_is_written(client: FlaskClient, written: Any) -> None:
    assert said(client, DROP, BLADDER | {"status": written})["cauda-equina-emergency"] == "critical"


@pytest.mark.parametrize(
    ("element", "alive"),
    [
        ({"deceasedBoolean": True}, False),
        ({"deceasedBoolean": "true"}, False),
        ({"deceasedDateTime": "2026"}, False),
        ({"deceasedDateTime": "some day"}, False),
        ({"deceasedBoolean": False}, True),
        ({"deceasedDateTime": None}, True),
    ],
)
@pytest.mark.parametrize("hook", ["patient-view", "order-select"])
def test_a_patient_who_has_died_has_no_card(client: FlaskClient, hook: str, element: Json, alive: bool) -> None:
    drafts = [draft()] if hook == "order-select" else []
    assert bool(said(client, PATIENT | element, DROP, PAIN, WALKS, drafts=drafts)) is alive


@pytest.mark.parametrize("element", [{"deceasedBoolean": True}, {"deceasedDateTime": "2026"}])
@pytest.mark.parametrize("odd", [{"gender": 5}, {"link": "none"}, {"birthDate": {}}])
def test_that_somebody_has_died_is_read_whatever_else_of_the_patient_is_odd(
    client: FlaskClient, element: Json, odd: Json
) -> None:
    assert said(client, PATIENT | odd, DROP, PAIN, WALKS)
    assert said(client, PATIENT | odd | element, DROP, PAIN, WALKS) == {}


@pytest.mark.parametrize("born", ["2031-01-01", "2031", "1726-03-01", "1850"])
def test_with_an_impossible_birth_date_no_age_and_no_clearance_is_known(client: FlaskClient, born: str) -> None:
    creatinine = laboratory("2160-0", value=1, code="mg/dL")
    answer = cards(client, body(PATIENT | {"birthDate": born}, DROP, PAIN, WEIGHT, creatinine, drafts=[draft()]))
    card = answer["gabapentinoid-safety"]
    assert card["indicator"] == "info"
    assert "CrCl -" not in card["detail"]


@pytest.mark.parametrize(
    "written",
    [
        concept(SNOMED, "373066001"),
        concept(LOINC, "LA33-6"),
        concept("http://terminology.hl7.org/CodeSystem/v2-0532", "Y"),
        concept("http://hl7.org/fhir/v2/0136", "Y"),
        concept(LOINC, "LA9633-4"),
        concept("https://loinc.org/", "LA6576-8"),
        concept(EXAM, "yes"),
    ],
)
def test_yes_is_said_in_many_systems(client: FlaskClient, written: Json) -> None:
    answer = said(client, DROP, finding("bladder-dysfunction", valueCodeableConcept=written))
    assert answer["cauda-equina-emergency"] == "critical"
    saddle = said(client, DROP, finding("saddle-sensation", valueCodeableConcept=written))
    assert "cauda-equina-emergency" not in saddle, "sensation present is no red flag"
