"""What a client reaches through the service: its own FHIR servers, with its own limits, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import vignettes
from tests.support.bad_server import TLS, BadServer, answer, bundle, report, says
from tests.support.fhir_server import FhirServer
from tests.support.names_told import names_told
from tests.support.patients import FOOT_DROP, NOW
from tests.support.refusals import refusal
from tests.support.signing import ec_key, key_set, token
from tests.support.site import REQUEST, Site, lines, site

Json = dict[str, Any]
HELD = [record for records in vignettes.records(FOOT_DROP, NOW).values() for record in records]
OTHER = """
[clients.other]
issuer = "https://other.example"
keys_file = "{keys}"
tenants = [{{ base = "{base}", plain_http = true, private = true }}]
{more}
"""
UNREAD = "Reports could not be read"


def tenants(base: str, more: str = "private = true") -> str:
    """The FHIR server of a client, on this machine."""
    return f'tenants = [{{ base = "{base}", plain_http = true, {more} }}]'


def asked(base: str, *, prefetch: Json | None = None, **granted: Any) -> Json:
    """A request whose data has to be read from a server."""
    token_of = {"access_token": "t1", "token_type": "Bearer", "expires_in": 300, "subject": "cds"} | granted
    return {**REQUEST, "prefetch": prefetch or {}, "fhirServer": base, "fhirAuthorization": token_of}


def without_reports(base: str) -> Json:
    """A request that leaves the reports alone to the server."""
    return vignettes.request(FOOT_DROP, "patient-view", NOW, drop={"reports"}) | {"fhirServer": base}


def details(main: Site, request: Json, **of_token: Any) -> str:
    """What all cards say."""
    reply = main.post(token(**of_token), request)
    assert reply.status_code == 200, reply.text
    return " ".join(card["detail"] for card in reply.get_json()["cards"])


def why(main: Site, request: Json, **of_token: Any) -> str:
    """Why the conditions could not be had."""
    return str(refusal(main.post(token(**of_token), request), 412)["diagnostics"])


def test_a_clients_fhir_server_is_read_and_no_other(tmp_path: Path) -> None:
    with FhirServer(HELD, token="t1") as own, FhirServer(HELD, token="t1") as others:
        other = OTHER.format(keys=tmp_path / "keys.json", base=others.base, more="")
        with site(tmp_path, f"{tenants(own.base)}\n{other}", "deadline_ms = 5000") as main:
            reply = main.post(token(), asked(own.base))
            assert reply.status_code == 200
            assert reply.get_json()["cards"]
            assert {request.headers["Authorization"] for request in own.requests} == {"Bearer t1"}
            assert main.status(request=asked(others.base)) == 403
            assert main.status(token(iss="https://other.example"), request=asked(own.base)) == 403
            assert others.requests == []
            assert main.status(token(iss="https://other.example"), request=asked(others.base)) == 200
            assert others.requests


def test_a_client_may_have_a_deadline_of_its_own(tmp_path: Path) -> None:
    with FhirServer(HELD, token="t1") as own:
        own.misbehave("Condition", delay=0.5)
        with site(tmp_path, f"{tenants(own.base)}\ndeadline_ms = 50", "deadline_ms = 5000") as main:
            assert main.status(request=asked(own.base)) == 412


def test_a_client_may_have_a_number_of_records_of_its_own(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with site(tmp_path, "max_records = 1") as main:
        assert main.status() == 200
    assert lines(capfd.readouterr().err)[0]["records"] == 1


def test_a_name_leads_to_a_private_address_only_where_that_is_said(tmp_path: Path) -> None:
    with FhirServer(HELD) as own, names_told() as names:
        names.knows = {"fhir.example": ["127.0.0.1"]}
        base = own.base.replace("127.0.0.1", "fhir.example")
        for more, status in (("private = false", 412), ("private = true", 200)):
            with site(tmp_path, tenants(base, more), "deadline_ms = 5000") as main:
                reply = main.post(token(), asked(base))
                assert reply.status_code == status, reply.text
            assert bool(own.requests) is (status == 200)


def test_a_name_that_moves_is_checked_anew_and_never_between_check_and_call(tmp_path: Path) -> None:
    """Rebinding: what is connected to is the address that was checked."""
    with FhirServer(HELD) as own, names_told() as names:
        base = own.base.replace("127.0.0.1", "fhir.example")
        names.moves = {"fhir.example": ["127.0.0.1", "169.254.169.254"]}
        with site(tmp_path, tenants(base), "deadline_ms = 5000") as main:
            assert main.status(request=asked(base)) == 200
            assert len({request.headers["Host"] for request in own.requests}) == 1
            assert names.asked == ["fhir.example"], "one look for all the connections"
        came = len(own.requests)
        with site(tmp_path, tenants(base), "deadline_ms = 5000") as main:
            assert "leads to an address where no FHIR server can be" in why(main, asked(base))
        assert len(own.requests) == came


def test_each_client_has_its_own_memory_of_a_server_that_is_silent(tmp_path: Path) -> None:
    with FhirServer(HELD, token="t1") as shared:
        other = OTHER.format(keys=tmp_path / "keys.json", base=shared.base, more="deadline_ms = 5000")
        shared.misbehave("Condition", delay=0.2)
        with site(tmp_path, f"{tenants(shared.base)}\ndeadline_ms = 20\n{other}") as main:
            known = {key: None for key in vignettes.PREFETCH_KEYS if key != "conditions"}
            request = asked(shared.base, prefetch=known)
            assert [why(main, request) for _ in range(5)] == ["conditions: the FHIR server did not answer in time"] * 5
            assert "is not called" in why(main, request)
            assert main.status(token(iss="https://other.example"), request=request) == 200


def test_a_client_trusts_authorities_of_its_own(tmp_path: Path) -> None:
    def good(line: Any) -> None:
        line.send(answer(bundle([report()])))

    with BadServer(good, "https", is_secure=True) as secure:
        request = without_reports(secure.base)
        table = f'tenants = [{{ base = "{secure.base}", private = true }}]'
        own = f'{table}\nca_file = "{TLS / "ca.pem"}"'
        other = OTHER.format(keys=tmp_path / "keys.json", base=secure.base, more="")
        with site(tmp_path, f"{own}\n{other}", "deadline_ms = 5000") as main:
            assert UNREAD not in details(main, request)
            assert UNREAD in details(main, request, iss="https://other.example")


def test_keys_are_fetched_by_the_authorities_of_the_client(tmp_path: Path) -> None:
    with BadServer(says(key_set(es=ec_key())), "https", is_secure=True) as server:
        for ca_file, status in (("", 401), (f'ca_file = "{TLS / "ca.pem"}"', 200)):
            with site(tmp_path, f'keys_urls = ["{server.base}"]\n{ca_file}') as main:
                assert main.status() == status


@pytest.fixture(scope="module")
def own() -> Iterator[FhirServer]:
    """The FHIR server of the client `main`."""
    with FhirServer(HELD, token="t1") as listening:
        yield listening


@pytest.fixture(scope="module")
def reading(own: FhirServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The service, with a client that may read it."""
    with site(tmp_path_factory.mktemp("site"), tenants(own.base), "deadline_ms = 5000") as running:
        yield running


