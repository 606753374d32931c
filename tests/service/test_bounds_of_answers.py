"""However large a request is, its answer is not; what is too much of it is left out, and the card is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cards.language.verdict import Card, Indicator, Plan, Suggestion
from cards.orders.catalogue import MOST_REASONS
from cards.orders.changes import LONGEST_DRAFT
from cards.record.facts import Evidence
from cards.record.records import LONGEST_ID
from service.app import create_app
from service.settings import RefusedSettingsError, Settings, load
from service.wire.answer import MOST_BYTES, MOST_FACTS, MOST_SUGGESTIONS
from tests.support import vignettes
from tests.support.patients import FOOT_DROP, NOW, Ask
from tests.support.r4 import faults
from tests.support.refusals import refusal
from tests.support.rules import book_with

Json = dict[str, Any]
URL = "/cds-services/foot-drop-patient-view"

MRI: Json = {
    "resourceType": "ServiceRequest",
    "id": "d1",
    "status": "draft",
    "intent": "order",
    "subject": {"reference": "Patient/p1"},
    "code": {"coding": [{"system": "http://loinc.org", "code": "30679-5"}]},
}
GABAPENTIN: Json = {
    "resourceType": "MedicationRequest",
    "id": "d1",
    "status": "draft",
    "intent": "order",
    "subject": {"reference": "Patient/p1"},
    "medicationCodeableConcept": {"text": "gabapentin"},
    "dosageInstruction": [
        {
            "timing": {"repeat": {"frequency": 3, "period": 1, "periodUnit": "d"}},
            "doseAndRate": [{"doseQuantity": {"value": 1200, "unit": "mg"}}],
        }
    ],
}
WORSE: Json = {
    **FOOT_DROP,
    "observations": [
        {"code": "mrc-ankle-dorsiflexion", "value": 4, "daysAgo": 3, "side": "left"},
        {"code": "mrc-ankle-dorsiflexion", "value": 2, "daysAgo": 0, "side": "left"},
        {"code": "egfr", "value": 45, "daysAgo": 1},
    ],
}


def drafting(*drafts: Json) -> Json:
    request = vignettes.request(WORSE, "order-select", NOW)
    entries = [{"resource": draft} for draft in drafts]
    request["context"] |= {"draftOrders": {"resourceType": "Bundle", "entry": entries}}
    request["context"].pop("selections", None)
    return request


def cards_of(reply: TestResponse) -> dict[str, Json]:
    assert reply.status_code == 200, reply.text
    return {card["source"]["topic"]["code"]: card for card in reply.get_json()["cards"]}


def actions(card: Json) -> list[Json]:
    return [action for suggestion in card.get("suggestions", ()) for action in suggestion["actions"]]


# ---- numbers that nobody can calculate with ----


@pytest.mark.parametrize("number", ["1e999", "-1e400", "9" * 5_000, "1." + "9" * 5_000, "1e-999"])
def test_a_number_that_cannot_be_sent_back_costs_the_draft_no_card(client: FlaskClient, number: str) -> None:
    body = json.dumps(drafting(MRI | {"quantityQuantity": {"value": "HERE"}})).replace('"HERE"', number)
    reply = client.post("/cds-services/foot-drop-order-select", data=body, content_type="application/json")
    assert "do-not-delay-imaging" in cards_of(reply)


@pytest.mark.parametrize("number", ["1e309", "9" * 400, "9" * 5_000, "1e999"])
@pytest.mark.parametrize("member", ["frequency", "period", "value"])
def test_a_dose_that_cannot_be_calculated_is_unknown_and_the_draft_is_judged(
    client: FlaskClient, member: str, number: str
) -> None:
    body = json.dumps(drafting(GABAPENTIN, MRI))
    body = body.replace(
        f'"{member}": {1200 if member == "value" else 3 if member == "frequency" else 1}', f'"{member}": {number}'
    )
    assert number in body
    reply = client.post("/cds-services/foot-drop-order-select", data=body, content_type="application/json")
    cards = cards_of(reply)
    assert "do-not-delay-imaging" in cards
    assert "mg/day" not in cards["gabapentinoid-safety"]["summary"]


# ---- drafts ----


def test_a_long_draft_is_judged_and_a_new_order_offered_beside_it(ask: Ask) -> None:
    (kept,) = (a for a in actions(cards_of(ask(drafting(MRI)))["do-not-delay-imaging"]) if a["type"] == "update")
    assert kept["resource"]["code"] == MRI["code"]
    long = MRI | {"note": [{"text": "x" * LONGEST_DRAFT}]}
    card = cards_of(ask(drafting(long)))["do-not-delay-imaging"]
    assert actions(card)[0]["type"] == "create"
    assert "xxx" not in json.dumps(card)


def test_of_many_drafts_ten_suggestions_are_offered_within_a_mebibyte(ask: Ask) -> None:
    many = [MRI | {"id": f"d{number}", "note": [{"text": "x" * (LONGEST_DRAFT - 1_000)}]} for number in range(60)]
    reply = ask(drafting(*many))
    assert len(reply.data) <= MOST_BYTES
    assert len(cards_of(reply)["do-not-delay-imaging"]["suggestions"]) == MOST_SUGGESTIONS


# ---- what a card carries ----


def _shown(card: Card) -> Json:
    client = create_app(now=NOW, dev=True, book=book_with({"data-check": lambda *_: card})).test_client()
    reply = client.post(URL, json=vignettes.request(FOOT_DROP, "patient-view", NOW))
    assert len(reply.data) <= MOST_BYTES
    return cards_of(reply)["data-check"]


def _card(detail: str = "Detail.", facts: int = 1, suggestions: tuple[Suggestion, ...] = ()) -> Card:
    because = tuple(Evidence(f"Condition/c{number}", text=f"Fact {number}") for number in range(facts))
    return Card(indicator=Indicator.CRITICAL, summary="Loud.", detail=detail, because=because, suggestions=suggestions)


def test_twenty_facts_a_card_and_the_first_of_them() -> None:
    card = _shown(_card(facts=500))
    (extension,) = card["extension"].values()
    assert [fact["text"] for fact in extension["facts"]] == [f"Fact {number}" for number in range(MOST_FACTS)]
    assert card["detail"].count("Fact ") == 6  # D94


def test_ten_suggestions_a_card_and_the_recommended_one_among_them() -> None:
    plan = Plan(key="order.bladder-scan", note="Note.")
    many = tuple(Suggestion(label=f"S{n}", plans=(plan,), is_recommended=n == 40) for n in range(50))
    labels = [suggestion["label"] for suggestion in _shown(_card(suggestions=many))["suggestions"]]
    assert len(labels) == MOST_SUGGESTIONS
    assert "S40" in labels


def test_ten_reasons_an_order() -> None:
    reasons = tuple(f"Condition/c{number}" for number in range(300))
    plan = Plan(key="order.bladder-scan", note="Note.", reasons=reasons)
    (action,) = actions(_shown(_card(suggestions=(Suggestion(label="S", plans=(plan,)),))))
    assert len(action["resource"]["reasonReference"]) == MOST_REASONS
    assert faults(action["resource"]) == []


@pytest.mark.parametrize("part", ["detail", "facts"])
def test_a_card_that_has_no_room_comes_without_what_is_too_long(part: str) -> None:
    card = _card(detail="x" * MOST_BYTES) if part == "detail" else _card()
    if part == "facts":
        because = tuple(Evidence(f"Condition/c{number}", text="x" * MOST_BYTES) for number in range(3))
        card = Card(indicator=Indicator.CRITICAL, summary="Loud.", detail="Detail.", because=because)
    assert _shown(card)["summary"] == "Loud."


@pytest.mark.parametrize("length", [LONGEST_ID, LONGEST_ID + 1])
def test_an_id_that_is_too_long_to_repeat_is_left_out(ask: Ask, foot_drop: Json, length: int) -> None:
    before = list(cards_of(ask(foot_drop)))
    for key in ("conditions", "observations"):
        for entry in foot_drop["prefetch"][key]["entry"]:
            entry["resource"]["id"] = "i" * length
    reply = ask(foot_drop)
    assert list(cards_of(reply)) == before
    assert ("i" * length in reply.text) == (length <= LONGEST_ID)


# ---- orders that are valid only by their shape ----


@pytest.mark.parametrize("note", [" ", "\u000b", "a\u2003b", "x" * 20_000])
def test_an_order_is_not_sent_because_another_of_its_shape_was_valid(note: str) -> None:
    for text, is_sent in (("Note.", True), (note, False)):
        plan = Plan(key="order.bladder-scan", note=text)
        shown = _shown(_card(suggestions=(Suggestion(label="S", plans=(plan,)),)))
        assert bool(actions(shown)) is is_sent


def test_the_codes_of_one_site_prove_nothing_for_another(ask: Ask, foot_drop: Json) -> None:
    sites = [create_app(Settings(codes={"order.mri-lumbar": {"urn:site": [code]}}), now=NOW, dev=True) for code in "AB"]
    for site, code in zip(sites, "AB", strict=True):
        found = cards_of(site.test_client().post(URL, json=foot_drop))["lumbar-mri"]
        codes = {coding["code"] for one in actions(found) for coding in one["resource"]["code"]["coding"]}
        assert code in codes


@pytest.mark.parametrize("code", ["TWO  SPACES", " A", "A ", "", " ", "A\tB", "A\n"])
def test_a_code_of_the_site_that_r4_forbids_is_refused_at_start_by_its_key(code: str) -> None:
    own = json.dumps({"order.mri-lumbar": {"urn:site": [code]}})
    with pytest.raises(RefusedSettingsError, match=r'codes\."order\.mri-lumbar": a code of urn:site'):
        load(None, {"FOOT_DROP_CDS_CODES": own})


@pytest.mark.parametrize("system", ["", "urn site", " urn:site"])
def test_a_system_of_the_site_that_is_no_uri_is_refused_at_start_by_its_key(system: str) -> None:
    own = json.dumps({"order.mri-lumbar": {system: ["A"]}})
    with pytest.raises(RefusedSettingsError, match=r'codes\."order\.mri-lumbar": a system'):
        load(None, {"FOOT_DROP_CDS_CODES": own})


# ---- objects, elements and defects ----


def test_a_body_of_too_many_objects_is_refused_before_anything_is_made_of_them(
    client: FlaskClient, foot_drop: Json
) -> None:
    foot_drop["prefetch"]["observations"]["entry"] = "HERE"
    body = json.dumps(foot_drop).replace('"HERE"', "[" + ",".join(["{}"] * 450_000) + "]")
    issue = refusal(client.post(URL, data=body, content_type="application/json"), 413)
    assert "JSON objects" in issue["diagnostics"]


def test_brackets_in_text_are_objects_too_but_a_text_may_be_full_of_commas(
    client: FlaskClient, foot_drop: Json
) -> None:
    foot_drop["prefetch"]["patient"]["text"] = {"div": "1,2," * 800_000}
    assert cards_of(client.post(URL, json=foot_drop))


def test_a_hundred_defects_are_kept_and_all_are_counted(foot_drop: Json, capsys: pytest.CaptureFixture[str]) -> None:
    odd = {"resource": {"resourceType": "Condition", "subject": {"reference": "Patient/p1"}, "code": 7}}
    foot_drop["prefetch"]["conditions"]["entry"] += [odd] * 3_000
    assert cards_of(create_app(now=NOW, dev=True).test_client().post(URL, json=foot_drop))
    assert json.loads(capsys.readouterr().err.splitlines()[-1])["unreadable"] >= 3_000
