"""Another service is called for the simulator's own pages alone, only on this machine, and only as CDS Hooks has it."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.http_server import Asked, HttpServer, Reply
from tests.support.refusals import refusal

OWN = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}


def relay(client: FlaskClient, services: Any, below: Any = "", body: Any = None, headers: Any = None) -> TestResponse:
    """The answer to what a page asks to be called."""
    asked = {"services": services, "below": below, "body": body}
    return client.post("/simulator/relay", json=asked, headers=OWN if headers is None else headers)


def told(asked: Asked) -> Reply:
    """A service that answers every call in its own way."""
    status = {"GET": 200, "POST": 412}[asked.method]
    return Reply(status, {"Content-Type": "text/html"}, b"<p>" + asked.target.encode() + b" " + asked.body)


def test_what_a_service_answers_comes_as_it_is(client: FlaskClient) -> None:
    with HttpServer(told) as server:
        services = f"http://{server.address}/r4/cds-services"
        found = relay(client, services).get_json()
        assert (found["status"], found["body"]) == (200, "<p>/r4/cds-services ")
        assert found["type"].startswith("text/html")
        called = relay(client, services, "/a-b.c/feedback", {"hook": "x"}).get_json()
        assert (called["status"], called["body"]) == (412, '<p>/r4/cds-services/a-b.c/feedback {"hook":"x"}')
        assert [asked.method for asked in server.asked] == ["GET", "POST"]
        assert all("Cookie" not in asked.headers and "Authorization" not in asked.headers for asked in server.asked)


@pytest.mark.parametrize(
    "services",
    [
        "https://elsewhere.example/cds-services",
        "http://169.254.169.254/latest/cds-services",
        "http://10.0.0.1/cds-services",
        "http://0.0.0.0/cds-services",
        "http://[::ffff:127.0.0.1]/cds-services",
        "http://2130706433/cds-services",
        "http://0x7f.1/cds-services",
        "http://localhost.elsewhere.example/cds-services",
        "http://127.0.0.1@elsewhere.example/cds-services",
        "http://elsewhere.example#@127.0.0.1/cds-services",
        "http://localhost/admin",
        "http://localhost/admin?/cds-services",
        "http://localhost/cds-services/../admin",
        "http://localhost\\@elsewhere.example/cds-services",
        "file:///etc/cds-services",
        "javascript:alert(1)//cds-services",
        "//localhost/cds-services",
        "",
        None,
        7,
    ],
)
def test_only_a_service_on_this_machine_is_called(client: FlaskClient, services: Any) -> None:
    assert "only a service on this machine" in refusal(relay(client, services), 403)["diagnostics"]
    html = client.get("/simulator/examples/new-l5-foot-drop", query_string={"service": services or " x"}).text
    assert services in (None, "") or "only a service on this machine" in html


@pytest.mark.parametrize(
    "below", ["/../admin", "/a/b", "/a?b", "/a#b", "/%2e%2e", "a", "/", "/a/feedback/", "/a\r\nX: y"]
)
def test_nothing_is_called_but_what_cds_hooks_names(client: FlaskClient, below: str) -> None:
    with HttpServer(told) as server:
        refusal(relay(client, f"http://{server.address}/cds-services", below), 403)
        assert server.asked == []


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://ehr.example"}, {**OWN, "Sec-Fetch-Site": "cross-site"}])
def test_only_the_simulators_own_pages_have_a_service_called(client: FlaskClient, headers: dict[str, str]) -> None:
    with HttpServer(told) as server:
        refusal(relay(client, f"http://{server.address}/cds-services", headers=headers), 403)
        assert server.asked == []


def test_a_redirect_is_not_followed_and_a_service_that_is_away_is_said(client: FlaskClient) -> None:
    with HttpServer(lambda _: Reply(302, {"Location": "https://elsewhere.example/"})) as server:
        services = f"http://{server.address}/cds-services"
        assert relay(client, services).get_json()["status"] == 302
        assert len(server.asked) == 1
    with HttpServer(told) as gone:
        services = f"http://{gone.address}/cds-services"
    assert "could not be reached" in refusal(relay(client, services), 502)["diagnostics"]
