"""The requirements of CDS Hooks, each with the test that shows it, and tests that belong in no other file."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from flask.testing import FlaskClient

from tests.support import vignettes
from tests.support.fhir_server import FhirServer
from tests.support.patients import FOOT_DROP, NOW, Ask
from tests.support.places import ROOT
from tests.support.r4 import empties

Json = dict[str, Any]
TABLE = tomllib.loads((Path(__file__).parent / "requirements.toml").read_text(encoding="utf-8"))["requirement"]
ROWS = range(1, 140)
WAYS = {"test", "overruled", "not_applicable", "later"}
# The served hooks of the catalogue, with the context fields that may occur in a prefetch token.
TOKENS = {
    hook: {"userId", "patientId", "encounterId"}
    for hook in ("patient-view", "order-select", "order-sign", "problem-list-item-create", "encounter-discharge")
}
EVERY = [(hook, {**FOOT_DROP, "draftOrders": []}) for hook in TOKENS]


# ---- the table ----


def test_every_requirement_has_its_row() -> None:
    assert [row["number"] for row in TABLE] == list(ROWS)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row['number']} {row['text'][:40]}")
def test_a_requirement_is_shown_or_says_why_not(row: Json) -> None:
    assert row["text"].strip()
    ways = row.keys() - {"number", "text"}
    assert ways <= WAYS
    assert len(ways) == 1 or ways == {"test", "overruled"}, "a test may show what a decision leaves of it"
    assert all(row[way].strip() for way in ways)
    assert re.match(r"D\d+: ", row.get("overruled", "D1: ")), "which decision"
    if "test" in row:
        path, _, name = row["test"].partition("::")
        assert name in _functions(path), row["test"]


@cache
def _functions(path: str) -> set[str]:
    """The tests of a file, with those of a class under its name."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for group in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        found |= {f"{group.name}::{node.name}" for node in group.body if isinstance(node, ast.FunctionDef)}
    return {name for name in found if name.rpartition("::")[2].startswith("test_")}


# ---- discovery and prefetch templates ----


@pytest.fixture
def services(client: FlaskClient) -> list[Json]:
    """The services that discovery lists."""
    found: list[Json] = client.get("/cds-services").get_json()["services"]
    return found


def test_discovery_is_json_with_strings_alone(client: FlaskClient, services: list[Json]) -> None:
    assert client.get("/cds-services").mimetype == "application/json"
    assert set(client.get("/cds-services").get_json()) == {"services"}
    for service in services:
        assert all(isinstance(value, str) and value for name, value in service.items() if name != "prefetch")
        assert all(isinstance(query, str) and query for query in service["prefetch"].values())
        assert service["prefetch"]
        assert service["hook"] in TOKENS
    pairs = [(service["id"], service["hook"]) for service in services]
    assert len(set(pairs)) == len(pairs)
    assert empties(services) == []


def test_every_service_answers_at_its_id(client: FlaskClient, services: list[Json]) -> None:
    for service in services:
        request = vignettes.request(FOOT_DROP, service["hook"], NOW)
        assert client.post(f"/cds-services/{service['id']}", json=request).status_code == 200


def test_a_prefetch_token_is_a_context_field_that_the_hook_allows(services: list[Json]) -> None:
    for service in services:
        for query in service["prefetch"].values():
            tokens = re.findall(r"\{\{([^{}]*)\}\}", query)
            assert "{" not in re.sub(r"\{\{[^{}]*\}\}", "", query)
            assert "}" not in re.sub(r"\{\{[^{}]*\}\}", "", query)
            assert tokens
            assert {token.partition(".")[0] for token in tokens} == {"context"}
            assert {token.partition(".")[2] for token in tokens} <= TOKENS[service["hook"]]


def test_a_prefetch_query_is_a_read_or_a_plain_search(services: list[Json]) -> None:
    for service in services:
        for key, query in service["prefetch"].items():
            kind, mark, search = query.partition("?")
            if not mark:
                assert re.fullmatch(r"[A-Z][A-Za-z]+/\{\{context\.\w+\}\}", query), key
                continue
            names = [name for name, _ in parse_qsl(search, strict_parsing=True)]
            assert re.fullmatch(r"[A-Z][A-Za-z]+", kind)
            assert set(names) <= {"patient", "code", "_count"}, "no modifier, chain, include or sort"
            assert len(names) == len(set(names))


