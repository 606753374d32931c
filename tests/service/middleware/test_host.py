"""The Host header: the service answers to its own names alone, whatever is asked."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from service.app import create_app
from service.settings import Settings
from tests.support.refusals import refusal

URL = "/cds-services/foot-drop-patient-view"


@pytest.fixture
def production() -> FlaskClient:
    """A service with two names."""
    return create_app(Settings(public_url="https://cds.example:8443/base", hosts=("10.0.0.7",))).test_client()


@pytest.mark.parametrize("host", ["cds.example", "CDS.example", "cds.example:8443", "cds.example:1", "10.0.0.7:8080"])
def test_its_names_are_those_of_the_settings_on_any_port(production: FlaskClient, host: str) -> None:
    assert production.get("/cds-services", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8080"])
def test_in_development_it_is_called_loopback(client: FlaskClient, host: str) -> None:
    assert client.get("/cds-services", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "localhost.",
        "localhost:http",
        "localhost:8080:8080",
        "localhost/",
        "localhost/a",
        "evil@localhost",
        "localhost@evil.example",
        "localhost,evil.example",
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
        "[::1%25eth0]",
        "::1",
        "[::1]x",
        "*",
        " ",
        "",
        "a" * 10_000,
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/cds-services"), ("POST", "/simulator/write"), ("OPTIONS", URL)])
def test_any_other_name_is_refused(client: FlaskClient, host: str, method: str, path: str) -> None:
    """A page can bind a name of its own to 127.0.0.1; the browser then takes the service for a part of that page."""
    headers = {"Host": host, "Origin": f"http://{host}", "Access-Control-Request-Method": "POST"}
    reply = client.open(path, method=method, headers=headers, json={} if method == "POST" else None)
    assert "Access-Control-Allow-Origin" not in reply.headers
    issue = refusal(reply, 421)
    assert "public_url and hosts" in issue["diagnostics"]
    assert issue["code"] == "not-supported"


def test_loopback_is_no_name_outside_of_development(production: FlaskClient) -> None:
    for host in ("localhost", "127.0.0.1", "[::1]"):
        assert production.get("/cds-services", headers={"Host": host}).status_code == 421


def test_without_a_name_nothing_is_served() -> None:
    assert create_app(Settings()).test_client().get("/cds-services").status_code == 421


@pytest.mark.parametrize(
    ("path", "status"), [("/health/live", 200), ("/health/ready", 200), ("/health/x", 421), ("/metrics", 421)]
)
def test_what_watches_the_service_calls_it_by_address(production: FlaskClient, path: str, status: int) -> None:
    assert production.get(path, headers={"Host": "10.1.2.3"}).status_code == status


def test_a_refused_body_is_read_to_its_end_so_that_the_reply_is_seen(client: FlaskClient) -> None:
    reply = client.post(URL, data=b" " * 3_000_000, content_type="application/json", headers={"Host": "evil.example"})
    assert reply.status_code == 421
    assert reply.headers["Cache-Control"] == "no-store"
