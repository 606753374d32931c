"""The simulator's pages over HTTP: where they are served, what they show, and what they refuse."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import responses
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cards.orders.override_reasons import MOST_REASONS
from cards.orders.validity import r4_fault
from cards.rule_book import rule_book
from service import examples
from service.app import create_app
from service.markdown import safe_html
from service.settings import Settings
from service.simulator import order_menu
from tests.support.bad_server import KINDS, BadServer
from tests.support.fhir_server import FhirServer
from tests.support.patients import NOW
from tests.support.places import ROOT
from tests.support.refusals import refusal

EXAMPLE = "/simulator/examples/new-l5-foot-drop"
LOADED = re.compile(r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=\"([^\"]+)\"")


def page(client: FlaskClient, path: str, status: int = 200) -> str:
    """The page at a path."""
    reply = client.get(path)
    assert reply.status_code == status
    assert reply.mimetype == "text/html"
    return reply.get_data(as_text=True)


def fragment(client: FlaskClient, name: str, body: Any) -> str:
    """A fragment that the page's script asks for."""
    reply = client.post(f"/simulator/{name}", json=body)
    assert reply.status_code == 200, reply.get_data(as_text=True)
    return reply.get_data(as_text=True)


def test_it_is_served_in_development_only(client: FlaskClient) -> None:
    production = create_app(Settings(hosts=("localhost",))).test_client()
    for path in ("/simulator", EXAMPLE, "/simulator/static/page.js"):
        for who, status in ((production, 404), (client, 200)):
            reply = who.get(path)
            assert reply.status_code == status
            reply.close()
    assert production.post("/simulator/verdicts", json={}).status_code == 404


@pytest.mark.long
def test_every_example_is_listed_and_its_chart_opens(client: FlaskClient) -> None:
    listed = page(client, "/simulator")
    for name in examples.names():
        assert f"/simulator/examples/{name}" in listed
        assert "Examination by side" in page(client, f"/simulator/examples/{name}")
    assert client.get("/simulator/examples/nobody").status_code == 404


@pytest.mark.parametrize("path", ["/simulator", EXAMPLE])
def test_a_page_loads_its_own_files_alone_and_runs_no_script_within(client: FlaskClient, path: str) -> None:
    html = page(client, path)
    policy = client.get(path).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    loaded = LOADED.findall(html)
    assert loaded
    for address in loaded:
        assert address.startswith("/simulator/static/")
        reply = client.get(address)
        assert reply.status_code == 200
        reply.close()
    assert not re.search(r"<style|\son\w+=|\sstyle=|javascript:", html)
    assert re.findall(r"<script(?![^>]*src=)[^>]*>", html) in ([], ['<script type="application/json" id="start">'])


def test_the_scripts_and_the_style_name_no_other_place() -> None:
    files = list((ROOT / "service/simulator/static").iterdir())
    assert files
    for file in files:
        found = set(re.findall(r"https?://[\w.]+", file.read_text())) - {"http://www.w3.org", "https://ehr.example"}
        assert found == set(), file.name


def test_the_chart_shows_the_exam_by_side_and_every_section(client: FlaskClient) -> None:
    html = page(client, "/simulator/examples/foot-drop-worsening")
    row = html.partition("Ankle dorsiflexion</th>")[2].partition("</tr>")[0]
    left = row.split("<td>")[2]
    assert re.search(r"2/5.*4/5 on", left, re.DOTALL)
    assert "not recorded" in row.split("<td>")[1]
    html = page(client, "/simulator/examples/root-compression-on-mri")
    assert "compressing the left L5 root" in html
    assert "30 mg by mouth once a day" in html
    assert "Foot-drop" in html


def test_the_record_shows_what_changed_and_survives_odd_data(client: FlaskClient) -> None:
    order = {"resourceType": "ServiceRequest", "id": "1", "status": "active", "code": {"text": "MRI <now>"}}
    odd = [
        {"resourceType": "Observation", "id": 5, "code": "x", "valueQuantity": "none"},
        {"resourceType": "Condition", "code": {"coding": {"code": "6077001"}}, "onsetDateTime": "long ago"},
        {"resourceType": "MedicationRequest", "dosageInstruction": {"doseAndRate": 1, "timing": []}},
        {"resourceType": "Patient", "name": "Anna", "birthDate": 12},
        {"id": "no type"},
        "no resource",
    ]
    html = fragment(client, "record", {"records": [order, *odd], "changed": ["ServiceRequest/1"]})
    assert "MRI &lt;now&gt;" in html
    assert html.count('class="chip new"') == 1
    assert 'data-revoke="ServiceRequest/1"' in html
    assert "long ago" in html


