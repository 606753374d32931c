"""Elements in another shape than R4 has: lists, numbers, words, and what R5 or STU3 have instead (O1, O2, O8, O12)."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from cards.value_sets.systems import EXAM, ICD10CM, LOINC, RXNORM, SNOMED, V3_INTERPRETATION
from tests.service.odd.asking import (
    BLADDER,
    DROP,
    KIDNEY,
    PAIN,
    PATIENT,
    SUBJECT,
    WALKS,
    WEIGHT,
    Json,
    ago,
    body,
    bundle,
    cards,
    concept,
    dose,
    draft,
    finding,
    grade,
    laboratory,
    record,
    said,
    taken,
)

HIGH = draft(dosage=[dose(600, frequency=3, period=1, periodUnit="d")])
MRI = record(
    "ServiceRequest", "mri", status="active", intent="order", code=concept(LOINC, "24968-0"), priority="stat",
    authoredOn=ago(hours=1),
)  # fmt: skip
EGFR = {name: value for name, value in laboratory("33914-3").items() if name != "valueQuantity"}


# ---- a list of one where R4 has no list is that one ----


@pytest.mark.parametrize(
    "patient",
    [{"birthDate": ["1974-02-25"]}, {"gender": ["male"]}, {"birthDate": ["1974-02-25"], "gender": ["Male"]}],
)
def test_a_patient_whose_elements_are_lists_has_an_age_and_a_sex(client: FlaskClient, patient: Json) -> None:
    creatinine = laboratory("2160-0", value=[4], unit=["mg/dL"])
    answer = said(client, PATIENT | patient, DROP, PAIN, WEIGHT, creatinine, drafts=[HIGH])
    assert answer["gabapentinoid-safety"] == "critical"


@pytest.mark.parametrize("hook", ["patient-view", "encounter-discharge"])
@pytest.mark.parametrize("death", [{"deceasedBoolean": [True]}, {"deceasedBoolean": ["true"]}])
def test_who_has_died_in_a_list_has_died(client: FlaskClient, hook: str, death: Json) -> None:
    request = body(PATIENT | death, DROP, PAIN, WALKS, hook=hook)
    request["context"]["encounterId"] = "e1"
    assert cards(client, request) == {}


@pytest.mark.parametrize(
    "written",
    [
        {"code": [concept(ICD10CM, "M21.372")]},
        {"code": {"system": ICD10CM, "code": "M21.372"}},
        {"code": {"coding": [{"system": SNOMED, "code": 6077001}]}},
        {"bodySite": {"coding": [{"system": SNOMED, "code": 7771000}]}},
        {"onsetDateTime": [ago(days=5)]},
    ],
)
def test_a_problem_in_another_shape_is_one(client: FlaskClient, written: Json) -> None:
    assert "afo" in said(client, DROP | written, WALKS)


@pytest.mark.parametrize("code", ["6077001 |Foot-drop|", "06077001", 6077001.5, True, "6077001.0"])
def test_another_number_is_no_code(client: FlaskClient, code: Any) -> None:
    assert said(client, DROP | {"code": {"coding": [{"system": SNOMED, "code": code}]}}, WALKS) == {}


@pytest.mark.parametrize("value", [{"valueString": ["3/5"]}, {"valueInteger": [3]}, {"valueString": "3.0"}])
def test_a_grade_in_a_list_is_one(client: FlaskClient, value: Json) -> None:
    assert said(client, PAIN, WALKS, grade(**value))["lumbar-mri"] == "warning"


@pytest.mark.parametrize("subject", [[SUBJECT], {"reference": ["Patient/p1"]}])
def test_a_list_names_nobody(client: FlaskClient, subject: Any) -> None:
    assert said(client, DROP | {"subject": subject}, WALKS) == {}


@pytest.mark.parametrize(
    ("written", "indicator"),
    [
        ({"code": concept(LOINC, "24968\u20110")}, "warning"),
        ({"code": {"concept": concept(LOINC, "24968-0")}}, "warning"),
        ({"priority": ["stat"]}, "warning"),
        ({"priority": ["stat", "routine"]}, "critical"),
        ({"doNotPerform": [True]}, "critical"),
        ({"doNotPerform": ["false"]}, "warning"),
        ({"doNotPerform": "yes"}, "critical"),
        ({"intent": 5}, "critical"),
        ({"intent": True}, "critical"),
        ({"status": {"coding": [{"display": "On Hold"}]}}, "warning"),
        ({"status": "Entered in Error"}, "critical"),
    ],
)
def test_an_order_in_another_shape_answers_only_if_it_can_be_read(
    client: FlaskClient, written: Json, indicator: str
) -> None:
    assert said(client, DROP, BLADDER, MRI | written)["cauda-equina-emergency"] == indicator


# ---- what is recorded and cannot be read is said ----


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"valueQuantity": {"value": "4,0", "unit": "mg/dL"}}, "4,0 in mg/dL"),
        ({"valueQuantity": {"value": "see note", "code": "mg/dL"}}, "see note in mg/dL"),
        ({"valueQuantity": {"value": True, "unit": "mg/dL"}}, "True in mg/dL"),
        ({"valueQuantity": "354 umol/l"}, "354 umol/l"),
        ({"valueInteger": "about 4"}, "about 4"),
        ({"valueBoolean": "raised"}, "raised"),
        ({"valueRange": {"low": {"value": 3}}}, "a range"),
        ({"valueRatio": {"numerator": {"value": 3}}}, "a ratio"),
        ({"valueCodeableConcept": "raised"}, "raised"),
    ],
)
def test_a_value_that_cannot_be_read_is_never_said_to_be_missing(client: FlaskClient, value: Json, shown: str) -> None:
    creatinine = EGFR | {"code": concept(LOINC, "2160-0")} | value
    card = cards(client, body(DROP, PAIN, WEIGHT, creatinine, drafts=[HIGH]))["gabapentinoid-safety"]
    assert card["indicator"] == "info"
    assert f"recorded, but unreadable: {shown}" in card["detail"].replace("\\", "")


@pytest.mark.parametrize(
    "value", [{}, {"valueQuantity": {"unit": "mg/dL"}}, {"dataAbsentReason": concept("x", "not-performed")}]
)
def test_a_value_that_is_not_there_is_missing(client: FlaskClient, value: Json) -> None:
    creatinine = EGFR | {"code": concept(LOINC, "2160-0")} | value
    card = cards(client, body(DROP, PAIN, WEIGHT, creatinine, drafts=[HIGH]))["gabapentinoid-safety"]
    assert "Renal function is not recorded" in card["detail"]


# ---- units and comparators ----


@pytest.mark.parametrize(
    ("quantity", "indicator"),
    [
        *(({"value": 20, "unit": f"mL/min/{area}"}, "critical") for area in (
            "1.73_m2", "1,73m2", "1.73.m2", "1.73/m2", "{1.73 m2}", "1.73 m^2", "1.73 m\u00b2", "1,73 m\u00b2"
        )),
        ({"value": 60, "comparator": "\u2265", "unit": "mL/min"}, "info"),
        ({"value": 14, "comparator": "\u2264", "unit": "mL/min"}, "critical"),
        ({"value": 20, "unit": "mL/s"}, "warning"),
        ({"value": 20, "comparator": "~", "unit": "mL/min"}, "warning"),
    ],
)  # fmt: skip
def test_a_clearance_has_many_spellings(client: FlaskClient, quantity: Json, indicator: str) -> None:
    egfr = EGFR | {"valueQuantity": quantity}
    assert said(client, DROP, PAIN, KIDNEY, egfr, drafts=[draft()])["gabapentinoid-safety"] == indicator


# ---- answers ----

YES, NO = {"system": SNOMED, "code": "373066001"}, {"system": SNOMED, "code": "373067005"}
ABNORMAL = concept(V3_INTERPRETATION, "A")


@pytest.mark.parametrize(
    ("value", "is_present"),
    [
        ({"valueBoolean": [True]}, True),
        ({"valueCodeableConcept": [{"coding": [YES]}]}, True),
        ({"valueCodeableConcept": {"coding": [YES, {"system": LOINC, "code": "LA33-6"}]}}, True),
        ({"valueCodeableConcept": {"coding": [YES, NO]}}, False),
        ({"interpretation": [ABNORMAL, concept(V3_INTERPRETATION, "N")]}, False),
        ({"interpretation": ABNORMAL}, True),
        ({"valueBoolean": "perhaps", "interpretation": [ABNORMAL]}, False),
        ({"valueQuantity": "see note", "interpretation": [ABNORMAL]}, False),
    ],
)
def test_an_answer_that_contradicts_itself_or_is_unreadable_alarms_nobody(
    client: FlaskClient, value: Json, is_present: bool
) -> None:
    answer = said(client, DROP, grade(valueInteger=3), finding("bladder-dysfunction", **value))
    assert (answer.get("cauda-equina-emergency") == "critical") is is_present


@pytest.mark.parametrize("system", [f"{EXAM}/", EXAM.replace("https", "http"), EXAM.upper()])
def test_addresses_of_every_system_are_compared_alike(client: FlaskClient, system: str) -> None:
    written = grade(valueInteger=3) | {"code": concept(system, "mrc-ankle-dorsiflexion")}
    assert said(client, PAIN, WALKS, written)["lumbar-mri"] == "warning"
    interpreted = concept(V3_INTERPRETATION.replace("http:", "https:") + "/", "A")
    answer = said(client, DROP, finding("bladder-dysfunction", interpretation=[interpreted]))
    assert answer["cauda-equina-emergency"] == "critical"


# ---- encounters, searches and operations ----

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CORD = record("Condition", "cord", code=concept(SNOMED, "90584004"), onsetDateTime=ago(days=5))
STABLE = finding("spine-stability", 48, valueCodeableConcept=concept(EXAM, "stable"))


@pytest.mark.parametrize(
    ("elements", "is_inpatient"),
    [
        ({"class": {"coding": [{"system": "urn:local", "code": "S"}, {"system": ACT, "code": "IMP"}]}}, True),
        ({"class": [concept("urn:local", "S"), concept("http://hl7.org/fhir/v3/ActCode", "IMP")]}, True),
        ({"class": {"code": "IMP"}, "status": "Finished"}, True),
        ({"class": {"code": "IMP"}, "status": "ENTERED-IN-ERROR"}, False),
        ({"class": {"code": "IMP"}, "status": ["cancelled"]}, False),
        ({"class": [concept("urn:local", "IMP"), concept(ACT, "AMB")]}, False),
    ],
)
def test_the_class_of_an_encounter_is_that_of_the_standard(
    client: FlaskClient, elements: Json, is_inpatient: bool
) -> None:
    answer = said(client, PATIENT, CORD, STABLE, record("Encounter", "e1", **elements))
    assert ("early-mobilisation" in answer) is is_inpatient


def test_entries_that_hold_no_resource_are_no_matches(client: FlaskClient) -> None:
    empty = {"resourceType": "Bundle", "total": 2, "entry": [{"fullUrl": "x"}, {"search": {"mode": "match"}}]}
    details = [card["detail"] for card in cards(client, body(DROP, PAIN, prefetch={"orders": empty})).values()]
    assert any("Orders could not be read" in detail for detail in details)


def test_an_operation_as_r5_writes_it_was_done(client: FlaskClient) -> None:
    operation = record("Procedure", "op", status="Completed", code=concept(SNOMED, "178618008"))
    fresh = DROP | {"onsetDateTime": ago(days=1)}
    assert said(client, fresh, PAIN, operation)["lumbar-mri"] == "warning"
    assert said(client, fresh, PAIN, operation | {"occurrenceDateTime": ago(days=3)})["lumbar-mri"] == "critical"
    period = {"performedPeriod": [{"end": ago(days=3)}]}
    assert said(client, fresh, PAIN, operation | period)["lumbar-mri"] == "critical"


# ---- medicines ----

OXYCODONE = {"resourceType": "Medication", "id": "m", "code": concept(RXNORM, "7804")}


@pytest.mark.parametrize(
    "written",
    [
        {"medication": {"concept": concept(RXNORM, "7804")}},
        {"medication": {"reference": {"reference": "#m"}}, "contained": [OXYCODONE]},
        {"medicationCodeableConcept": {}, "medicationReference": {"reference": "#m"}, "contained": [OXYCODONE]},
        {"medicationCodeableConcept": [concept(RXNORM, "7804")]},
        {
            "medicationReference": {"reference": "#n"},
            "contained": [
                {
                    "resourceType": "Medication",
                    "id": "n",
                    "ingredient": [{"item": {"concept": concept(RXNORM, "7804")}}],
                }
            ],
        },
        {"medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": 7804}]}},
    ],
)
def test_an_opioid_in_another_shape_is_one(client: FlaskClient, written: Json) -> None:
    assert said(client, DROP, PAIN, taken(**written), drafts=[draft()])["gabapentinoid-safety"] == "warning"


@pytest.mark.parametrize("reference", ["urn:uuid:m", "URN:UUID:m", "Medication/m/_history/2"])
def test_a_medicine_that_came_along_is_the_one_referred_to(client: FlaskClient, reference: str) -> None:
    came = bundle([taken(medicationReference={"reference": reference}), OXYCODONE])
    request = body(DROP, PAIN, drafts=[draft()], prefetch={"medications": came})
    assert cards(client, request)["gabapentinoid-safety"]["indicator"] == "warning"


def test_a_medication_with_an_unknown_modifier_is_left_out_and_named(client: FlaskClient) -> None:
    odd = OXYCODONE | {"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}
    written = taken(medicationReference={"reference": "#m"}, contained=[odd])
    card = cards(client, body(DROP, PAIN, written, drafts=[draft()]))["gabapentinoid-safety"]
    assert card["indicator"] == "info"
    assert "MedicationRequest/taken" in card["detail"].replace("\\", "")


def test_a_draft_as_r5_writes_it_is_judged(client: FlaskClient) -> None:
    order = {name: value for name, value in draft().items() if name != "medicationCodeableConcept"}
    order["medication"] = {"concept": concept(RXNORM, "25480")}
    assert "gabapentinoid-safety" in said(client, DROP, PAIN, drafts=[order])
