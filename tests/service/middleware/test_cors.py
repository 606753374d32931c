"""CORS: which pages may call, on every reply, and the preflight before anything else."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from service.app import create_app
from service.settings import Settings

URL = "/cds-services/foot-drop-patient-view"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


@pytest.fixture
def production() -> FlaskClient:
    """A service with one configured origin."""
    return create_app(Settings(allow_origins=("https://ehr.example",), hosts=("localhost",))).test_client()


@pytest.mark.parametrize("path", [URL, "/cds-services", f"{URL}/feedback", "/cds-services/nowhere", f"{URL}//"])
def test_a_preflight_is_answered_before_anything_else(production: FlaskClient, path: str) -> None:
    reply = production.options(path, headers={**PREFLIGHT, "Origin": "https://ehr.example"})
    assert reply.status_code == 204
    assert reply.headers["Access-Control-Allow-Origin"] == "https://ehr.example"
    allowed = {word.strip().lower() for word in reply.headers["Access-Control-Allow-Headers"].split(",")}
    assert {"authorization", "content-type"} <= allowed
    assert "POST" in reply.headers["Access-Control-Allow-Methods"]
    assert int(reply.headers["Access-Control-Max-Age"]) > 0
    assert "Access-Control-Allow-Credentials" not in reply.headers


def test_every_reply_names_the_origin_errors_included(production: FlaskClient) -> None:
    headers = {"Origin": "https://ehr.example"}
    replies = [
        production.get("/cds-services", headers=headers),
        production.get("/cds-services/nowhere", headers=headers),
        production.get(URL, headers=headers),
        production.post(URL, data=b"{}", content_type="application/json", headers=headers),
        production.post(URL, data=b"{}", headers=headers),
    ]
    assert [reply.status_code for reply in replies] == [200, 404, 405, 400, 415]
    for reply in replies:
        assert reply.headers["Access-Control-Allow-Origin"] == "https://ehr.example"
        assert reply.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "*",
        "",
        "http://ehr.example",
        "https://ehr.example:8443",
        "https://ehr.example.evil.example",
        "https://notehr.example",
        "https://sub.ehr.example",
        "https://ehr.example/",
        "http://localhost:3000",
        "http://127.0.0.1",
    ],
)
def test_another_origin_is_not_named(production: FlaskClient, origin: str) -> None:
    for reply in (
        production.get("/cds-services", headers={"Origin": origin}),
        production.options(URL, headers={**PREFLIGHT, "Origin": origin}),
    ):
        assert not [name for name, _ in reply.headers if name.startswith("Access-Control-")]
        assert reply.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    "path", ["/", "/simulator", "/simulator/write", "/fhir/PlanDefinition/afo", "/rules/afo", "/cds-services-of-mine"]
)
def test_nothing_but_the_services_is_for_pages_of_other_origins(client: FlaskClient, path: str) -> None:
    for origin in ("http://localhost:3000", "https://ehr.example"):
        for reply in (
            client.get(path, headers={"Origin": origin}),
            client.options(path, headers={**PREFLIGHT, "Origin": origin}),
        ):
            assert not [name for name, _ in reply.headers if name.startswith("Access-Control-")]
            reply.close()


def test_without_origins_no_page_may_call() -> None:
    reply = (
        create_app(Settings(hosts=("localhost",)))
        .test_client()
        .get("/cds-services", headers={"Origin": "https://ehr.example"})
    )
    assert "Access-Control-Allow-Origin" not in reply.headers


@pytest.mark.parametrize(
    "origin", ["http://localhost", "http://localhost:8800", "http://127.0.0.1:1", "http://[::1]:5173"]
)
def test_in_development_a_page_on_loopback_may_call_from_any_port(client: FlaskClient, origin: str) -> None:
    reply = client.get("/cds-services", headers={"Origin": origin})
    assert reply.headers["Access-Control-Allow-Origin"] == origin


@pytest.mark.parametrize(
    "origin", ["http://localhost.evil.example", "http://127.0.0.1.evil.example", "http://evil@localhost", "null"]
)
def test_in_development_what_only_looks_like_loopback_may_not(client: FlaskClient, origin: str) -> None:
    reply = client.get("/cds-services", headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in reply.headers


def test_a_call_without_origin_is_served(production: FlaskClient) -> None:
    reply = production.get("/cds-services")
    assert reply.status_code == 200
    assert "Access-Control-Allow-Origin" not in reply.headers
