"""What a client reaches through the service: its own FHIR servers, with its own limits, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support import vignettes
from tests.support.fhir_server import FhirServer
from tests.support.patients import FOOT_DROP, NOW
from tests.support.signing import token
from tests.support.site import REQUEST, lines, site

Json = dict[str, Any]
HELD = [record for records in vignettes.records(FOOT_DROP, NOW).values() for record in records]
OTHER = """
[clients.other]
issuer = "https://other.example"
keys_file = "{keys}"
tenants = [{{ base = "{base}", plain_http = true, private = true }}]
"""


def asked(server: FhirServer) -> Json:
    """A request whose data has to be read from a server."""
    granted = {"access_token": "t1", "token_type": "Bearer", "expires_in": 300, "subject": "cds"}
    return {**REQUEST, "prefetch": {}, "fhirServer": server.base, "fhirAuthorization": granted}


def test_a_clients_fhir_server_is_read_and_no_other(tmp_path: Path) -> None:
    with FhirServer(HELD, token="t1") as own, FhirServer(HELD, token="t1") as others:
        table = f'tenants = [{{ base = "{own.base}", plain_http = true, private = true }}]'
        other = OTHER.format(keys=tmp_path / "keys.json", base=others.base)
        with site(tmp_path, f"{table}\n{other}", "deadline_ms = 5000") as main:
            reply = main.post(token(), asked(own))
            assert reply.status_code == 200
            assert reply.get_json()["cards"]
            assert {request.headers["Authorization"] for request in own.requests} == {"Bearer t1"}
            assert main.status(request=asked(others)) == 403
            assert main.status(token(iss="https://other.example"), request=asked(own)) == 403
            assert others.requests == []
            assert main.status(token(iss="https://other.example"), request=asked(others)) == 200
            assert others.requests


def test_a_client_may_have_a_deadline_of_its_own(tmp_path: Path) -> None:
    with FhirServer(HELD, token="t1") as own:
        own.misbehave("Condition", delay=0.5)
        table = f'tenants = [{{ base = "{own.base}", plain_http = true, private = true }}]\ndeadline_ms = 50'
        with site(tmp_path, table, "deadline_ms = 5000") as main:
            assert main.status(request=asked(own)) == 412


def test_a_client_may_have_a_number_of_records_of_its_own(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with site(tmp_path, "max_records = 1") as main:
        assert main.status() == 200
    assert lines(capfd.readouterr().err)[0]["records"] == 1