@pytest.mark.parametrize("kind", ["ServiceRequest", "DeviceRequest", "MedicationRequest"])
def test_a_draft_on_record_is_said_to_be_one(client: FlaskClient, kind: str) -> None:
    orders = [{"resourceType": kind, "id": status, "status": status} for status in ("draft", "active")]
    html = fragment(client, "record", {"records": orders, "changed": []})
    assert html.count("drafted, not signed") == 1
    assert html.count('class="chip">active<') == 1


def card(**more: Any) -> dict[str, Any]:
    """A card with two suggestions."""
    made = {
        "uuid": "c1",
        "summary": "Do <this>",
        "indicator": "warning",
        "source": {"label": "Guideline", "url": "javascript:alert(1)", "topic": {"code": "afo"}},
        "suggestions": [{"label": label, "uuid": label, "actions": [{"description": "d"}]} for label in ("A", "B")],
        "links": [{"label": "bad", "url": "javascript:alert(2)", "type": "absolute"}],
    }
    return {**made, **more}


def test_cards_have_words_for_their_colour_and_no_address_that_runs(client: FlaskClient) -> None:
    html = fragment(client, "cards", {"cards": [card(detail="**x** <script>1</script>")]})
    assert ">Warning<" in html
    assert "Do &lt;this&gt;" in html
    assert "<strong>x</strong>" in html
    assert "<script" not in html
    assert "javascript:" not in html
    assert fragment(client, "cards", {"cards": []}) == "", "no cards are no all-clear: the page says what was looked at"


@pytest.mark.parametrize(("behavior", "is_said"), [("at-most-one", True), ("any", False)])
def test_a_card_says_when_one_suggestion_excludes_the_others(
    client: FlaskClient, behavior: str, *, is_said: bool
) -> None:
    html = fragment(client, "cards", {"cards": [card(selectionBehavior=behavior)]})
    assert ("data-one-only" in html) == ("Choose at most one" in html) == is_said


@pytest.mark.parametrize(("indicator", "is_required"), [("critical", True), ("warning", False)])
def test_an_override_begins_without_a_reason_and_needs_one_for_a_critical_card(
    client: FlaskClient, indicator: str, *, is_required: bool
) -> None:
    reasons = [{"code": str(number), "display": f"Reason {number}"} for number in range(MOST_REASONS + 3)]
    html = fragment(client, "cards", {"cards": [card(indicator=indicator, overrideReasons=reasons)]})
    values = re.findall(r'<option value="(\d*)"', html)
    assert values == ["", *map(str, range(MOST_REASONS))]
    assert ('<select name="reason" required>' in html) == ('name="confirmed" required' in html) == is_required


@pytest.mark.parametrize(
    "member", ["summary", "indicator", "source", "suggestions", "links", "overrideReasons", "detail"]
)
def test_a_card_of_another_service_may_hold_anything(client: FlaskClient, member: str) -> None:
    values: list[Any] = [None, 7, [], {}, [None], ["x"], "x", True]
    for value in values:
        html = fragment(client, "cards", {"cards": [{**card(), member: value}, 7, {}], "isForeign": True})
        assert html.count("<article") == 2
        assert "/rules/" not in html


def test_cards_and_verdicts_lead_to_the_page_of_their_rule(client: FlaskClient, foot_drop: dict[str, Any]) -> None:
    html = fragment(client, "cards", {"cards": [card()]}) + fragment(client, "verdicts", foot_drop)
    linked = re.findall(r'href="/rules/([^"]+)"', html)
    assert set(linked) == {rule.id for rule in rule_book().by_hook["patient-view"]}
    assert linked.count("afo") == 2


@pytest.mark.parametrize(("status", "word"), [("draft", "drafted"), ("active", "ordered"), ("completed", "done")])
def test_a_verdict_says_whether_something_is_drafted_ordered_or_done(
    client: FlaskClient, foot_drop: dict[str, Any], status: str, word: str
) -> None:
    order = {**order_menu.orders()["Electrodiagnosis, referrals and care"][0].resource, "id": "o1", "status": status}
    order |= {"subject": {"reference": f"Patient/{foot_drop['context']['patientId']}"}, "authoredOn": f"{NOW:%Y-%m-%d}"}
    foot_drop["prefetch"]["orders"] = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": order}]}
    html = fragment(client, "verdicts", foot_drop)
    assert f'standing-{word}">{word}<' in html.partition("emg-ncs")[2].partition("</li>")[0]


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x onerror=alert(1)>",
        "[a](javascript:alert(1))",
        "[a](data:text/html,x)",
        "![pixel](https://elsewhere.example/p.png)",
        "<https://a.example/\"onclick='x'>",
        "```html\n<script>alert(1)</script>\n```",
    ],
)
def test_markdown_is_safe(text: str) -> None:
    html = str(safe_html(text))
    assert not re.search(r"<(?!/?(?:p|a|code|pre)\b)", html)
    assert not re.search(r"<a [^>]*(?: onclick|\"javascript:|\"data:)", html)