# ---- requests ----


def test_the_smallest_request_is_served(client: FlaskClient, services: list[Json]) -> None:
    for service in services:
        context: Json = {"userId": "Practitioner/d1", "patientId": "p1"}
        if service["hook"].startswith("order"):
            context |= {"draftOrders": {"resourceType": "Bundle"}, "selections": []}
        if service["hook"] == "problem-list-item-create":
            context["conditions"] = {"resourceType": "Bundle"}
        request = {"hook": service["hook"], "hookInstance": "one", "context": context}
        assert client.post(f"/cds-services/{service['id']}", json=request).status_code == 412


@pytest.mark.parametrize(("hook", "facts"), EVERY, ids=[hook for hook, _ in EVERY])
def test_members_that_nobody_knows_change_nothing(ask: Ask, hook: str, facts: Json) -> None:
    request = vignettes.request(facts, hook, NOW)
    more: Json = {"extension": {"com.example.own": {"x": [1, None]}}, "junk": None, "vendor": {"a": [{}]}}
    strange = {**request, **more, "context": {**request["context"], **more}}
    strange["prefetch"] = {**request["prefetch"], "alien": {"resourceType": "Basic"}, "other": 7}
    assert _topics(ask(strange)) == _topics(ask(request))


def _topics(reply: Any) -> list[tuple[str, str]]:
    assert reply.status_code == 200, reply.text
    return [(card["source"]["topic"]["code"], card["indicator"]) for card in reply.get_json()["cards"]]


@pytest.mark.parametrize("user", ["Practitioner/1", "PractitionerRole/1", "Patient/p1", "RelatedPerson/1", "1", None])
@pytest.mark.parametrize(("hook", "facts"), EVERY, ids=[hook for hook, _ in EVERY])
def test_whoever_asks_is_answered(ask: Ask, hook: str, facts: Json, user: str | None) -> None:
    request = vignettes.request(facts, hook, NOW)
    plain = _topics(ask(request))
    request["context"]["userId"] = user
    if user is None:
        del request["context"]["userId"]
    assert _topics(ask(request)) == plain


def test_a_fhir_server_without_a_token_is_no_fault(client: FlaskClient, foot_drop: Json) -> None:
    held = [each for found in vignettes.records(FOOT_DROP, NOW).values() for each in found]
    with FhirServer(held) as server:
        reply = client.post(
            "/cds-services/foot-drop-patient-view", json={**foot_drop, "prefetch": {}, "fhirServer": server.base}
        )
        assert _topics(reply)
        assert not [each for each in server.requests if "Authorization" in each.headers]


def test_tokens_of_two_requests_never_mix_and_nothing_follows_the_answer(ask: Ask, foot_drop: Json) -> None:
    held = [each for found in vignettes.records(FOOT_DROP, NOW).values() for each in found]
    with FhirServer(held, token="one") as first, FhirServer(held, token="two") as second:
        for server in (first, second, first):
            token = {"access_token": server.token, "token_type": "Bearer", "expires_in": 300}
            asked = {**foot_drop, "prefetch": {}, "fhirServer": server.base, "fhirAuthorization": token}
            assert _topics(ask(asked))
        seen = {each.headers.get("Authorization") for each in first.requests}
        assert seen == {"Bearer one"}
        assert {each.headers.get("Authorization") for each in second.requests} == {"Bearer two"}
        count = len(second.requests)
        assert _topics(ask(foot_drop))
        assert len(second.requests) == count


def test_an_outcome_among_the_entries_is_no_data(ask: Ask, foot_drop: Json) -> None:
    plain = _topics(ask(foot_drop))
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "informational"}]}
    for key in ("conditions", "observations"):
        foot_drop["prefetch"][key]["entry"].append({"resource": outcome, "search": {"mode": "outcome"}})
    assert _topics(ask(foot_drop)) == plain
