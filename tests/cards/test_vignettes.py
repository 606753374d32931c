"""The vignettes through HTTP: the exact cards, in every encoding, from prefetch and from a FHIR server.

What is expected was written down apart from the service: here its answers are judged, not compared with stored ones.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from flask.testing import FlaskClient

from cards.rule_book import rule_book
from service.hooks import HOOKS
from tests.support import vignettes
from tests.support.fhir_server import FhirServer
from tests.support.known import of_known_rules
from tests.support.patients import NOW
from tests.support.places import DATA

RULES = rule_book().rules

ALL = json.loads((DATA / "vignettes.json").read_text(encoding="utf-8"))
SERVED = [vignette for vignette in ALL if vignette["hook"] in HOOKS]
ENCODINGS = range(6)

served = pytest.mark.parametrize("vignette", SERVED, ids=lambda vignette: f"{vignette['id']} {vignette['title']}")


def _wanted(vignette: dict[str, Any]) -> dict[str, str]:
    return {each["card"]: each["indicator"] for each in vignette["expect"] if each["card"] in RULES}


def _cards(client: FlaskClient, request: dict[str, Any]) -> dict[str, str]:
    answer = client.post(f"/cds-services/foot-drop-{request['hook']}", json=request)
    assert answer.status_code == 200, answer.text
    shown = of_known_rules(answer.get_json())["cards"]
    return {card["source"]["topic"]["code"]: card["indicator"] for card in shown}


@served
def test_from_prefetch(client: FlaskClient, vignette: dict[str, Any]) -> None:
    assert _cards(client, vignettes.request(vignette["facts"], vignette["hook"], NOW)) == _wanted(vignette)


@pytest.mark.parametrize(
    "seed",
    [
        ENCODINGS[0],
        pytest.param(ENCODINGS[1], marks=pytest.mark.slow),
        *(pytest.param(seed, marks=pytest.mark.long) for seed in ENCODINGS[2:]),
    ],
)
@served
def test_in_any_encoding(client: FlaskClient, vignette: dict[str, Any], seed: int) -> None:
    request = vignettes.request(vignette["facts"], vignette["hook"], NOW, choose=Random(f"{vignette['id']} {seed}"))
    assert _cards(client, request) == _wanted(vignette)


@served
def test_from_a_fhir_server(client: FlaskClient, vignette: dict[str, Any]) -> None:
    request = vignettes.request(vignette["facts"], vignette["hook"], NOW)
    del request["prefetch"]
    held = [each for found in vignettes.records(vignette["facts"], NOW).values() for each in found]
    with FhirServer(held) as server:
        assert _cards(client, request | {"fhirServer": server.base}) == _wanted(vignette)
        assert server.requests


def test_every_vignette_of_a_served_hook_is_run() -> None:
    assert len(ALL) == 70
    assert {vignette["id"] for vignette in ALL if vignette["hook"] in HOOKS} == {vignette["id"] for vignette in SERVED}
