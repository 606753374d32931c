"""Addresses of code systems, sides, modifiers and characters as they are really written (O10, O13, O14, O15)."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from cards.value_sets.systems import ICD10, ICD10CM, ICD10GM, SNOMED
from tests.service.odd.asking import (
    BLADDER,
    DROP,
    PAIN,
    PATIENT,
    WALKS,
    Json,
    ago,
    body,
    cards,
    concept,
    said,
)


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("https://snomed.info/sct", "6077001"),
        ("http://snomed.info/sct/", "6077001"),
        ("HTTP://SNOMED.info/SCT", "6077001"),
        ("http://snomed.info/sct/731000124108", "6077001"),
        (f"{SNOMED}/900000000000207008/version/20240101", "6077001"),
        ("urn:oid:2.16.840.1.113883.6.96", "6077001"),
        (f"{SNOMED}|{SNOMED}/731000124108/version/20240301", "6077001"),
        (f"{ICD10CM}|2026", "M21.372"),
        (SNOMED, "\ufeff6077001\u200b"),
        (ICD10, "M21.372"),
        (ICD10, "m21372"),
        (ICD10GM, "M21.37"),
        ("http://fhir.de/CodeSystem/dimdi/icd-10-gm", "M21.37+"),
        (f"{ICD10CM}/", "M21.379"),
        ("http://terminology.hl7.org/CodeSystem/icd10", "M21.371"),
    ],
)
def test_an_address_has_many_forms(client: FlaskClient, system: str, code: str) -> None:
    assert "afo" in said(client, DROP | {"code": concept(system, code)}, WALKS)


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (ICD10, "M21.3"),
        (ICD10, "M21.37"),
        (ICD10GM, "M21.3"),
        (ICD10GM, "M21.33"),
        ("https://ehr.example/icd", "M21.372"),
        ("http://snomed.info/sct/version/201709", "6077001"),
        ("https://loinc.org/10331-7/", "6077001"),
    ],
)
def test_another_code_or_address_is_no_foot_drop(client: FlaskClient, system: str, code: str) -> None:
    assert said(client, DROP | {"code": concept(system, code)}, WALKS) == {}


SIDE_OF_CODE = "http://fhir.de/StructureDefinition/seitenlokalisation"
KBV = "https://fhir.kbv.de/CodeSystem/KBV_CS_SFHIR_ICD"
CERTAINTY = "http://fhir.de/StructureDefinition/icd-10-gm-diagnosesicherheit"


def german(**values: str) -> Json:
    urls = {"side": (SIDE_OF_CODE, f"{KBV}_SEITENLOKALISATION"), "certainty": (CERTAINTY, f"{KBV}_DIAGNOSESICHERHEIT")}
    stated = [
        {"url": urls[name][0], "valueCoding": {"system": urls[name][1], "code": code}} for name, code in values.items()
    ]
    return DROP | {"code": concept(ICD10GM, "M21.37", extension=stated)}


@pytest.mark.parametrize(
    ("certainty", "counts"),
    [("G", True), ("V", False), ("A", False), (" A ", False), ("a", False), ("Z", False), ("?", True)],
)
def test_a_german_diagnosis_counts_by_its_certainty(client: FlaskClient, certainty: str, counts: bool) -> None:
    assert bool(said(client, german(certainty=certainty), WALKS)) is counts


BODY_SITE = "http://hl7.org/fhir/StructureDefinition/bodySite"
SNOMED_LEFT = {"system": SNOMED, "code": "7771000"}
LATERALITY = {"url": "https://ehr.example/laterality", "valueCodeableConcept": concept(SNOMED, "7771000")}
UNSIDED = DROP | {"code": concept(SNOMED, "6077001")}
STRUCTURE = {"resourceType": "BodyStructure", "id": "s1", "locationQualifier": [concept(SNOMED, "7771000")]}


@pytest.mark.parametrize(
    "written",
    [
        german(side="L"),
        UNSIDED | {"bodySite": [concept(SNOMED, "419161000")]},
        UNSIDED | {"bodySite": [concept(SNOMED, "56459004") | {"extension": [LATERALITY]}]},
        UNSIDED | {"bodySite": [concept(SNOMED, "56459004", extension=[LATERALITY])]},
        UNSIDED | {"bodySite": [concept(SNOMED, "56459004:272741003=7771000")]},
        UNSIDED | {"extension": [{"url": BODY_SITE, "valueCodeableConcept": concept(SNOMED, "7771000")}]},
        UNSIDED | {"extension": {"url": BODY_SITE, "valueCodeableConcept": [concept(SNOMED, "7771000")]}},
        UNSIDED | {"extension": [{"url": BODY_SITE.replace("http:", "https:"), "valueCoding": SNOMED_LEFT}]},
        UNSIDED | {"extension": [{"url": BODY_SITE, "valueReference": {"reference": "#s1"}}], "contained": [STRUCTURE]},
    ],
)
def test_a_side_stands_in_many_places(client: FlaskClient, written: Json) -> None:
    assert ", left:" in cards(client, body(written, WALKS))["afo"]["detail"]


def test_a_german_or_world_code_gives_no_side_of_its_own(client: FlaskClient) -> None:
    for written in (german(), german(side="U"), UNSIDED | {"bodySite": [{"text": "left"}]}):
        assert ", left:" not in cards(client, body(written, WALKS))["afo"]["detail"]


@pytest.mark.parametrize(
    "extension", [[{"url": "https://ehr.example/ruled-out", "valueBoolean": True}], {"url": "x"}, "x"]
)
def test_a_modifier_that_nobody_knows_leaves_the_record_out(client: FlaskClient, extension: Any) -> None:
    assert said(client, DROP | {"modifierExtension": extension}, WALKS) == {}
    answer = said(client, DROP, BLADDER | {"modifierExtension": extension})
    assert "cauda-equina-emergency" not in answer


@pytest.mark.parametrize("extension", [[], None])
def test_no_modifier_is_none(client: FlaskClient, extension: Any) -> None:
    assert "afo" in said(client, DROP | {"modifierExtension": extension}, WALKS)


@pytest.mark.parametrize(
    "text",
    ['"M21.372\\ud800"', '"M21.372\\u0000"', '"M21.\\u001f372"', '"M21.372\x01"', '"\\udc00M21.372"', '"M21.372\x00"'],
)
def test_a_character_that_no_text_holds_costs_itself_alone(client: FlaskClient, text: str) -> None:
    request = json.dumps(body(DROP, WALKS)).replace('"M21.372"', text)
    assert "afo" in cards(client, request.encode("utf-8", "surrogatepass"))


def test_a_byte_order_mark_costs_nothing(client: FlaskClient) -> None:
    assert "afo" in cards(client, b"\xef\xbb\xbf" + json.dumps(body(DROP, WALKS)).encode())


def test_half_a_pair_in_utf_8_costs_itself_alone(client: FlaskClient) -> None:
    request = json.dumps(body(DROP, WALKS)).encode().replace(b'"M21.372"', b'"M21.372\xed\xa0\x80"')
    assert "afo" in cards(client, request)


def test_an_offset_without_colon_is_one(client: FlaskClient) -> None:
    late = ago(hours=5).replace("+00:00", "+0000")
    assert said(client, DROP, BLADDER | {"effectiveDateTime": late})["cauda-equina-emergency"] == "critical"


def test_a_patient_with_an_unknown_modifier_is_named(client: FlaskClient) -> None:
    patient = PATIENT | {"modifierExtension": [{"url": "https://ehr.example/animal"}]}
    detail = cards(client, body(patient, DROP, PAIN, WALKS))["lumbar-mri"]["detail"].replace("\\", "")
    assert "The patient (Patient/p1) is recorded, but its modifierExtension is unknown" in detail
