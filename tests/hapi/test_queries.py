"""HAPI answers every prefetch template, and the cards are the same from prefetch and from HAPI."""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from service import examples
from service.hooks import HOOKS
from tests.hapi.asking import ONE_A_HOOK, ask, encoded, example, queries, without_prefetch
from tests.hapi.hapi import Hapi
from tests.support.sampling import one_in

Json = dict[str, Any]

NAMES = list(examples.names())


def get(hapi: Hapi, query: str) -> Json:
    """The answer to a query that no library has rewritten."""
    connection = http.client.HTTPConnection("127.0.0.1", hapi.port, timeout=60)
    try:
        connection.request("GET", f"/fhir/{query}", headers={"Accept": "application/fhir+json"})
        answer: Json = json.loads(connection.getresponse().read())
        return answer
    finally:
        connection.close()


def ids(answer: Json | None) -> set[str]:
    """The contents of an answer or a prefetch value, as types and ids."""
    if answer is None:
        return set()
    found = [each["resource"] for each in answer.get("entry", ())] if answer["resourceType"] == "Bundle" else [answer]
    return {f"{each['resourceType']}/{each['id']}" for each in found}


@pytest.mark.parametrize(
    ("name", "written"), [*one_in(3, ((name, str) for name in NAMES)), *((name, encoded) for name in ONE_A_HOOK)]
)
def test_every_template_brings_what_the_prefetch_of_the_example_holds(hapi: Hapi, name: str, written: Any) -> None:
    request = example(name).request
    asked = {key: written(query) for key, query in queries(request).items()}
    for key, query in asked.items():
        assert ids(get(hapi, query)) == ids(request["prefetch"].get(key)), key
    log = hapi.asked()
    assert [each.url for each in log] == list(asked.values())
    assert {each.status for each in log} == {200}


def test_the_examples_call_every_service() -> None:
    assert {example(name).request["hook"] for name in ONE_A_HOOK} == set(HOOKS)


@pytest.mark.parametrize(
    ("name", "host"),
    [*one_in(3, ((name, "127.0.0.1") for name in NAMES), start=1), *((name, "localhost") for name in ONE_A_HOOK)],
)
def test_the_cards_are_the_same_from_prefetch_and_from_the_server(
    hapi: Hapi, service: FlaskClient, name: str, host: str
) -> None:
    wanted = example(name)
    base = f"http://{host}:{hapi.port}/fhir"
    answer = ask(service, without_prefetch(wanted.request, base))
    assert answer == ask(service, wanted.request) == wanted.response
    # One query per template, as it is written: nothing else is queried, and nothing twice.
    assert sorted(each.url for each in hapi.asked()) == sorted(queries(wanted.request).values())
