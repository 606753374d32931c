"""A record that holds `</script>`: it stays text in every page and fragment that shows a record."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support import vignettes
from tests.support.fhir_server import FhirServer
from tests.support.patients import FOOT_DROP, NOW, Ask

Json = dict[str, Any]

HOSTILE = "</script><script>alert(1)</script><!--<script><img src=x onerror=alert(1)>"
SUBJECT = {"reference": "Patient/p1"}
PATIENT = {"resourceType": "Patient", "id": "p1", "name": [{"given": [HOSTILE], "family": HOSTILE}], "gender": HOSTILE}
RECORDS: list[Json] = [
    PATIENT,
    {"resourceType": "Condition", "id": "c1", "subject": SUBJECT, "code": {"text": HOSTILE}},
    {
        "resourceType": "MedicationRequest", "id": "m1", "subject": SUBJECT, "status": "active",
        "medicationCodeableConcept": {"text": HOSTILE}, "dosageInstruction": [{"text": HOSTILE}],
    },
    {
        "resourceType": "DiagnosticReport", "id": "r1", "subject": SUBJECT, "status": "final",
        "code": {"text": HOSTILE}, "conclusion": HOSTILE,
    },
    {
        "resourceType": "Observation", "id": "o1", "subject": SUBJECT, "status": "final",
        "code": {"text": HOSTILE}, "valueString": HOSTILE,
    },
]  # fmt: skip


class Page(HTMLParser):
    """The scripts of a page, as a browser takes it apart, and every element and attribute that it has."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.scripts: list[dict[str, str | None]] = []
        self.start = ""
        self.elements: set[str] = set()
        self.handlers: list[str] = []
        self.text = ""
        self._is_start = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag == "script":
            self.scripts.append(dict(attrs))
            self._is_start = dict(attrs).get("id") == "start"

    def handle_endtag(self, tag: str) -> None:
        self._is_start = self._is_start and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._is_start:
            self.start += data
        else:
            self.text += data


def opened(client: FlaskClient) -> Page:
    """The page of the patient, read from a FHIR server."""
    with FhirServer(RECORDS) as server:
        reply = client.get(f"/simulator/patient?server={server.base}&id=p1")
    assert reply.status_code == 200
    return Page(reply.get_data(as_text=True))


def test_the_page_of_a_patient_starts_no_script_of_the_record(client: FlaskClient) -> None:
    page = opened(client)
    assert all("src" in script or script.get("type") == "application/json" for script in page.scripts)
    assert len([script for script in page.scripts if script.get("id") == "start"]) == 1
    assert "img" not in page.elements
    assert page.handlers == []
    assert HOSTILE in page.text, "it is shown, as text"


def test_the_data_of_the_page_is_the_record_as_it_came(client: FlaskClient) -> None:
    start = json.loads(opened(client).start)
    records = {(each["resourceType"], each["id"]): each for each in start["records"]}
    for record in RECORDS:
        assert records[record["resourceType"], record["id"]] == record


def test_the_list_of_patients_shows_a_name_as_text(client: FlaskClient) -> None:
    with FhirServer([PATIENT]) as server:
        page = Page(client.get(f"/simulator?server={server.base}").get_data(as_text=True))
    assert all("src" in script for script in page.scripts)
    assert "img" not in page.elements
    assert HOSTILE in page.text
    echoed = Page(client.get("/simulator", query_string={"server": HOSTILE, "name": HOSTILE}).get_data(as_text=True))
    assert all("src" in script for script in echoed.scripts)
    assert "img" not in echoed.elements


def hostile_request() -> Json:
    """A patient with foot drop in whose record every text is hostile."""
    request = vignettes.request(FOOT_DROP, "patient-view", NOW)
    for key in ("conditions", "observations"):
        for entry in request["prefetch"][key]["entry"]:
            code = entry["resource"]["code"]
            code["text"] = HOSTILE
            for coding in code.get("coding", ()):
                coding["display"] = HOSTILE
    return request


@pytest.mark.parametrize("fragment", ["record", "cards", "verdicts"])
def test_no_fragment_holds_an_element_of_the_record(client: FlaskClient, ask: Ask, fragment: str) -> None:
    request = hostile_request()
    bodies = {
        "record": {"records": RECORDS, "changed": ["Condition/c1"]},
        "cards": ask(request).get_json() | {"overridden": {"lumbar-mri": HOSTILE}, "accepted": {"afo": [HOSTILE]}},
        "verdicts": request,
    }
    reply = client.post(f"/simulator/{fragment}", json=bodies[fragment])
    assert reply.status_code == 200
    page = Page(reply.get_data(as_text=True))
    assert page.elements
    assert not page.elements & {"script", "img"}
    assert page.handlers == []


def test_a_card_shown_of_hostile_members_has_no_element_of_them(client: FlaskClient) -> None:
    """What another service answered: every member of a card may hold anything."""
    card = {
        "uuid": HOSTILE, "summary": HOSTILE, "detail": HOSTILE, "indicator": "warning",
        "source": {"label": HOSTILE, "url": HOSTILE, "topic": {"code": "x", "display": HOSTILE}},
        "suggestions": [{"label": HOSTILE, "uuid": HOSTILE, "actions": [{"type": "create", "description": HOSTILE}]}],
        "links": [{"label": HOSTILE, "url": HOSTILE, "type": "absolute"}],
        "overrideReasons": [{"code": HOSTILE, "system": HOSTILE, "display": HOSTILE}],
    }  # fmt: skip
    page = Page(client.post("/simulator/cards", json={"cards": [card]}).get_data(as_text=True))
    assert not page.elements & {"script", "img"}
    assert page.handlers == []


def test_the_answer_of_the_service_holds_no_tag_of_the_record(ask: Ask) -> None:
    for card in ask(hostile_request()).get_json()["cards"]:
        for words in (card["summary"], card["detail"], *(each["label"] for each in card.get("suggestions", ()))):
            assert "<" not in words