def test_markdown_of_cards_is_shown() -> None:
    html = str(safe_html("**Because**\n\n- 2026-03-02, left: 2\\/5\n\n[G](https://g.example/a)"))
    assert "<strong>Because</strong>" in html
    assert "<li>2026-03-02, left: 2/5</li>" in html
    assert 'href="https://g.example/a"' in html
    assert 'rel="noopener noreferrer"' in html


def test_every_rule_of_the_hook_has_its_verdict_with_the_reason(client: FlaskClient, foot_drop: dict[str, Any]) -> None:
    del foot_drop["prefetch"]["orders"]
    html = fragment(client, "verdicts", foot_drop)
    for words in (
        "lumbar-mri",
        "cauda-equina-emergency",
        "not-applicable",
        "Not seen",
        "no FHIR server to read it from",
    ):
        assert words in html


def test_a_request_that_hooks_refuse_is_refused_here_too(client: FlaskClient, foot_drop: dict[str, Any]) -> None:
    for body in ({}, {**foot_drop, "hook": "appointment-book"}):
        reply = client.post("/simulator/verdicts", json=body)
        assert reply.status_code == 400
        assert reply.get_json()["resourceType"] == "OperationOutcome"
    assert client.post("/simulator/record", data="{}", content_type="text/plain").status_code == 415
    assert client.post("/simulator/record", data="[]", content_type="application/json").status_code == 400


def test_what_can_be_ordered_is_valid_fhir() -> None:
    choices = [choice for group in order_menu.orders().values() for choice in group]
    assert {"order.mri-lumbar", "order.emg-ncs", "order.afo", "medication.gabapentin"} <= {each.key for each in choices}
    assert {choice.resource["resourceType"] for choice in choices} == {
        "ServiceRequest",
        "DeviceRequest",
        "MedicationRequest",
    }
    for choice in choices:
        assert r4_fault({**choice.resource, "subject": {"reference": "Patient/1"}}) is None, choice.key


PATIENT = {"resourceType": "Patient", "id": "p1", "name": [{"given": ["Ada"], "family": "Byron"}]}
CONDITION = {
    "resourceType": "Condition",
    "id": "c1",
    "subject": {"reference": "Patient/p1"},
    "code": {"text": "Dropped foot"},
}


def test_patients_of_a_fhir_server_are_listed_and_opened(client: FlaskClient) -> None:
    with FhirServer([PATIENT, CONDITION]) as server:
        listed = page(client, f"/simulator?server={server.base}")
        assert "Ada Byron" in listed
        assert "1 patient on" in listed
        server.misbehave("ServiceRequest", status=503)
        html = page(client, f"/simulator/patient?server={server.base}&id=p1")
        assert "Dropped foot" in html
        start = json.loads(html.partition('id="start">')[2].partition("</script>")[0])
        assert "503" in start["faults"]["ServiceRequest"]
        assert start["server"] == server.base
        assert "404" in page(client, f"/simulator/patient?server={server.base}&id=nobody", 502)


def test_a_fhir_server_that_is_not_allowed_or_away_is_said_so(client: FlaskClient) -> None:
    html = page(client, "/simulator?server=https://fhir.elsewhere.example/r4", 502)
    assert "may not contact" in html
    with FhirServer() as server:
        base = server.base
    assert "could not be reached" in page(client, f"/simulator?server={base}", 502)


def write(client: FlaskClient, asked: dict[str, Any], **headers: str) -> TestResponse:
    """The answer to a write, as a browser sends it for a page of the service."""
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    sent = {name: value for name, value in {**own, **headers}.items() if value}
    return client.post("/simulator/write", json=asked, headers=sent)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost:3000"},
        {"Origin": "https://ehr.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "", "Sec-Fetch-Site": ""},
    ],
)
def test_only_the_simulators_own_pages_write(client: FlaskClient, headers: dict[str, str]) -> None:
    with FhirServer() as server:
        asked = {"server": server.base, "method": "DELETE", "resource": {"resourceType": "ServiceRequest", "id": "1"}}
        reply = write(client, asked, **headers)
        assert refusal(reply, 403)["code"] == "forbidden"
        assert server.asked == []


