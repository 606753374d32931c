"""Prefetch: what each key of a request means, and what is read instead of what is missing."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cards.record.codes import Codes
from cards.rule_book import rule_book
from service.fhir.address import allow_list
from service.fhir.client import FhirReader
from service.fhir.gather import Gathered, gather
from service.fhir.templates import templates
from service.wire.refusal import MissingDataRefusedError
from service.wire.request import HookRequest, read
from tests.support.fhir_server import FhirServer
from tests.support.vignettes import PREFETCH_KEYS

Json = dict[str, Any]
CODES = Codes()
TEMPLATES = templates(rule_book().read_by("patient-view"), CODES)
SNOMED = "http://snomed.info/sct"
EMPTY: Json = {"resourceType": "Bundle", "type": "searchset"}


def record(kind: str, identity: str, **elements: Any) -> Json:
    return {"resourceType": kind, "id": identity, "subject": {"reference": "Patient/1"}} | elements


def bundle(*resources: Json, next_page: str | None = None) -> Json:
    links = [{"relation": "next", "url": next_page}] if next_page else []
    return EMPTY | {"entry": [{"resource": resource} for resource in resources], "link": links}


def outcome(severity: str) -> Json:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "not-found"}]}


PATIENT = {"resourceType": "Patient", "id": "1"}
EXAMINATION = record("Observation", "o1", code={"coding": [{"code": "mrc-eversion"}]})
CHART = [PATIENT, record("Condition", "c1"), EXAMINATION, record("ServiceRequest", "s1"), record("Encounter", "e1")]
FULL: Json = dict.fromkeys(PREFETCH_KEYS) | {"conditions": bundle(record("Condition", "c1"))}


def request(prefetched: Json, server: FhirServer | None = None, **context: str) -> HookRequest:
    """A request of patient-view, as it is read from its body."""
    body: Json = {
        "hook": "patient-view",
        "hookInstance": "one",
        "context": {"patientId": "1"} | context,
        "prefetch": prefetched,
        "fhirAuthorization": {"access_token": "secret"},
    }
    return read(json.dumps(body | ({"fhirServer": server.base} if server else {})).encode())


@pytest.fixture
def server() -> Iterator[FhirServer]:
    with FhirServer(CHART, token="secret") as running:
        yield running


@pytest.fixture
def reader() -> Iterator[FhirReader]:
    with FhirReader(allow_list([], allow_loopback=True)) as reading:
        yield reading


def ask(hook_request: HookRequest, reader: FhirReader | None = None, seconds: float = 10.0) -> Gathered:
    return gather(hook_request, TEMPLATES, reader, CODES, time.monotonic() + seconds)


def names(gathered: Gathered) -> list[str]:
    return [f"{record.resourceType}/{record.id}" for record in gathered.records]


def test_a_full_prefetch_asks_nothing(server: FhirServer, reader: FhirReader) -> None:
    found = ask(request(FULL, server), reader)
    assert (names(found), found.unseen, found.notes, server.requests) == (["Condition/c1"], frozenset(), {}, [])


@pytest.mark.parametrize(
    "empty", [None, EMPTY, EMPTY | {"entry": []}, bundle(outcome("warning")), bundle(outcome("information"))]
)
def test_known_empty_is_not_asked_again(server: FhirServer, reader: FhirReader, empty: Json | None) -> None:
    found = ask(request(dict.fromkeys(PREFETCH_KEYS, empty), server), reader)
    assert (names(found), found.unseen, found.notes, server.requests) == ([], frozenset(), {}, [])


def test_what_is_missing_is_read(server: FhirServer, reader: FhirReader) -> None:
    found = ask(request({}, server, encounterId="e1"), reader)
    assert sorted(names(found)) == ["Condition/c1", "Encounter/e1", "Observation/o1", "Patient/1", "ServiceRequest/s1"]
    assert (found.unseen, found.notes) == (frozenset(), {})
    assert {each.headers["Authorization"] for each in server.requests} == {"Bearer secret"}
    (search,) = server.asked_for("Observation")
    assert (search.query["patient"], search.query["_count"]) == (["1"], ["200"])
    assert "mrc-eversion" in search.query["code"][0].split(",")


def test_records_and_what_they_point_at_share_what_a_request_may_read() -> None:
    """Of a million bytes the prescriptions take four tenths, and each medicine three."""
    medicines = [{"resourceType": "Medication", "id": f"m{number}", "note": "x" * 300_000} for number in range(3)]
    prescribed = [
        record("MedicationRequest", f"r{number}", medicationReference={"reference": f"Medication/m{number}"})
        for number in range(3)
    ]
    prescribed[0]["note"] = "x" * 390_000
    with (
        FhirServer([*prescribed, *medicines], token="secret") as server,
        FhirReader(allow_list([], allow_loopback=True), max_bytes=1_000_000) as reader,
    ):
        supplied = {key: value for key, value in FULL.items() if key != "medications"}
        found = ask(request(supplied, server), reader)
    assert len([name for name in names(found) if name.startswith("Medication/")]) == 2
    larger = "references that could not be read: 1 (the FHIR server's answer is larger than the limit)"
    assert found.notes == {"medications": larger}


def test_only_missing_keys_are_read_and_foreign_keys_are_ignored(server: FhirServer, reader: FhirReader) -> None:
    supplied = {key: value for key, value in FULL.items() if key != "orders"}
    found = ask(request(supplied | {"foreign": bundle(record("Condition", "c9"))}, server), reader)
    assert names(found) == ["Condition/c1", "ServiceRequest/s1"]
    assert [each.kind for each in server.requests] == ["ServiceRequest"]


def test_an_outcome_instead_of_data_is_not_asked_again(server: FhirServer, reader: FhirReader) -> None:
    found = ask(request(FULL | {"orders": outcome("error")}, server), reader)
    assert found.unseen == {"orders"}
    assert found.notes == {"orders": "the request holds an OperationOutcome (not-found)"}
    assert server.requests == []


@pytest.mark.parametrize("severity", ["error", "fatal"])
def test_an_error_among_the_entries_leaves_the_key_unseen(reader: FhirReader, severity: str) -> None:
    found = ask(request(FULL | {"orders": bundle(record("ServiceRequest", "s1"), outcome(severity))}), reader)
    assert names(found) == ["Condition/c1", "ServiceRequest/s1"]
    assert found.unseen == {"orders"}
    assert found.notes["orders"].startswith("only a part is known: ")


@pytest.mark.parametrize(
    "misfit",
    [
        record("Condition", "c1"), bundle(record("Condition", "c1")), {}, {"resourceType": "Html"},
        EMPTY | {"entry": "<html>"}, bundle({"id": "nameless"}),
    ],
)  # fmt: skip
def test_what_was_not_asked_for_is_read_from_the_server(server: FhirServer, reader: FhirReader, misfit: Json) -> None:
    found = ask(request(FULL | {"orders": misfit}, server), reader)
    assert (names(found), found.unseen) == (["Condition/c1", "ServiceRequest/s1"], frozenset())
    alone = ask(request(FULL | {"orders": misfit}))
    assert (names(alone), alone.unseen) == (["Condition/c1"], frozenset({"orders"}))
    assert alone.notes["orders"] == (
        "the request holds something other than what was requested, and there is no FHIR server to read it from"
    )


def test_one_record_stands_for_a_bundle_of_one() -> None:
    assert names(ask(request(FULL | {"orders": record("ServiceRequest", "s7")}))) == [
        "Condition/c1",
        "ServiceRequest/s7",
    ]


def test_a_bundle_where_a_patient_was_asked() -> None:
    one = ask(request(FULL | {"patient": bundle(record("Condition", "c9"), PATIENT)}))
    two = ask(request(FULL | {"patient": bundle(PATIENT, PATIENT | {"id": "2"})}))
    assert (names(one), one.unseen) == (["Patient/1", "Condition/c1"], frozenset())
    assert (names(two), two.unseen) == (["Condition/c1"], frozenset({"patient"}))


def test_a_patient_on_the_first_of_several_pages_is_not_all() -> None:
    found = ask(request(FULL | {"patient": bundle(PATIENT, next_page="https://ehr.example/fhir?page=2")}))
    assert (names(found), found.unseen) == (["Patient/1", "Condition/c1"], frozenset({"patient"}))


def test_an_entry_without_a_type_is_counted() -> None:
    found = ask(request(FULL | {"orders": bundle(record("ServiceRequest", "s1"), {"id": "nameless"})}))
    assert names(found) == ["Condition/c1", "ServiceRequest/s1"]
    assert [(each.where, each.element, each.dropped) for each in found.defects] == [("orders", "resourceType", True)]


def test_a_paged_prefetch_is_read_on(server: FhirServer, reader: FhirReader) -> None:
    paged = bundle(record("ServiceRequest", "s0"), next_page=f"{server.base}/ServiceRequest?patient=1")
    found = ask(request(FULL | {"orders": paged}, server), reader)
    assert names(found) == ["Condition/c1", "ServiceRequest/s0", "ServiceRequest/s1"]
    assert (found.unseen, found.notes) == (frozenset(), {})


def test_a_page_that_cannot_be_followed_leaves_the_key_unseen(server: FhirServer, reader: FhirReader) -> None:
    with FhirServer(CHART) as other:
        paged = bundle(record("Condition", "c0"), next_page=f"{other.base}/Condition?patient=1")
        found = ask(request(FULL | {"conditions": paged}, server), reader)
        alone = ask(request(FULL | {"conditions": paged}))
        assert other.requests == []
    assert (names(found), found.unseen) == (["Condition/c0"], frozenset({"conditions"}))
    assert found.notes["conditions"] == (
        "only a part is known: the request holds its first page, and the address is outside the FHIR server's base URL"
    )
    assert (names(alone), alone.unseen) == (["Condition/c0"], frozenset({"conditions"}))


def test_pages_of_the_server_that_do_not_come_leave_the_key_unseen(server: FhirServer, reader: FhirReader) -> None:
    server.misbehave("ServiceRequest", next=f"{server.base}/ServiceRequest/gone")
    found = ask(request({key: FULL[key] for key in FULL if key != "orders"}, server), reader)
    assert names(found) == ["Condition/c1", "ServiceRequest/s1"]
    assert found.notes == {"orders": "only a part is known: the FHIR server answered 404"}


@pytest.mark.parametrize(
    ("manner", "note"),
    [
        ({"status": 401}, "the FHIR server answered 401; scope of the access token: none is named"),
        ({"outcome": "error"}, "the FHIR server answered with an OperationOutcome (processing)"),
        (
            {"body": json.dumps(PATIENT).encode()},
            "the FHIR server answered with something other than what was requested",
        ),
        ({"html": True}, "the FHIR server answered with a web page or XML instead of FHIR JSON"),
    ],
)
def test_an_optional_key_that_cannot_be_read_is_unseen(
    server: FhirServer, reader: FhirReader, manner: Json, note: str
) -> None:
    server.misbehave("ServiceRequest", **manner)
    found = ask(request({"conditions": None}, server), reader)
    assert found.unseen == {"orders", "encounter"}
    assert found.notes == {"orders": note}


def test_no_results_of_the_server_are_known_empty(server: FhirServer, reader: FhirReader) -> None:
    server.misbehave("DiagnosticReport", warning="warning")
    assert ask(request({}, server), reader).unseen == {"encounter"}


def test_all_keys_are_read_at_once(server: FhirServer, reader: FhirReader) -> None:
    server.meet(12)
    assert ask(request({}, server, encounterId="e1"), reader).unseen == frozenset()
    assert server.most_at_once == 12


def test_what_is_late_is_unseen_and_the_rest_speaks(server: FhirServer, reader: FhirReader) -> None:
    server.misbehave("ServiceRequest", delay=30.0)
    found = ask(request({}, server), reader, seconds=0.3)
    assert names(found) == ["Patient/1", "Condition/c1", "Observation/o1"]
    assert found.notes == {"orders": "the FHIR server did not answer in time"}


def test_without_an_encounter_none_is_asked_for(server: FhirServer, reader: FhirReader) -> None:
    found = ask(request({}, server), reader)
    assert (found.unseen, found.notes, server.asked_for("Encounter")) == (frozenset({"encounter"}), {}, [])


def test_an_id_cannot_change_the_query(server: FhirServer, reader: FhirReader) -> None:
    without = {key: value for key, value in FULL.items() if key != "encounter"}
    for identity in ("e1?_id=2", "../Condition/c1", "e1/$everything", "e1%2F..", "e1 e2"):
        found = ask(request(without, server, encounterId=identity), reader)
        assert "encounter" in found.unseen
    assert {each.path.partition("/Encounter")[0] for each in server.requests} <= {"/fhir"}
    assert not any(each.query for each in server.requests)


def test_a_patient_without_id_is_asked_for_anew(server: FhirServer, reader: FhirReader) -> None:
    anyone = {"resourceType": "Patient", "birthDate": "1930-01-01"}
    asked = ask(request(FULL | {"patient": anyone}, server), reader)
    assert (names(asked), asked.unseen) == (["Patient/1", "Condition/c1"], frozenset())
    for held in (anyone, anyone | {"id": ""}, anyone | {"id": 5}, bundle(anyone)):
        alone = ask(request(FULL | {"patient": held}))
        assert (names(alone), alone.unseen) == (["Condition/c1"], frozenset({"patient"}))
    server.misbehave("Patient", body=json.dumps(anyone).encode())
    answered = ask(request(FULL | {"patient": anyone}, server), reader)
    assert (names(answered), answered.unseen) == (["Condition/c1"], frozenset({"patient"}))


class TestRequired:
    """Conditions and observations: without any knowledge of them there is no evaluation."""

    def test_missing_without_a_server(self) -> None:
        with pytest.raises(MissingDataRefusedError) as caught:
            ask(request({}))
        assert caught.value.field == "prefetch.conditions"
        assert str(caught.value) == (
            "conditions: there is no FHIR server to read it from; observations: there is no FHIR server to read it from"
        )

    def test_a_token_without_a_server_is_ignored(self, reader: FhirReader) -> None:
        with pytest.raises(MissingDataRefusedError):
            ask(request({}), reader)

    def test_errored_in_the_request(self, server: FhirServer, reader: FhirReader) -> None:
        with pytest.raises(MissingDataRefusedError, match="observations: the request holds an OperationOutcome"):
            ask(request(FULL | {"observations": outcome("error")}, server), reader)
        assert server.requests == []

    def test_refused_by_the_server(self, server: FhirServer, reader: FhirReader) -> None:
        server.misbehave("Observation", status=403)
        with pytest.raises(MissingDataRefusedError, match=r"^observations: the FHIR server answered 403$"):
            ask(request({}, server), reader)

    def test_a_part_is_enough(self, server: FhirServer, reader: FhirReader) -> None:
        server.misbehave("Condition", next=f"{server.base}/Condition/gone")
        assert ask(request({}, server), reader).unseen == {"conditions", "encounter"}

    def test_a_server_that_is_not_allowed(self, server: FhirServer) -> None:
        with FhirReader(allow_list([], allow_loopback=False)) as reader, pytest.raises(MissingDataRefusedError):
            ask(request({}, server), reader)
        assert server.requests == []
