"""What a person with a browser is told at `/` and where nothing is served; and that programs are still told in JSON."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from service.app import create_app
from service.hooks import HOOKS, service_id
from service.settings import Settings
from tests.support.refusals import refusal

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PROGRAMS = ["application/json", "*/*", "application/fhir+json", "application/json, text/html;q=0.9"]


def test_the_home_page_says_what_this_is_and_where_everything_is(client: FlaskClient) -> None:
    reply = client.get("/", headers=BROWSER)
    text = reply.get_data(as_text=True)
    assert (reply.status_code, reply.mimetype) == (200, "text/html")
    assert "style-src 'sha256-" in reply.headers["Content-Security-Policy"]
    assert "unsafe" not in reply.headers["Content-Security-Policy"]
    assert "Not validated for clinical use" in text
    assert "No clinician has reviewed its rules" in text
    for hook in HOOKS:
        assert f"/cds-services/{service_id(hook)}" in text
    links = re.findall(r'href="([^"]+)"', text)
    assert "/simulator" in links
    for link in links:
        assert client.get(link).status_code == 200, link


@pytest.mark.parametrize("accept", PROGRAMS)
def test_a_program_is_told_the_same_in_json(client: FlaskClient, accept: str) -> None:
    told = client.get("/", headers={"Accept": accept}).get_json()
    assert told["name"] == "foot-drop-cds"
    assert "/rules" in [place["path"] for place in told["places"]]
    assert told["standing"][0].startswith("Not validated")


def test_where_no_simulator_is_served_none_is_named() -> None:
    client = create_app(Settings()).test_client()
    assert "simulator" not in client.get("/", headers=BROWSER).get_data(as_text=True)
    assert "simulator/" not in client.get("/rules/discharge-advice", headers=BROWSER).get_data(as_text=True)


def test_below_a_prefix_the_home_page_leads_there(client: FlaskClient) -> None:
    reply = client.get("/", headers=BROWSER, environ_overrides={"SCRIPT_NAME": "/cds"})
    links = re.findall(r'href="([^"]+)"', reply.get_data(as_text=True))
    assert all(link.startswith("/cds/") for link in links)


@pytest.mark.parametrize("path", ["/none", "/rules/none", "/simulator/cases/afo/none", "/<script>alert(1)</script>"])
def test_where_nothing_is_a_browser_gets_a_page_that_repeats_nothing(client: FlaskClient, path: str) -> None:
    reply = client.get(path, headers=BROWSER)
    text = reply.get_data(as_text=True)
    assert (reply.status_code, reply.mimetype) == (404, "text/html")
    assert "Content-Security-Policy" in reply.headers
    assert '<a href="/">' in text
    assert "script" not in text
    for accept in PROGRAMS:
        refusal(client.get(path, headers={"Accept": accept}), 404)


def test_a_call_is_refused_in_json_whoever_sends_it(client: FlaskClient) -> None:
    refusal(client.post("/cds-services/none", json={}, headers=BROWSER), 404)
    assert client.get("/cds-services/foot-drop-patient-view", headers=BROWSER).status_code == 405
