"""Medicines, doses, allergies, intents, selections and encounters as they are really written (O6 to O9, O12, O17)."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from cards.value_sets.systems import ATC, EXAM, LOINC, RXNORM, SNOMED
from service.app import create_app
from service.settings import Settings
from tests.service.odd.asking import (
    BLADDER,
    DROP,
    PAIN,
    PATIENT,
    Json,
    ago,
    body,
    cards,
    concept,
    dose,
    draft,
    finding,
    record,
    said,
    taken,
)
from tests.support.patients import NOW

OXYCODONE = {"itemCodeableConcept": concept(RXNORM, "7804")}
MIX = {
    "resourceType": "Medication",
    "id": "m",
    "ingredient": [OXYCODONE, {"itemCodeableConcept": concept(RXNORM, "161")}],
}


def medication(**elements: Any) -> Json:
    return {"resourceType": "Medication", "id": "m"} | elements


@pytest.mark.parametrize(
    "written",
    [
        {"medicationCodeableConcept": concept("https://www.nlm.nih.gov/research/umls/rxnorm/", "7804")},
        {"medicationCodeableConcept": concept("urn:oid:2.16.840.1.113883.6.88", "7804")},
        {"medicationCodeableConcept": concept(SNOMED, "55452001")},
        {"medicationCodeableConcept": concept(ATC, "N02AA05")},
        {"medicationCodeableConcept": concept("http://fhir.de/CodeSystem/dimdi/atc", "N02AA05")},
        {"medicationCodeableConcept": concept(ATC, "n02aa05")},
        {"medicationCodeableConcept": concept(f"{RXNORM}|20240101", "7804")},
        {"medicationCodeableConcept": {"text": "OxyContin 20 mg"}},
        {"medicationCodeableConcept": {"text": "Oxycodone_HCl\u00a05mg"}},
        {"medicationCodeableConcept": {"text": "Oxy\u00adco\u200bdone"}},
        {"medicationCodeableConcept": {"text": "\uff2f\uff58\uff59codone"}},
        {"medicationCodeableConcept": {"text": "Méthadone 10 mg"}},
        {"medicationCodeableConcept": {"text": "METHADONE"}},
        {"medicationCodeableConcept": concept("https://ehr.example/drugs", "oxycodone")},
        {"medicationCodeableConcept": concept("https://ehr.example/drugs", "OXYCODONE_5MG")},
        {"medicationCodeableConcept": concept("https://ehr.example/drugs", "17", display="Morfina solfato")},
        {"medicationReference": {"reference": "#m"}, "contained": [MIX]},
        {"medicationReference": {"reference": "#m"}, "contained": [MIX | {"id": "#m"}]},
        {"medicationReference": {"reference": "m"}, "contained": [MIX]},
        {"medicationReference": {"reference": "m"}, "contained": [MIX | {"id": "#m"}]},
        {"medicationReference": {"reference": "Medication/elsewhere", "display": "Fentanyl patch"}},
        {
            "medicationReference": {"reference": "#m"},
            "contained": [
                medication(ingredient=[{"itemReference": {"reference": "#n"}}]),
                {"resourceType": "Medication", "id": "n", "code": concept(RXNORM, "7804")},
            ],
        },
        {"medicationCodeableConcept": {"text": "Oxycodone"}, "intent": "plan"},
        {"medicationCodeableConcept": {"text": "Oxycodone"}, "status": " Active "},
        {"medicationCodeableConcept": {"text": "Oxycodone"}, "status": {"coding": [{"code": "active"}]}},
    ],
)
def test_an_opioid_is_one_however_it_is_written(client: FlaskClient, written: Json) -> None:
    answer = cards(client, body(DROP, PAIN, taken(**written), drafts=[draft()]))
    assert answer["gabapentinoid-safety"]["indicator"] == "warning"
    assert "respiratory depression" in answer["gabapentinoid-safety"]["summary"]


@pytest.mark.parametrize(
    "written",
    [
        {"medicationCodeableConcept": concept(ATC, "R05DA09")},
        {"medicationCodeableConcept": concept(ATC, "N07BC04")},
        {"medicationCodeableConcept": {"text": "Morphinane leaflet"}},
        {"medicationCodeableConcept": {"text": "Oxycodone"}, "status": "activ"},
        {"medicationCodeableConcept": {"text": "Oxycodone"}, "status": "Stopped"},
        {"medicationCodeableConcept": {"text": "Oxycodone"}, "modifierExtension": [{"url": "x"}]},
        {"medicationCodeableConcept": {"text": "Oxycodone"}, "doNotPerform": "true"},
        {"medicationCodeableConcept": {"text": "Dihydrocodeine"}},
    ],
)
def test_another_medicine_is_none(client: FlaskClient, written: Json) -> None:
    assert said(client, DROP, PAIN, taken(**written), drafts=[draft()])["gabapentinoid-safety"] == "info"


def test_a_site_turns_on_the_other_medicines_of_a_class() -> None:
    client = create_app(Settings(medicine_classes=("opioid",)), now=NOW, dev=True).test_client()
    other = taken(medicationCodeableConcept={"text": "Dihydrocodeine 30 mg"})
    assert said(client, DROP, PAIN, other, drafts=[draft()])["gabapentinoid-safety"] == "warning"


@pytest.mark.parametrize(
    ("instructions", "milligrams"),
    [
        (
            [dose(300, 1, frequency=1, period=1, periodUnit="d"), dose(300, 2, frequency=3, period=1, periodUnit="d")],
            900,
        ),
        (
            [dose(300, 1, frequency=3, period=1, periodUnit="d"), dose(300, 1, frequency=1, period=1, periodUnit="d")],
            1200,
        ),
        ([dose(300, frequency=3, period=1, periodUnit="d"), dose(600, frequency=1, period=1, periodUnit="d")], 1500),
        ([dose(1300, 3, code="TID"), dose(300, 1, code="QD"), dose(300, 2, code="BID")], 3900),
        *(([dose(1300, code=code)], 1300 * times) for code, times in {"QID": 4, "Q6H": 4, "tid": 3, "Q8H": 3}.items()),
        ([dose(1300, code="BID")], 2600),
        ([dose(1300, code="Q12H")], 2600),
        ([dose(1300, code="QOD")], None),
        ([dose(1300, code="BID", frequency=3, period=1, periodUnit="d")], None),
        ([dose(1300, frequency="3", period="1", periodUnit="D")], 3900),
        ([dose(1300, frequency=3, frequencyMax=4, period=1, periodUnit="d")], None),
        ([dose(1300, frequency=1, period=8, periodMax=12, periodUnit="h")], None),
        ([dose(1300, code="TID") | {"modifierExtension": [{"url": "urn:x"}]}], None),
        ([{"timing": {"code": {"text": "TID"}}, "doseQuantity": {"value": "1300", "unit": "mg"}}], 3900),
        (
            [{"timing": [{"code": {"text": "TID"}}], "doseAndRate": {"doseQuantity": [{"value": 1.3, "unit": "g"}]}}],
            3900,
        ),
    ],
)
def test_steps_and_codes_of_a_dose(client: FlaskClient, instructions: list[Json], milligrams: int | None) -> None:
    """Over 3600 mg a day is too much even with normal kidneys."""
    indicator = said(client, DROP, PAIN, drafts=[draft(dosage=instructions)])["gabapentinoid-safety"]
    assert (indicator == "critical") is (milligrams is not None and milligrams > 3600)


def allergy(code: Json, **elements: Any) -> Json:
    return record("AllergyIntolerance", "a1", code=code, **elements)


@pytest.mark.parametrize(
    "code",
    [
        {"text": "NSAIDs"},
        {"text": "Allergy to non-steroidal drugs"},
        {"text": "non\u2011steroidal anti\u2011inflammatories"},
        {"text": "Non\u00a0 steroidal"},
        {"text": "COX\u20132 inhibitor"},
        {"coding": [{"system": RXNORM, "code": 5640}]},
        [concept(RXNORM, "5640")],
        concept(SNOMED, "372665008"),
        concept("http://va.gov/terminology/medrt", "N0000175722"),
        concept(SNOMED, "293619005"),
        concept("https://ehr.example/allergies", "17", display="Cox-2 inhibitor"),
        {"text": "Ibuprofène"},
    ],
)
def test_an_allergy_to_a_class_is_one_to_its_members(client: FlaskClient, code: Json) -> None:
    ibuprofen = draft("5640", "Ibuprofen", "ibu")
    assert said(client, DROP, PAIN, allergy(code), drafts=[ibuprofen])["nsaid-safety"] == "critical"


@pytest.mark.parametrize(
    ("code", "elements"),
    [
        ({"text": "No known NSAID allergy"}, {}),
        ({"text": "Denies NSAID allergy"}, {}),
        ({"text": "not NSAIDs"}, {}),
        ({"text": "Nil: NSAID"}, {}),
        ({"text": "NSAIDs"}, {"clinicalStatus": "Resolved"}),
        ({"text": "NSAIDs"}, {"verificationStatus": ["REFUTED"]}),
        ({"text": "NSAIDs"}, {"verificationStatus": "perhaps"}),
        ({"text": "Opioids"}, {}),
    ],
)
def test_what_is_no_allergy_is_none(client: FlaskClient, code: Json, elements: Json) -> None:
    ibuprofen = draft("5640", "Ibuprofen", "ibu")
    assert "nsaid-safety" not in said(client, DROP, PAIN, allergy(code, **elements), drafts=[ibuprofen])


MRI = record(
    "ServiceRequest", "mri", status="active", code=concept(LOINC, "24968-0"), priority="stat", authoredOn=ago(hours=1)
)


@pytest.mark.parametrize(
    ("intent", "counts"),
    [
        ("proposal", False),
        ("plan", False),
        ("Option ", False),
        ("suggestion", False),
        (["plan"], False),
        ("order", True),
        ("ORDER", True),
        ("instance-order", True),
        ("original-order", True),
        ("reflex-order", True),
        ("filler-order", True),
        ("directive", True),
        (None, True),
    ],
)
def test_only_an_order_answers_an_emergency(client: FlaskClient, intent: Any, counts: bool) -> None:
    answer = said(client, DROP, BLADDER, MRI | {"intent": intent})
    assert (answer.get("cauda-equina-emergency") == "critical") is not counts


@pytest.mark.parametrize("written", ["aktiv", {"text": "?"}, ["active", "revoked"]])
def test_an_order_whose_status_cannot_be_read_answers_nothing(client: FlaskClient, written: Any) -> None:
    answer = cards(client, body(DROP, BLADDER, MRI | {"intent": "order", "status": written}))
    assert "cannot be read" in answer["cauda-equina-emergency"]["detail"]


@pytest.mark.parametrize(
    "selection",
    [
        "gaba",
        "urn:uuid:gaba",
        "URN:UUID:gaba",
        "MedicationRequest/gaba/",
        "https://ehr.example/fhir/MedicationRequest/gaba/_history/2",
    ],
)
def test_a_selection_names_the_draft_with_its_id(client: FlaskClient, selection: str) -> None:
    drafts = [draft(), draft("5640", "Ibuprofen", "ibu"), draft("11289", "Warfarin", "war")]
    answer = said(client, DROP, PAIN, drafts=drafts, selections=[selection])
    assert "gabapentinoid-safety" in answer
    assert "nsaid-safety" not in answer


def test_an_id_that_two_drafts_have_names_neither(client: FlaskClient) -> None:
    drafts = [draft(id="x"), draft("5640", "Ibuprofen", "x"), draft("11289", "Warfarin", "war")]
    assert {"gabapentinoid-safety", "nsaid-safety"} <= said(client, DROP, PAIN, drafts=drafts, selections=["x"]).keys()


CORD = record("Condition", "cord", code=concept(SNOMED, "90584004"), onsetDateTime=ago(days=5))
STABLE = finding("spine-stability", 48, valueCodeableConcept=concept(EXAM, "stable"))


@pytest.mark.parametrize(
    "written",
    [{"code": "IMP"}, {"coding": [{"code": "IMP"}]}, [{"coding": [{"code": "imp"}]}], [{"code": "IMP"}], "IMP"],
)
def test_a_patient_in_hospital_is_one_however_it_is_written(client: FlaskClient, written: Any) -> None:
    encounter = record("Encounter", "e1", status="in-progress", **{"class": written})
    assert "early-mobilisation" in said(client, PATIENT, CORD, STABLE, encounter)


LONG = [
    "12 HR Oxycodone Hydrochloride 20 MG Extended Release Oral Tablet [OxyContin]",
    "Hydromorphone Hydrochloride 2 MG/ML",
    "Buprenorphine 0.01 MG/HR 168 HR Transdermal System",
    "24 HR Tapentadol 100 MG Extended Release",
]


@pytest.mark.parametrize("count", range(1, 5))
def test_a_summary_keeps_the_hazard_whatever_the_names(client: FlaskClient, count: int) -> None:
    opioids = [taken(medicationCodeableConcept={"text": text}) | {"id": f"o{n}"} for n, text in enumerate(LONG[:count])]
    old = PATIENT | {"birthDate": "1950-01-01"}
    apnoea = record("Condition", "apnoea", code=concept(SNOMED, "78275009"))
    copd = record("Condition", "copd", code=concept(SNOMED, "13645005"))
    summary = cards(client, body(old, DROP, PAIN, apnoea, copd, *opioids, drafts=[draft()]))["gabapentinoid-safety"][
        "summary"
    ]
    assert len(summary) < 140
    assert not summary.endswith("…")
    assert summary.endswith("respiratory depression risk (FDA 2019); lowest dose, monitor, or choose another.")
