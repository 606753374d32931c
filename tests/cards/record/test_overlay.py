"""A site's own codes: recognised in the record like the built-in ones, and sent beside them in orders."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from service.app import create_app
from service.settings import Settings
from tests.support import vignettes
from tests.support.patients import FOOT_DROP, NOW

ORDERS = "https://hospital.example/orders"
FLOWSHEET = "https://hospital.example/flowsheet"
OVERLAY = {
    "order.mri-lumbar": {ORDERS: ["MRLSPINE", "OLDCODE"]},
    "observation.mrc-ankle-dorsiflexion": {FLOWSHEET: ["FLO-1"]},
    "observation.saddle-sensation": {FLOWSHEET: ["FLO-2"]},
}


@pytest.fixture
def site() -> FlaskClient:
    return create_app(Settings(codes=OVERLAY), now=NOW, dev=True).test_client()


def _cards(client: FlaskClient, request: dict[str, Any]) -> dict[str, Any]:
    reply = client.post(f"/cds-services/foot-drop-{request['hook']}", json=request)
    assert reply.status_code == 200, reply.text
    return {card["source"]["topic"]["code"]: card for card in reply.get_json()["cards"]}


def _entry(resource: dict[str, Any]) -> dict[str, Any]:
    return {"resource": {"subject": {"reference": "Patient/p1"}, "status": "final", **resource}}


def test_a_local_order_code_is_recognised_and_sent(site: FlaskClient) -> None:
    request = vignettes.request(FOOT_DROP, "patient-view", NOW)
    (order,) = (action["resource"] for action in _cards(site, request)["lumbar-mri"]["suggestions"][0]["actions"])
    assert {"system": ORDERS, "code": "MRLSPINE"} in order["code"]["coding"]
    assert order["code"]["coding"][0]["system"] == "http://loinc.org"
    placed = {
        "resourceType": "ServiceRequest",
        "id": "placed",
        "intent": "order",
        "status": "active",
        "priority": "urgent",
        "authoredOn": "2026-03-01",
        "code": {"coding": [{"system": ORDERS, "code": "OLDCODE"}]},
    }
    request["prefetch"]["orders"]["entry"] = [_entry(placed)]
    assert "lumbar-mri" not in _cards(site, request)


def test_local_flowsheet_codes_are_bedside_findings(site: FlaskClient) -> None:
    request = vignettes.request({"patient": {"age": 60}}, "patient-view", NOW)
    request["prefetch"]["observations"]["entry"] = [
        _entry(
            {
                "resourceType": "Observation",
                "id": "grade",
                "code": {"coding": [{"system": FLOWSHEET, "code": "FLO-1"}]},
                "effectiveDateTime": "2026-03-02T09:00:00Z",
                "valueString": "2/5",
            }
        ),
        _entry(
            {
                "resourceType": "Observation",
                "id": "saddle",
                "code": {"coding": [{"system": FLOWSHEET, "code": "FLO-2"}]},
                "effectiveDateTime": "2026-03-02T09:00:00Z",
                "valueCodeableConcept": {
                    "coding": [{"system": "https://foot-drop-cds.example/fhir/CodeSystem/exam", "code": "reduced"}]
                },
            }
        ),
    ]
    cards = _cards(site, request)
    assert cards["cauda-equina-emergency"]["indicator"] == "critical"
    facts = cards["cauda-equina-emergency"]["extension"]["example.foot-drop-cds.because"]["facts"]
    assert {"Observation/grade", "Observation/saddle"} <= {fact["reference"] for fact in facts}


def test_local_codes_are_asked_for_in_prefetch(site: FlaskClient) -> None:
    services = site.get("/cds-services").get_json()["services"]
    (observations,) = {service["prefetch"]["observations"] for service in services if service["hook"] == "patient-view"}
    assert {"FLO-1", "FLO-2"} <= set(observations.partition("code=")[2].partition("&")[0].split(","))
