"""A token that the FHIR server refuses: explain names its scope, and nobody else is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support import vignettes
from tests.support.commands import run
from tests.support.fhir_server import FhirServer
from tests.support.patients import FOOT_DROP, NOW

Json = dict[str, Any]
SCOPE = "patient/Observation.rs user/Condition.Read (R4)"
NAMED = f"scope of the access token: {SCOPE}"


def asked(base: str, *missing: str, **granted: Any) -> Json:
    """A request that leaves these keys to the FHIR server."""
    token = {"access_token": "t1", "scope": SCOPE} | granted
    request = vignettes.request(FOOT_DROP, "patient-view", NOW, drop=set(missing))
    return request | {"fhirServer": base, "fhirAuthorization": token}


def explained(folder: Path, request: Json, *words: str) -> str:
    """What explain prints."""
    (folder / "request.json").write_text(json.dumps(request))
    return run("explain", "request.json", "--now", NOW.isoformat(), *words, folder=folder).stdout


@pytest.mark.parametrize("status", [401, 403])
def test_explain_names_the_scope_after_a_refusal(tmp_path: Path, client: FlaskClient, status: int) -> None:
    with FhirServer() as server:
        server.misbehave("ServiceRequest", status=status)
        request = asked(server.base, "orders")
        said = " ".join(explained(tmp_path, request).split())
        assert f"not seen orders: the FHIR server answered {status}; {NAMED}" in said
        tools = json.loads(explained(tmp_path, request, "--format", "json"))
        assert tools["notes"]["orders"] == f"the FHIR server answered {status}; {NAMED}"
        assert "scope" not in client.post("/cds-services/foot-drop-patient-view", json=request).text


def test_explain_names_it_where_nothing_can_be_evaluated(tmp_path: Path, client: FlaskClient) -> None:
    with FhirServer() as server:
        server.misbehave("Condition", status=403)
        request = asked(server.base, "conditions")
        refused = json.loads(explained(tmp_path, request))["issue"][0]
        assert refused["diagnostics"] == f"conditions: the FHIR server answered 403; {NAMED}"
        reply = client.post("/cds-services/foot-drop-patient-view", json=request)
        assert reply.status_code == 412
        assert reply.get_json()["issue"][0]["diagnostics"] == "conditions: the FHIR server answered 403"


@pytest.mark.parametrize("status", [200, 404, 429, 500, 503])
def test_of_any_other_answer_the_scope_is_no_cause(tmp_path: Path, status: int) -> None:
    with FhirServer() as server:
        server.misbehave("ServiceRequest", status=status)
        assert "scope" not in explained(tmp_path, asked(server.base, "orders"))


def test_a_reference_that_may_not_be_read_names_it_too(tmp_path: Path) -> None:
    with FhirServer() as server:
        server.misbehave("Medication", status=403)
        request = asked(server.base)
        medicine = {
            "resourceType": "MedicationRequest",
            "id": "m1",
            "status": "active",
            "subject": {"reference": "Patient/p1"},
            "medicationReference": {"reference": "Medication/m1"},
        }
        request["prefetch"]["medications"] = {"resourceType": "Bundle", "entry": [{"resource": medicine}]}
        said = " ".join(explained(tmp_path, request).split())
    assert f"not read medications: references that could not be read: 1 (the FHIR server answered 403); {NAMED}" in said


@pytest.mark.parametrize(
    ("granted", "named"),
    [
        ({"scope": None}, "scope of the access token: none is named"),
        ({"scope": ["patient/*.rs"]}, "scope of the access token: none is named"),
        ({"scope": "a\x1b[2J\nb"}, "scope of the access token: a[2J b"),
        ({"scope": "x" * 5000}, f"scope of the access token: {'x' * 300} ..."),
        ({"access_token": None}, "no access token came with the request"),
        ({"access_token": ""}, "no access token came with the request"),
    ],
)
def test_a_scope_is_shown_on_one_line_and_briefly(tmp_path: Path, granted: Json, named: str) -> None:
    with FhirServer() as server:
        server.misbehave("ServiceRequest", status=401)
        tools = json.loads(explained(tmp_path, asked(server.base, "orders", **granted), "--format", "json"))
    assert tools["notes"]["orders"] == f"the FHIR server answered 401; {named}"
