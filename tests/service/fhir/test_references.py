"""The second wave of reading: a Medication by reference, and the result behind a reported lesion."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from cards.record.codes import Codes
from cards.rule_book import rule_book
from cards.value_sets.value_set import VALUE_SETS
from service.fhir.address import allow_list
from service.fhir.client import FhirReader
from service.fhir.gather import Gathered, gather
from service.fhir.templates import templates
from service.wire.request import read
from tests.support import vignettes
from tests.support.fhir_server import FhirServer
from tests.support.patients import FOOT_DROP, NOW
from tests.support.vignettes import PREFETCH_KEYS

TEMPLATES = templates(rule_book().read_by("patient-view"), Codes())

Json = dict[str, Any]
MEDICATION = {"resourceType": "Medication", "id": "m1"}
SUBJECT = {"reference": "Patient/1"}
RESULT = {"resourceType": "Observation", "id": "o1", "subject": SUBJECT}
LESION = [{"coding": [{"system": "http://snomed.info/sct", "code": "128196005"}]}]


@pytest.fixture
def server() -> Iterator[FhirServer]:
    with FhirServer([MEDICATION, RESULT]) as running:
        yield running


def medication_request(reference: str, **elements: Any) -> Json:
    return {
        "resourceType": "MedicationRequest",
        "id": "r1",
        "subject": SUBJECT,
        "medicationReference": {"reference": reference},
    } | elements


def report(*references: str, **elements: Any) -> Json:
    return {
        "resourceType": "DiagnosticReport",
        "id": "d1",
        "subject": SUBJECT,
        "conclusionCode": LESION,
        "result": [{"reference": reference} for reference in references],
    } | elements


def ask(server: FhirServer | None, **supplied: list[Json]) -> Gathered:
    entries = {key: [{"resource": resource} for resource in resources] for key, resources in supplied.items()}
    bundles = {key: {"resourceType": "Bundle", "entry": found} for key, found in entries.items()}
    body: Json = {
        "hook": "patient-view",
        "hookInstance": "one",
        "context": {"patientId": "1"},
        "prefetch": dict.fromkeys(PREFETCH_KEYS) | bundles,
    }
    request = read(json.dumps(body | ({"fhirServer": server.base} if server else {})).encode())
    with FhirReader(allow_list([], allow_loopback=True)) as reader:
        return gather(request, TEMPLATES, reader, Codes(), time.monotonic() + 10)


def names(gathered: Gathered) -> list[str]:
    return [f"{each.resourceType}/{each.id}" for each in gathered.records]


@pytest.mark.parametrize("reference", ["Medication/m1", "Medication/m1/_history/3", "{base}/Medication/m1"])
@pytest.mark.parametrize("key", ["medications", "statements"])
def test_a_medication_by_reference_is_read(server: FhirServer, reference: str, key: str) -> None:
    asked = medication_request(reference.format(base=server.base))
    asked["resourceType"] = "MedicationRequest" if key == "medications" else "MedicationStatement"
    found = ask(server, **{key: [asked, asked]})
    assert names(found)[-1] == "Medication/m1"
    assert (found.unseen, found.notes) == (frozenset(), {})
    assert [each.path for each in server.requests] == ["/fhir/Medication/m1"]


def test_what_came_along_is_not_read(server: FhirServer) -> None:
    contained = medication_request("#m1", contained=[MEDICATION])
    found = ask(
        server,
        medications=[contained, medication_request("Medication/m1"), MEDICATION],
        observations=[RESULT],
        reports=[report("Observation/o1", "#o2", contained=[RESULT | {"id": "o2"}])],
    )
    assert server.requests == []
    assert found.notes == {}


def test_the_result_of_a_reported_lesion_is_read(server: FhirServer) -> None:
    found = ask(server, reports=[report("Observation/o1")])
    assert names(found) == ["DiagnosticReport/d1", "Observation/o1"]


MRI = {"coding": [{"system": "http://loinc.org", "code": "24968-0"}]}
BLOOD_COUNT = {"coding": [{"system": "https://hospital.example/reports", "code": "blood-count"}]}


@pytest.mark.parametrize("elements", [{}, {"conclusionCode": []}, {"conclusion": "No text."}])
def test_the_result_of_a_scan_that_concludes_nothing_is_read(server: FhirServer, elements: Json) -> None:
    """D62: the code of a result names a lesion too."""
    bare = {name: value for name, value in report("Observation/o1").items() if name != "conclusionCode"}
    found = ask(server, reports=[bare | {"code": MRI} | elements])
    assert names(found) == ["DiagnosticReport/d1", "Observation/o1"]
    assert found.notes == {}


@pytest.mark.parametrize("elements", [{}, {"code": BLOOD_COUNT}, {"code": {"text": "MRI lumbar"}}, {"code": 7}])
def test_results_of_other_reports_are_not_read(server: FhirServer, elements: Json) -> None:
    ask(server, reports=[report("Observation/o1", conclusionCode=[], **elements)])
    assert server.requests == []


def test_what_cannot_be_read_is_a_note(server: FhirServer) -> None:
    elsewhere = ["Medication/gone", "Medication/lost", "urn:uuid:0c9e4a9c", "https://other.example/Medication/m1"]
    found = ask(server, medications=[medication_request(reference) for reference in elsewhere])
    assert found.unseen == frozenset()
    assert sorted(found.notes["medications"].split("; ")) == [
        "references that could not be read: 1 (the address is outside the FHIR server's base URL)",
        "references that could not be read: 1 (they lead to no resource on the FHIR server)",
        "references that could not be read: 2 (the FHIR server answered 404)",
    ]


def test_another_resource_than_was_pointed_at_is_not_taken(server: FhirServer) -> None:
    server.misbehave("Medication", body=json.dumps(RESULT).encode())
    found = ask(server, medications=[medication_request("Medication/m1")])
    assert names(found) == ["MedicationRequest/r1"]
    assert "something other than what was requested" in found.notes["medications"]


def test_a_medication_under_another_id_is_not_taken(server: FhirServer) -> None:
    server.misbehave("Medication", body=json.dumps(MEDICATION | {"id": "m2"}).encode())
    found = ask(server, medications=[medication_request("Medication/m1")])
    assert names(found) == ["MedicationRequest/r1"]
    assert "something other than what was requested" in found.notes["medications"]


@pytest.mark.parametrize(
    "elements",
    [
        {"subject": None},
        {"subject": {"reference": "Group/1"}},
        {"subject": {"reference": "Patient/2"}},
        {"subject": SUBJECT, "patient": {"reference": "Patient/2"}},
        {"subject": SUBJECT | {"type": "Group"}},
    ],
)
def test_what_others_records_point_at_is_not_read(server: FhirServer, elements: Json) -> None:
    ask(server, medications=[medication_request("Medication/m1", **elements)])
    ask(server, reports=[report("Observation/o1", **elements)])
    assert server.requests == []


@pytest.mark.parametrize("reference", ["Patient/1/Medication/m1", "Medication/m2/Medication/m1", "Medication/m1#x"])
def test_a_reference_that_can_be_read_in_two_ways_is_not_followed(server: FhirServer, reference: str) -> None:
    found = ask(server, medications=[medication_request(reference)])
    assert server.requests == []
    assert "they lead to no resource on the FHIR server" in found.notes["medications"]


def test_without_a_server_the_reference_stays_unresolved() -> None:
    found = ask(None, medications=[medication_request("Medication/m1")])
    assert found.notes == {
        "medications": "references that could not be read: 1 (there is no FHIR server to read it from)"
    }


def test_not_more_are_read_than_a_server_bears(server: FhirServer) -> None:
    many = [medication_request(f"Medication/{number}") for number in range(103)]
    found = ask(server, medications=many)
    assert len(server.requests) == 100
    assert "3 (they are too many)" in found.notes["medications"]


def test_a_lesion_that_a_result_alone_names_is_seen_wherever_the_result_is(client: FlaskClient) -> None:
    """A scan without any conclusion, whose result is a herniated disc: the same cards, read or supplied (D62)."""
    code = next(iter(VALUE_SETS["condition.lumbar-disc-herniation"].listed["http://snomed.info/sct"]))
    coded = {"coding": [{"system": "http://snomed.info/sct", "code": code}]}
    subject, day = {"reference": "Patient/p1"}, "2026-03-01"
    scan = {**report("Observation/o1"), "code": MRI, "status": "final", "effectiveDateTime": day, "subject": subject}
    del scan["conclusionCode"]
    result = {**RESULT, "status": "final", "code": coded, "effectiveDateTime": day, "subject": subject}

    def summaries(base: str, *beside: Json) -> list[str]:
        request = vignettes.request(FOOT_DROP, "patient-view", NOW) | {"fhirServer": base}
        entries = [{"resource": record} for record in (scan, *beside)]
        request["prefetch"]["reports"] = {"resourceType": "Bundle", "entry": entries}
        reply = client.post("/cds-services/foot-drop-patient-view", json=request)
        return [card["summary"] for card in reply.get_json()["cards"]]

    with FhirServer([result]) as server, FhirServer() as empty:
        read, supplied, unseen = summaries(server.base), summaries(empty.base, result), summaries(empty.base)
    assert read == supplied != unseen