OTHERS = ["p2", "Patient/p2", "https://ehr.example/fhir/Patient/p2", "Group/p1", "P1", "/"]


@pytest.mark.parametrize("patient", OTHERS)
def test_a_token_for_another_patient_is_refused(reading: Site, patient: str) -> None:
    granted = {"access_token": "t1", "patient": patient}
    issue = refusal(reading.post(token(), {**REQUEST, "fhirAuthorization": granted}), 422)
    assert issue["expression"] == ["fhirAuthorization.patient"]
    assert issue["diagnostics"] == "the access token is for a patient other than context.patientId"


@pytest.mark.parametrize("patient", ["p1", " Patient/p1 ", "https://ehr.example/fhir/Patient/p1", "", None, 7, ["p2"]])
def test_a_token_for_this_patient_or_for_none_is_taken(reading: Site, patient: object) -> None:
    assert reading.status(request={**REQUEST, "fhirAuthorization": {"access_token": "t1", "patient": patient}}) == 200


@pytest.mark.parametrize("seconds", [0, -1, "0", 1e-9, -9e300])
def test_a_token_that_has_expired_is_not_sent(reading: Site, own: FhirServer, seconds: object) -> None:
    came = len(own.requests)
    said = why(reading, asked(own.base, expires_in=seconds))
    assert said.startswith("conditions: the access token has expired; ")
    granted = {"fhirAuthorization": {"access_token": "t1", "expires_in": seconds}}
    assert UNREAD in details(reading, without_reports(own.base) | granted)
    assert len(own.requests) == came


@pytest.mark.parametrize("seconds", [300, "300", 0.5e9, None, "soon", True, [0], "nan"])
def test_neither_scope_nor_a_lifetime_that_cannot_be_read_keeps_from_asking(
    reading: Site, own: FhirServer, seconds: object
) -> None:
    came = len(own.requests)
    for scope in ("", "patient/Nothing.rs", 7):
        granted = {"fhirAuthorization": {"access_token": "t1", "expires_in": seconds, "scope": scope}}
        assert UNREAD not in details(reading, without_reports(own.base) | granted)
    assert len(own.requests) == came + 3
