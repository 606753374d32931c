"""What a FHIR server does not give is said to be unread, wherever it would stand; it is never called absent."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support import vignettes
from tests.support.fhir_server import FhirServer
from tests.support.patients import FOOT_DROP, NOW

# By resource type: the words that would say that there is none.
ABSENT = {
    "Condition": "No problems are recorded",
    "Observation": "No examination findings are recorded",
    "ServiceRequest": "Nothing is ordered",
    "DeviceRequest": "Nothing is ordered",
    "MedicationRequest": "No medicines are recorded",
    "MedicationStatement": "No medicines are recorded",
    "DiagnosticReport": "No reports are recorded",
    "Device": "None are recorded",
    "Procedure": "None are recorded",
    "AllergyIntolerance": "none recorded",
    "Encounter": "No encounter",
}
USUAL = ("Observation", "AllergyIntolerance")
PATIENT = {"resourceType": "Patient", "id": "p1", "name": [{"family": "Brandt"}]}


def start_of(page: str) -> dict[str, Any]:
    """What the page's script starts from."""
    data = re.search(r'<script type="application/json" id="start">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    start: dict[str, Any] = json.loads(data[1])
    return start


@pytest.mark.parametrize(
    "kind", [kind if kind in USUAL else pytest.param(kind, marks=pytest.mark.long) for kind in ABSENT]
)
def test_what_could_not_be_read_is_not_called_absent(client: FlaskClient, kind: str) -> None:
    with FhirServer([PATIENT]) as server:
        address = f"/simulator/patient?server={server.base}&id=p1"
        assert ABSENT[kind] in client.get(address).get_data(as_text=True)
        server.misbehave(kind, status=503)
        page = unescape(client.get(address).get_data(as_text=True))
    again = {"records": start_of(page)["records"], "unread": [*start_of(page)["faults"]]}
    part = unescape(client.post("/simulator/record", json=again).get_data(as_text=True))
    for shown in (page, part):
        assert ABSENT[kind] not in shown
        assert "could not be read" in shown.lower()


def test_an_examination_that_could_not_be_read_is_not_drawn_as_one_that_is_missing(client: FlaskClient) -> None:
    records = [one for some in vignettes.records(FOOT_DROP, NOW).values() for one in some]
    drawn = client.post("/simulator/record", json={"records": records}).get_data(as_text=True)
    unread = client.post("/simulator/record", json={"records": records, "unread": ["Observation"]})
    assert "Not recorded in the last" in drawn
    assert "Not recorded in the last" not in unread.get_data(as_text=True)
    assert "not all read" in unread.get_data(as_text=True)
