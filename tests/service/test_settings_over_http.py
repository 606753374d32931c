"""What the settings and the FHIR server decide over HTTP: the deadline, the time zone, the encounter."""

from __future__ import annotations

from typing import Any

import pytest

from service.app import create_app
from service.settings import Settings
from tests.support import vignettes
from tests.support.fhir_server import FhirServer
from tests.support.patients import FOOT_DROP, NOW, Ask

URL = "/cds-services/foot-drop-patient-view"


def details(reply: Any) -> dict[str, str]:
    """The detail of each card, by rule."""
    return {card["source"]["topic"]["code"]: card["detail"] for card in reply.get_json()["cards"]}


@pytest.mark.parametrize("encounter", ["e1", "Encounter/e1"])
def test_an_encounter_is_read_by_id_or_reference(ask: Ask, encounter: str) -> None:
    with FhirServer([{"resourceType": "Encounter", "id": "e1", "subject": {"reference": "Patient/p1"}}]) as server:
        request = vignettes.request(FOOT_DROP, "patient-view", NOW, drop={"encounter"})
        request |= {"fhirServer": server.base}
        request["context"]["encounterId"] = encounter
        assert ask(request).status_code == 200
        assert [asked.path for asked in server.requests] == ["/fhir/Encounter/e1"]


@pytest.mark.parametrize(("milliseconds", "is_read"), [(300, False), (20_000, True)])
def test_the_deadline_of_the_settings_is_that_of_the_reading(milliseconds: int, is_read: bool) -> None:
    client = create_app(Settings(deadline_ms=milliseconds), now=NOW, dev=True).test_client()
    with FhirServer() as server:
        server.misbehave("DiagnosticReport", delay=2.0)
        request = vignettes.request(FOOT_DROP, "patient-view", NOW, drop={"reports"})
        card = details(client.post(URL, json=request | {"fhirServer": server.base}))["lumbar-mri"]
    assert ("Reports could not be read" not in card) is is_read


@pytest.mark.parametrize(("zone", "day"), [("UTC", "2026-03-01"), ("Pacific/Auckland", "2026-03-02")])
def test_the_time_zone_of_the_settings_says_what_day_it_was(zone: str, day: str) -> None:
    client = create_app(Settings(time_zone=zone), now=NOW, dev=True).test_client()
    request = vignettes.request(FOOT_DROP, "patient-view", NOW)
    request["prefetch"]["observations"]["entry"][0]["resource"]["effectiveDateTime"] = "2026-03-01T20:00:00Z"
    reply = client.post(URL, json=request)
    (card,) = [card for card in reply.get_json()["cards"] if card["source"]["topic"]["code"] == "lumbar-mri"]
    dates = {fact["date"] for part in card["extension"].values() for fact in part["facts"]}
    assert dates & {"2026-03-01", "2026-03-02"} == {day}
