"""Discovery and hook calls through HTTP: what an EHR sees, on good input and on bad."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cards.record.body import MAX_BYTES
from service.app import create_app
from tests.support.client_requests import RECORDED, expected_status
from tests.support.patients import NOW, Ask
from tests.support.r4 import empties
from tests.support.refusals import refusal

URL = "/cds-services/foot-drop-patient-view"


def test_discovery_lists_a_service_a_hook(client: FlaskClient) -> None:
    reply = client.get("/cds-services")
    assert reply.status_code == 200
    assert reply.mimetype == "application/json"
    services = reply.get_json()["services"]
    assert [service["id"] for service in services] == [
        "foot-drop-patient-view",
        "foot-drop-order-select",
        "foot-drop-order-sign",
        "foot-drop-problem-list-item-create",
        "foot-drop-encounter-discharge",
    ]
    for service in services:
        assert service["id"] == f"foot-drop-{service['hook']}"
        assert service["title"]
        assert service["description"]
        assert service["usageRequirements"]
        assert re.fullmatch(r"\d+\.\d+\.\d+", service["version"])
    assert empties(reply.get_json()) == []


def test_discovery_says_the_same_after_a_restart(client: FlaskClient) -> None:
    again = create_app(now=NOW, dev=True).test_client().get("/cds-services")
    assert again.get_data() == client.get("/cds-services").get_data()


def test_prefetch_has_one_query_a_key_with_tokens_of_the_context(client: FlaskClient) -> None:
    for service in client.get("/cds-services").get_json()["services"]:
        for key, query in service["prefetch"].items():
            assert re.fullmatch(r"[A-Za-z]+", key)
            assert set(re.findall(r"\{\{(.*?)\}\}", query)) <= {"context.patientId", "context.encounterId"}
            assert "{" not in re.sub(r"\{\{.*?\}\}", "", query)


def test_a_patient_with_foot_drop_gets_cards(ask: Ask, foot_drop: dict[str, Any]) -> None:
    reply = ask(foot_drop)
    assert reply.status_code == 200
    assert reply.mimetype == "application/json"
    topics = [card["source"]["topic"]["code"] for card in reply.get_json()["cards"]]
    assert "lumbar-mri" in topics


def test_nothing_to_say_is_an_empty_list(ask: Ask, no_foot_drop: dict[str, Any]) -> None:
    reply = ask(no_foot_drop)
    assert reply.status_code == 200
    assert reply.get_json() == {"cards": []}


@pytest.mark.parametrize("path", ["/cds-services/", "/cds-services//"])
def test_stray_slashes_do_no_harm_to_discovery(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", [f"{URL}/", "/cds-services//foot-drop-patient-view"])
def test_stray_slashes_do_no_harm_to_a_call(client: FlaskClient, path: str, no_foot_drop: dict[str, Any]) -> None:
    assert client.post(path, json=no_foot_drop).status_code == 200


def test_an_unknown_service_is_404(client: FlaskClient, no_foot_drop: dict[str, Any]) -> None:
    refusal(client.post("/cds-services/foot-drop-appointment-book", json=no_foot_drop), 404)
    refusal(client.get("/nothing"), 404)


def test_another_method_is_405_and_names_those_allowed(client: FlaskClient) -> None:
    reply = client.get(URL)
    refusal(reply, 405)
    assert "POST" in reply.headers["Allow"]
    reply = client.delete("/cds-services")
    refusal(reply, 405)
    assert "GET" in reply.headers["Allow"]


@pytest.mark.parametrize("kind", ["text/plain", "application/fhir+json", "application/x-www-form-urlencoded", ""])
def test_another_media_type_is_415(client: FlaskClient, kind: str) -> None:
    refusal(client.post(URL, data=b"{}", content_type=kind), 415)


def test_json_with_any_parameter_is_right(client: FlaskClient, no_foot_drop: dict[str, Any]) -> None:
    body = json.dumps(no_foot_drop)
    for kind in ("application/json; charset=utf-8", "Application/JSON;profile=x"):
        assert client.post(URL, data=body, content_type=kind).status_code == 200


def test_an_encoded_body_is_415(client: FlaskClient) -> None:
    reply = client.post(URL, data=b"\x1f\x8b", content_type="application/json", headers={"Content-Encoding": "gzip"})
    refusal(reply, 415)


DEEP = b'{"hook":"patient-view","x":' + b"[" * 1000 + b"]" * 1000 + b"}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"17",
        b'{"hook": NaN}',
        b'{"hook":"patient-view","x":Infinity}',
        b'{"hook":"\xff\xfe"}',
        b'{"hook":"\\ud800"}',
        b'{"hook":"patient-view",}',
        b'{"hook":"patient-view"} // said',
        DEEP,
        b"[" * 100_000,
        b'{"a":' * 50_000,
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_no_request_is_400(client: FlaskClient, body: bytes) -> None:
    refusal(client.post(URL, data=body, content_type="application/json"), 400)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"hook": None}, "hook"),
        ({"hook": 5}, "hook"),
        ({"hook": ""}, "hook"),
        ({"hook": "order-sign"}, "hook"),
        ({"hookInstance": None}, "hookInstance"),
        ({"hookInstance": " "}, "hookInstance"),
        ({"hookInstance": ["x"]}, "hookInstance"),
        ({"context": None}, "context"),
        ({"context": "x"}, "context"),
        ({"context": []}, "context"),
        ({"context": {}}, "context.patientId"),
        ({"context": {"patientId": ""}}, "context.patientId"),
        ({"context": {"patientId": "Patient/"}}, "context.patientId"),
        ({"context": {"patientId": 12}}, "context.patientId"),
        ({"context": {"patientId": None}}, "context.patientId"),
    ],
)
def test_a_required_member_is_demanded_by_name(
    client: FlaskClient, no_foot_drop: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    issue = refusal(client.post(URL, json={**no_foot_drop, **change}), 400)
    assert issue["expression"] == [field]
    assert field.rpartition(".")[2] in issue["diagnostics"]
    member = field.partition(".")[0]
    if change[member] is None:
        without = {key: value for key, value in no_foot_drop.items() if key != member}
        assert refusal(client.post(URL, json=without), 400)["expression"] == [field]


@pytest.mark.parametrize("drafts", [None, "absent", [], "x", 3])
def test_an_order_hook_demands_the_drafts(ask: Ask, no_foot_drop: dict[str, Any], drafts: Any) -> None:
    context = {**no_foot_drop["context"], "draftOrders": drafts}
    if drafts == "absent":
        del context["draftOrders"]
    reply = ask({**no_foot_drop, "hook": "order-select", "context": context})
    assert refusal(reply, 400)["expression"] == ["context.draftOrders"]


def test_a_body_too_large_is_413(client: FlaskClient) -> None:
    reply = client.post(URL, data=b" " * (MAX_BYTES + 2), content_type="application/json")
    refusal(reply, 413)
    reply = client.post(URL, data=b" " * (MAX_BYTES + 1), content_type="application/json")
    refusal(reply, 413)


def chunked(client: FlaskClient, body: bytes) -> TestResponse:
    """A post as a server hands it on that has no Content-Length."""
    return client.post(
        URL,
        input_stream=io.BytesIO(body),
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )


def test_a_body_in_chunks_is_read(client: FlaskClient, no_foot_drop: dict[str, Any]) -> None:
    assert chunked(client, json.dumps(no_foot_drop).encode()).status_code == 200


def test_a_body_in_chunks_is_not_cut_but_413(client: FlaskClient, no_foot_drop: dict[str, Any]) -> None:
    refusal(chunked(client, json.dumps(no_foot_drop).encode() + b" " * MAX_BYTES), 413)


def test_a_body_of_exactly_the_limit_is_read_and_one_byte_more_is_not(
    client: FlaskClient, no_foot_drop: dict[str, Any]
) -> None:
    body = json.dumps(no_foot_drop).encode().ljust(MAX_BYTES)
    assert client.post(URL, data=body, content_type="application/json").status_code == 200
    assert chunked(client, body).status_code == 200
    refusal(client.post(URL, data=body + b" ", content_type="application/json"), 413)
    refusal(chunked(client, body + b" "), 413)


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_what_the_public_sandbox_sends_never_breaks_the_service(client: FlaskClient, file: Path) -> None:
    recorded = json.loads(file.read_text())
    path = (recorded.get("path") or recorded["url"]).replace("/sr-", "/foot-drop-")
    headers = {name: value for name, value in recorded["headers"].items() if name not in ("Content-Length", "Host")}
    body = recorded.get("body")
    reply = client.open(
        path,
        method=recorded["method"],
        data=json.dumps(body) if isinstance(body, dict) else body,
        headers=headers,
    )
    assert reply.status_code < 500
    assert reply.status_code == expected_status(file.stem)
    called = recorded["headers"]["Origin"] if path.startswith("/cds-services") else None
    assert reply.headers.get("Access-Control-Allow-Origin") == called
    if reply.status_code >= 400:
        refusal(reply, reply.status_code)


def test_every_reply_forbids_caching_and_guessing(client: FlaskClient) -> None:
    for reply in (client.get("/cds-services"), client.get("/nowhere"), client.post(URL, data=b"{}")):
        assert reply.headers["Cache-Control"] == "no-store"
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
