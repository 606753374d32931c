"""Requests that are right in the main and odd in a part: what is refused, and what costs nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.patients import Ask
from tests.support.refusals import refusal

URL = "/cds-services/foot-drop-patient-view"


def test_a_record_of_another_patient_is_422_and_nothing_of_it_is_said(ask: Ask, foot_drop: dict[str, Any]) -> None:
    subject = foot_drop["prefetch"]["conditions"]["entry"][0]["resource"]["subject"]
    for reference in ("Patient/secret-9", "https://ehr.example/fhir/Patient/secret-9/_history/2"):
        subject["reference"] = reference
        reply = ask(foot_drop)
        refusal(reply, 422)
        assert "secret-9" not in reply.get_data(as_text=True)


def test_a_required_key_that_is_nowhere_is_412_and_named(ask: Ask, foot_drop: dict[str, Any]) -> None:
    del foot_drop["prefetch"]["observations"]
    issue = refusal(ask(foot_drop), 412)
    assert issue["expression"] == ["prefetch.observations"]
    assert "observations" in issue["diagnostics"]
    del foot_drop["prefetch"]
    refusal(ask(foot_drop), 412)


def test_null_is_known_to_be_empty(ask: Ask, no_foot_drop: dict[str, Any]) -> None:
    no_foot_drop["prefetch"] = dict.fromkeys(no_foot_drop["prefetch"])
    assert ask(no_foot_drop).get_json() == {"cards": []}


@pytest.mark.parametrize(
    "odd",
    [
        "<html><body>502 Bad Gateway</body></html>",
        17,
        True,
        ["x"],
        {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "security"}]},
        {"resourceType": "Patient", "id": "p1"},
        {"resourceType": 4},
        {},
    ],
    ids=repr,
)
def test_an_odd_key_never_costs_the_others(ask: Ask, foot_drop: dict[str, Any], odd: Any) -> None:
    foot_drop["prefetch"]["orders"] = odd
    cards = ask(foot_drop).get_json()["cards"]
    lumbar = next(card for card in cards if card["source"]["topic"]["code"] == "lumbar-mri")
    assert "Orders could not be read: check that this is not ordered already." in lumbar["detail"]
    foot_drop["prefetch"]["conditions"] = odd
    refusal(ask(foot_drop), 412)


def test_one_bad_entry_never_costs_the_others(ask: Ask, foot_drop: dict[str, Any]) -> None:
    before = [card["summary"] for card in ask(foot_drop).get_json()["cards"]]
    entries = foot_drop["prefetch"]["conditions"]["entry"]
    entries.insert(0, {"resource": {"resourceType": "Condition", "code": 7, "onsetDateTime": 3}})
    entries.insert(1, {"resource": "<html>"})
    assert [card["summary"] for card in ask(foot_drop).get_json()["cards"]] == before


def test_mistyped_members_that_nobody_needs_are_absent(ask: Ask, foot_drop: dict[str, Any]) -> None:
    before = [card["summary"] for card in ask(foot_drop).get_json()["cards"]]
    foot_drop |= {"fhirServer": 3, "fhirAuthorization": "x", "user": [], "extension": 1}
    foot_drop["context"] |= {"userId": 1, "encounterId": {}, "selections": {"a": 1}}
    assert [card["summary"] for card in ask(foot_drop).get_json()["cards"]] == before


def test_unknown_members_are_ignored(ask: Ask, foot_drop: dict[str, Any]) -> None:
    before = [card["summary"] for card in ask(foot_drop).get_json()["cards"]]
    foot_drop |= {"extension": {"com.example": {}}, "patient": "x"}
    foot_drop["context"] |= {"appointments": {}}
    foot_drop["prefetch"] |= {"alien": {"resourceType": "Patient", "id": "someone-else"}}
    assert [card["summary"] for card in ask(foot_drop).get_json()["cards"]] == before


def test_of_duplicate_members_the_last_wins(client: FlaskClient, no_foot_drop: dict[str, Any]) -> None:
    body = json.dumps(no_foot_drop)
    first = '{"hook": 7, "context": {"patientId": "someone-else"}, '
    reply = client.post(URL, data=first + body[1:], content_type="application/json")
    assert reply.get_json() == {"cards": []}


@pytest.mark.parametrize("patient_id", ["Patient/p1", " p1 ", "https://ehr.example/fhir/Patient/p1"])
def test_the_patient_may_be_named_by_reference(ask: Ask, foot_drop: dict[str, Any], patient_id: str) -> None:
    foot_drop["context"]["patientId"] = patient_id
    assert ask(foot_drop).get_json()["cards"]


@pytest.mark.parametrize(
    "patient_id",
    [
        "p1&_id=p2",
        "../Condition/c1",
        "Patient/p1/Patient/p2",
        "Patient/p1?x=1",
        "p1#x",
        "p 1",
        "p_1",
        "p1\x1b[2J",
        "é",
        "x" * 65,
        "urn:uuid:2c1f2a0e-0000-4000-8000-000000000000",
        "https://ehr.example/fhir/Patient/p1/Condition/c1",
    ],
)
def test_a_patient_id_that_is_no_fhir_id_is_refused(ask: Ask, foot_drop: dict[str, Any], patient_id: str) -> None:
    """It would be the subject of the suggested orders, and a part of the addresses that are read."""
    foot_drop["context"]["patientId"] = patient_id
    issue = refusal(ask(foot_drop), 400)
    assert issue["expression"] == ["context.patientId"]
    assert "is not a FHIR id" in issue["diagnostics"]
    assert patient_id not in issue["diagnostics"]


@pytest.mark.parametrize("instance", ["x", "urn:uuid:1", "D1577C69-DFBE-44AD-BA6D-3E05E953B2EA"])
def test_any_hook_instance_will_do_and_may_come_again(ask: Ask, no_foot_drop: dict[str, Any], instance: str) -> None:
    no_foot_drop["hookInstance"] = instance
    assert [ask(no_foot_drop).status_code for _ in range(2)] == [200, 200]


def test_a_token_without_a_server_is_ignored(ask: Ask, no_foot_drop: dict[str, Any]) -> None:
    no_foot_drop["fhirAuthorization"] = {"access_token": "t", "token_type": "Bearer", "expires_in": 300}
    assert ask(no_foot_drop).status_code == 200


def test_a_token_that_comes_is_not_refused_in_development(ask: Ask, no_foot_drop: dict[str, Any]) -> None:
    assert ask(no_foot_drop, headers={"Authorization": "Bearer dummy"}).status_code == 200


def test_a_merged_patient_costs_no_card_and_each_says_what_may_be_filed_elsewhere(
    ask: Ask, foot_drop: dict[str, Any]
) -> None:
    before = [card["summary"] for card in ask(foot_drop).get_json()["cards"]]
    foot_drop["prefetch"]["patient"]["link"] = [{"other": {"reference": "Patient/p2"}, "type": "replaced-by"}]
    cards = ask(foot_drop).get_json()["cards"]
    assert len(cards) == len(before)
    lumbar = next(card for card in cards if card["source"]["topic"]["code"] == "lumbar-mri")
    assert "Orders could not be read: check that this is not ordered already." in lumbar["detail"]


def nested(levels: int) -> Any:
    """An element that no rule reads, this many levels deep."""
    value: Any = {"valueString": "deep"}
    for _ in range(levels):
        value = [value]
    return value


def post_nested(client: FlaskClient, request: dict[str, Any], levels: int) -> TestResponse:
    """The answer to a request with a member that no rule reads, this many levels deep."""
    body = json.dumps(request).encode()[:-1] + b', "extension": ' + b"[" * levels + b"]" * levels + b"}"
    return client.post(URL, data=body, content_type="application/json")


@pytest.mark.parametrize(("levels", "padding"), [(2_000, 0), (200_000, 0), (200_000, 1_000_000)])
def test_a_body_nested_beyond_reading_is_refused_whatever_its_size(
    client: FlaskClient, foot_drop: dict[str, Any], levels: int, padding: int
) -> None:
    foot_drop["note"] = "x" * padding
    assert "nested" in refusal(post_nested(client, foot_drop, levels), 400)["diagnostics"]


def test_two_thousand_levels_that_nobody_reads_are_refused_in_a_large_body_or_cost_nothing(
    client: FlaskClient, foot_drop: dict[str, Any]
) -> None:
    """Python 3.11 and 3.12 recurse less deep; 3.13 passes over them."""
    plain = [card["summary"] for card in client.post(URL, json=foot_drop).get_json()["cards"]]
    foot_drop["note"] = "x" * 1_000_000
    reply = post_nested(client, foot_drop, 2_000)
    if reply.status_code == 200:
        assert [card["summary"] for card in reply.get_json()["cards"]] == plain
    else:
        assert "nested" in refusal(reply, 400)["diagnostics"]


def test_in_a_large_body_what_nobody_reads_may_be_nested_and_costs_nothing(ask: Ask, foot_drop: dict[str, Any]) -> None:
    plain = [card["summary"] for card in ask(foot_drop).get_json()["cards"]]
    for key in ("conditions", "observations"):
        for entry in foot_drop["prefetch"][key]["entry"]:
            entry["resource"]["note"] = nested(500)
    refusal(ask(foot_drop), 400)
    foot_drop["note"] = "x" * 1_000_000
    assert [card["summary"] for card in ask(foot_drop).get_json()["cards"]] == plain