def test_a_browser_that_says_no_site_may_write(client: FlaskClient) -> None:
    asked = {"server": "https://elsewhere.example/fhir", "method": "POST", "resource": {}}
    assert write(client, asked, **{"Sec-Fetch-Site": ""}).status_code == 502


def test_an_order_that_is_sent_again_is_known_by_its_identifier(client: FlaskClient) -> None:
    base, temporary = "http://localhost:8090/fhir", "0d9b8ac5-8f5a-4c44-9d1b-3f7f7a0a8f11"
    with responses.RequestsMock() as net:
        net.post(f"{base}/ServiceRequest", json={"resourceType": "ServiceRequest", "id": "17"}, status=201)
        order = {"resourceType": "ServiceRequest", "id": temporary}
        assert write(client, {"server": base, "method": "POST", "resource": order}).status_code == 200
        asked = net.calls[0].request
    known = {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{temporary}"}
    assert json.loads(asked.body or "")["identifier"] == [known]
    assert asked.headers["If-None-Exist"] == f"identifier={known['system']}|{known['value']}"


def test_an_order_that_was_stored_and_has_changed_since_is_replaced(client: FlaskClient) -> None:
    base, temporary = "http://localhost:8090/fhir", "0d9b8ac5-8f5a-4c44-9d1b-3f7f7a0a8f11"
    order = {"resourceType": "ServiceRequest", "id": temporary, "priority": "stat"}
    with responses.RequestsMock() as net:
        net.post(f"{base}/ServiceRequest", json={**order, "id": "17", "priority": "routine"}, status=200)
        net.put(f"{base}/ServiceRequest/17", json={**order, "id": "17"})
        made = write(client, {"server": base, "method": "POST", "resource": order})
        assert made.get_json() == {**order, "id": "17"}
        assert json.loads(net.calls[1].request.body or "")["priority"] == "stat"


@pytest.mark.parametrize(("status", "answered"), [(404, 200), (410, 200), (403, 502), (500, 502)])
def test_what_is_gone_already_is_removed(client: FlaskClient, status: int, answered: int) -> None:
    base, order = "http://localhost:8090/fhir", {"resourceType": "ServiceRequest", "id": "17"}
    with responses.RequestsMock() as net:
        net.delete(f"{base}/ServiceRequest/17", status=status)
        assert write(client, {"server": base, "method": "DELETE", "resource": order}).status_code == answered


def test_an_order_is_filed_on_the_fhir_server_under_an_id_of_its_own(client: FlaskClient) -> None:
    base, order = "http://localhost:8090/fhir", {"resourceType": "ServiceRequest", "id": "temporary"}
    stored = {**order, "id": "17"}
    with responses.RequestsMock() as net:
        net.post(f"{base}/ServiceRequest", json=stored, status=201)
        net.put(f"{base}/ServiceRequest/17", json=stored)
        net.delete(f"{base}/ServiceRequest/17", status=204)
        made = write(client, {"server": base, "method": "POST", "resource": order})
        assert made.get_json() == stored
        assert json.loads(net.calls[0].request.body or "") == {"resourceType": "ServiceRequest"}
        for method in ("PUT", "DELETE"):
            reply = write(client, {"server": base, "method": method, "resource": stored})
            assert reply.status_code == 200


@pytest.mark.parametrize(
    ("server", "method", "kind"),
    [
        ("https://elsewhere.example/fhir", "POST", "ServiceRequest"),
        ("http://localhost:8090/fhir", "PATCH", "ServiceRequest"),
        ("http://localhost:8090/fhir", "DELETE", "Patient"),
        ("http://localhost:8090/fhir", "PUT", "../admin"),
    ],
)
def test_other_things_are_not_written(client: FlaskClient, server: str, method: str, kind: str) -> None:
    asked = {"server": server, "method": method, "resource": {"resourceType": kind, "id": "1"}}
    reply = write(client, asked)
    assert reply.status_code == 502
    assert reply.get_json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("redirects by 302", "answered 302"),
        ("nests arrays", "something other than JSON"),
        ("is a list", "something other than a resource"),
        ("is 20 MiB of blanks", "larger than the limit"),
        ("is gzip, and does not say so", "something other than JSON"),
        ("resets in the body", "broke off its answer"),
    ],
)
def test_a_bad_fhir_server_breaks_no_page(client: FlaskClient, kind: str, words: str) -> None:
    with BadServer(KINDS[kind]) as server:
        reply = client.get(f"/simulator?server={server.base}")
    assert reply.status_code == 502
    assert words in reply.text
