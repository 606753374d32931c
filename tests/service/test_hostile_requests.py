"""No shape of a request costs more than its size, and what cannot be read of it costs itself alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.app import create_app
from service.settings import Settings
from tests.support import hostile, vignettes
from tests.support.hostile.cost import Cost
from tests.support.hostile.growing import record
from tests.support.patients import FOOT_DROP, NOW, Ask

SMALL = 64 * 1024


@pytest.fixture(scope="module")
def cost(app: Flask) -> Cost:
    return Cost(app)


@pytest.fixture(scope="module")
def ordinary(cost: Cost) -> float:
    return cost.of_ordinary(SMALL)


@pytest.mark.parametrize("shape", hostile.shapes())
def test_a_hostile_request_costs_what_an_ordinary_one_does(cost: Cost, ordinary: float, shape: str) -> None:
    assert cost.is_dear(shape, SMALL, ordinary) == ""


def test_there_are_many_shapes_and_each_is_as_large_as_asked() -> None:
    sizes = {name: len(body(SMALL)) for name, body in hostile.shapes().items()}
    assert len(sizes) >= 60
    assert {name: size for name, size in sizes.items() if not SMALL * 0.7 < size < SMALL * 1.2} == {}


def _rules(reply: TestResponse) -> list[str]:
    assert reply.status_code == 200, reply.text
    return [card["source"]["topic"]["code"] for card in json.loads(reply.data)["cards"]]


def _with(request: dict[str, Any], key: str, *resources: dict[str, Any]) -> dict[str, Any]:
    bundle = request["prefetch"][key]
    bundle["entry"] += [{"resource": one | {"id": f"x{number}"}} for number, one in enumerate(resources)]
    bundle["total"] = len(bundle["entry"])
    return request


def _foot_drop(hook: str = "patient-view", **more: Any) -> dict[str, Any]:
    return vignettes.request(FOOT_DROP | more, hook, NOW)


def _details(reply: TestResponse) -> str:
    return "\n".join(card["detail"] for card in json.loads(reply.data)["cards"])


# More records than are read


def test_of_too_many_records_the_newest_are_read_and_the_cards_say_so() -> None:
    old = record("observations", code="sbp", value=120, daysAgo=900)
    client = create_app(Settings(max_records=50), now=NOW, dev=True).test_client()
    request = _with(_foot_drop(), "observations", *[old] * 60)
    reply = client.post("/cds-services/foot-drop-patient-view", json=request)
    assert "lumbar-mri" in _rules(reply)
    assert "Examination findings and results could not be read" in _details(reply)


def test_an_implant_is_never_left_out_for_being_without_a_date() -> None:
    newer = record("observations", code="sbp", value=120, daysAgo=0)
    client = create_app(Settings(max_records=50), now=NOW, dev=True).test_client()
    request = _with(_foot_drop(devices=[{"code": "cardiac-pacemaker"}]), "observations", *[newer] * 60)
    request["prefetch"]["conditions"]["entry"][0]["resource"] |= {"onsetDateTime": "2026-03-02T10:00:00Z"}
    assert "mri-contraindication" in _rules(client.post("/cds-services/foot-drop-patient-view", json=request))


def test_no_flood_of_implants_hides_the_foot_drop() -> None:
    client = create_app(Settings(max_records=50), now=NOW, dev=True).test_client()
    request = _with(_foot_drop(), "devices", *[record("devices", code="cochlear-implant")] * 60)
    assert "lumbar-mri" in _rules(client.post("/cds-services/foot-drop-patient-view", json=request))


def test_with_as_many_records_as_are_read_no_card_says_that_some_are_missing(ask: Ask) -> None:
    old = record("observations", code="sbp", value=120, daysAgo=900)
    assert "could not be read" not in _details(ask(_with(_foot_drop(), "observations", *[old] * 60)))


# More findings of a kind than anybody has


def test_the_newest_answer_of_each_kind_counts_however_many_others_are_newer(ask: Ask) -> None:
    """Grade 4 ten days ago, and 300 times grade 2 since: strength was lost."""
    newer = record("observations", code="mrc-ankle-dorsiflexion", value=2, side="right", daysAgo=1)
    before = record("observations", code="mrc-ankle-dorsiflexion", value=4, side="right", daysAgo=10)
    reply = ask(_with(_foot_drop(observations=[]), "observations", before, *[newer] * 300))
    assert "worsening: MRC 4 to 2 in 9 days" in reply.text


def test_the_newest_of_many_codes_counts(ask: Ask) -> None:
    """300 old codes of bladder trouble, then one of this week."""
    old = record("conditions", code="bladder-dysfunction", onsetDaysAgo=400)
    new = record("conditions", code="bladder-dysfunction", onsetDaysAgo=2)
    assert "cauda-equina-emergency" in _rules(ask(_with(_foot_drop(), "conditions", *[old] * 300, new)))


def test_an_order_that_answers_is_kept_among_many_that_were_withdrawn(ask: Ask) -> None:
    withdrawn = record("serviceRequests", code="mri-lumbar", status="revoked", daysAgo=0)
    placed = record("serviceRequests", code="mri-lumbar", priority="urgent", daysAgo=3)
    assert "lumbar-mri" in _rules(ask(_with(_foot_drop(), "orders", *[withdrawn] * 300)))
    assert "lumbar-mri" not in _rules(ask(_with(_foot_drop(), "orders", *[withdrawn] * 300, placed)))


def test_the_highest_dose_is_judged_among_many_drafts(ask: Ask) -> None:
    low = {"resourceType": "MedicationRequest", "code": "gabapentin", "dailyDoseMg": 300}
    drafts = [low | {"id": f"d{number}"} for number in range(250)]
    drafts.append(low | {"id": "high", "dailyDoseMg": 9000})
    reply = ask(_foot_drop("order-sign", draftOrders=drafts))
    assert "9000 mg/day exceeds" in json.loads(reply.data)["cards"][0]["summary"]


# What cannot be read


@pytest.mark.parametrize(
    "number",
    [
        "1e309",
        "1e999",
        pytest.param("1" * 400, id="400 digits"),
        pytest.param("1" * 5000, id="5000 digits"),
        pytest.param("-" + "1" * 5000, id="below zero"),
    ],
)
def test_a_number_without_end_costs_no_card(client: FlaskClient, ask: Ask, number: str) -> None:
    plain = _rules(ask(_foot_drop()))
    for key, resource in (
        ("medications", _prescribed({"frequency": "#", "period": 1, "periodUnit": "d"})),
        ("medications", _prescribed({"frequency": 1, "period": "#", "periodUnit": "d"})),
        ("observations", record("observations", code="egfr", value=90, daysAgo=1) | {"valueInteger": "#"}),
        ("observations", record("observations", code="egfr", value=90) | {"valueQuantity": {"value": "#"}}),
    ):
        text = json.dumps(_with(_foot_drop(), key, resource)).replace('"#"', number)
        assert _rules(_post(client, text, "patient-view")) == plain


@pytest.mark.parametrize("number", ["1e309", pytest.param("1" * 5000, id="5000 digits")])
@pytest.mark.parametrize("member", ["onsetDateTime", "id", "note", "bodySite"])
def test_a_number_without_end_in_a_new_problem_costs_no_card(client: FlaskClient, member: str, number: str) -> None:
    request = _foot_drop("problem-list-item-create", newConditions=[{"code": "foot-drop", "side": "right"}])
    request["context"]["conditions"]["entry"][0]["resource"][member] = "#"
    text = json.dumps(request).replace('"#"', number)
    assert "lumbar-mri" in _rules(_post(client, text, "problem-list-item-create"))


def _prescribed(repeat: dict[str, Any]) -> dict[str, Any]:
    amount = {"doseAndRate": [{"doseQuantity": {"value": 300, "unit": "mg", "code": "mg"}}]}
    instructions = [{"timing": {"repeat": repeat}} | amount]
    return record("medications", code="ibuprofen") | {"dosageInstruction": instructions}


def _post(client: FlaskClient, text: str, hook: str) -> TestResponse:
    return client.post(f"/cds-services/foot-drop-{hook}", data=text, content_type="application/json")


def test_of_too_many_entries_that_do_not_fit_the_rest_counts_as_unread(client: FlaskClient) -> None:
    """20,001 misfits before the foot drop: no silence rests on the part that was read."""
    request = _foot_drop()
    entries = request["prefetch"]["conditions"]["entry"]
    text = json.dumps(request | {"prefetch": request["prefetch"] | {"conditions": {"resourceType": "Bundle"}}})
    misfits = '{"resource":{"resourceType":"Condition","id":5}},' * 20_001
    bundle = f'{{"resourceType": "Bundle", "entry": [{misfits}{json.dumps(entries)[1:]}}}'
    reply = _post(client, text.replace('{"resourceType": "Bundle"}', bundle), "patient-view")
    assert "lumbar-mri" in _rules(reply)
    assert "The problem list could not be read" in _details(reply)
