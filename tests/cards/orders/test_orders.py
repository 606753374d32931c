"""What a suggestion orders: FHIR R4 that an EHR can file, whatever patient led to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from cards.language.verdict import Plan
from cards.orders.catalogue import CATALOGUE, order_resource
from cards.orders.context import OrderContext
from tests.support import r4, vignettes
from tests.support.answered import Answer, answers
from tests.support.patients import FOOT_DROP, NOW, Ask
from tests.support.r4 import ID, UUID, faults

Json = dict[str, Any]


@pytest.fixture(scope="module")
def given() -> tuple[Answer, ...]:
    """Every answer, the same for all tests of this file."""
    return answers()


def _drafts(request: Json) -> dict[str, Json]:
    bundle = request["context"].get("draftOrders", {"entry": []})
    resources = [entry["resource"] for entry in bundle["entry"]]
    return {f"{resource['resourceType']}/{resource['id']}": resource for resource in resources}


def _record(request: Json) -> set[str]:
    """The references of everything in the request."""
    bundles = [*request["prefetch"].values(), request["context"].get("conditions", {})]
    resources = [
        *(entry["resource"] for bundle in bundles for entry in bundle.get("entry", ())),
        *(bundle for bundle in bundles if bundle.get("resourceType") != "Bundle" and bundle),
    ]
    return {f"{resource['resourceType']}/{resource['id']}" for resource in resources} | set(_drafts(request))


def test_every_order_is_valid_r4(given: tuple[Answer, ...]) -> None:
    faulty: dict[str, str] = {}
    checked = set()
    for answer in given:
        for action in answer.actions():
            resource = action.get("resource")
            shape = json.dumps({**resource, "id": "x"}, sort_keys=True) if resource else ""
            if resource and shape not in checked:
                checked.add(shape)
                for fault in faults(resource, is_new=action["type"] == "create"):
                    faulty.setdefault(fault, answer.name)
    assert faulty == {}
    assert len(checked) > 200


@pytest.mark.parametrize("key", CATALOGUE)
@pytest.mark.parametrize("side", ["", "left", "right", "both"])
def test_every_line_of_the_catalogue_is_valid_r4(key: str, side: str) -> None:
    context = OrderContext(patient_id="p1", encounter_id="e1", requester="Practitioner/d1", now=NOW)
    reasons = ("Condition/c1", "Observation/o1")
    later = "2026-03-23" if key.startswith("order.") else ""
    plan = Plan(key=key, side=side, priority="urgent", note="Note.", occurrence=later, reasons=reasons)
    assert faults(order_resource(plan, context)) == []
    bare = OrderContext(patient_id="p1", encounter_id=None, requester=None, now=NOW)
    assert faults(order_resource(Plan(key=key, side=side, note="Note."), bare)) == []


def test_an_order_is_a_draft_of_the_patient_for_a_reason_on_record(given: tuple[Answer, ...]) -> None:
    for answer in given:
        record = _record(answer.request)
        for action in answer.actions():
            if action["type"] != "create":
                continue
            resource = action["resource"]
            assert resource["status"] in ("draft", "registered", "preparation"), answer.name
            assert resource.get("intent", "order") == "order"
            assert resource["subject"] == {"reference": "Patient/p1"}
            assert {reason["reference"] for reason in resource.get("reasonReference", ())} <= record, answer.name
            assert "doNotPerform" not in resource


def test_the_evidence_of_a_card_is_on_record(given: tuple[Answer, ...]) -> None:
    for answer in given:
        for card in answer.cards:
            for extension in card.get("extension", {}).values():
                pointed = {fact["reference"] for fact in extension["facts"]}
                assert pointed <= _record(answer.request), answer.name


def test_actions_name_drafts_that_exist_and_each_once(given: tuple[Answer, ...]) -> None:
    kinds: set[str] = set()
    for answer in given:
        drafts = _drafts(answer.request)
        for suggestion in _suggestions(answer.cards):
            targets = [_target(action) for action in suggestion["actions"]]
            assert len(targets) == len(set(targets)), answer.name
            for action, target in zip(suggestion["actions"], targets, strict=True):
                kinds.add(action["type"])
                assert action["description"].strip()
                assert (target in drafts) == (action["type"] != "create"), answer.name
                assert ("resource" in action) == (action["type"] != "delete")
                assert ("resourceId" in action) == (action["type"] == "delete")
    assert kinds == {"create", "update", "delete"}


def _suggestions(cards: list[Json]) -> Iterator[Json]:
    for card in cards:
        yield from card.get("suggestions", ())


def _target(action: Json) -> str:
    if "resourceId" in action:
        return str(action["resourceId"])
    return f"{action['resource']['resourceType']}/{action['resource']['id']}"


def test_an_update_is_the_whole_draft_but_for_what_changed(given: tuple[Answer, ...]) -> None:
    changed = set()
    for answer in given:
        drafts = _drafts(json.loads(json.dumps(answer.request), parse_float=str))
        for action in (action for one in _suggestions(answer.exact) for action in one["actions"]):
            if action["type"] == "update":
                sent, draft = action["resource"], drafts[_target(action)]
                different = {name for name in sent.keys() | draft.keys() if sent.get(name) != draft.get(name)}
                assert different in ({"priority"}, {"dosageInstruction"}), answer.name
                changed |= different
    assert changed == {"priority", "dosageInstruction"}


def test_ids_are_new_in_every_order(given: tuple[Answer, ...]) -> None:
    ids = [action["resource"]["id"] for answer in given for action in answer.actions() if action["type"] == "create"]
    assert len(ids) == len(set(ids))
    assert all(UUID.fullmatch(identity) and ID.fullmatch(identity) for identity in ids)


# ---- who asks, and where ----


@pytest.mark.parametrize(
    ("user", "services", "devices"),
    [
        ("Practitioner/d1", True, True),
        ("PractitionerRole/d1", True, True),
        ("Patient/p1", True, False),
        ("RelatedPerson/d1", True, False),
        ("Organization/d1", False, False),
        ("Device/d1", False, False),
        ("https://ehr.example/fhir/Practitioner/d1", False, False),
        ("Practitioner/d 1", False, False),
        ("d1", False, False),
        ("", False, False),
    ],
)
def test_the_requester_is_of_a_type_that_the_order_allows(ask: Ask, user: str, services: bool, devices: bool) -> None:
    request = vignettes.request(FOOT_DROP, "patient-view", NOW)
    request["context"]["userId"] = user
    orders = [action["resource"] for one in _suggestions(ask(request).get_json()["cards"]) for action in one["actions"]]
    kinds = {order["resourceType"]: order.get("requester") for order in orders}
    assert kinds["ServiceRequest"] == ({"reference": user} if services else None)
    assert kinds["DeviceRequest"] == ({"reference": user} if devices else None)
    assert [fault for order in orders for fault in faults(order)] == []


@pytest.mark.parametrize("encounter", [None, "", "e1", "Encounter/e1", "e 1", "x" * 65, "e1/../e2", "é"])
def test_an_odd_encounter_costs_no_card_and_stands_in_no_order(ask: Ask, encounter: str | None) -> None:
    request = vignettes.request(FOOT_DROP, "patient-view", NOW)
    plain = [card["source"]["topic"]["code"] for card in ask(request).get_json()["cards"]]
    request["context"]["encounterId"] = encounter
    cards = ask(request).get_json()["cards"]
    assert [card["source"]["topic"]["code"] for card in cards] == plain
    orders = [action["resource"] for one in _suggestions(cards) for action in one["actions"]]
    assert [fault for order in orders for fault in faults(order)] == []


@pytest.mark.parametrize("identity", [None, "", "c 1", "x" * 65, "é", "a/b", "urn:uuid:1"])
def test_a_record_of_an_odd_id_costs_no_card_and_is_no_reason(ask: Ask, identity: str | None) -> None:
    request = vignettes.request(FOOT_DROP, "patient-view", NOW)
    plain = [card["source"]["topic"]["code"] for card in ask(request).get_json()["cards"]]
    for key in ("conditions", "observations"):
        for entry in request["prefetch"][key]["entry"]:
            entry["resource"]["id"] = identity
    cards = ask(request).get_json()["cards"]
    assert [card["source"]["topic"]["code"] for card in cards] == plain
    orders = [action["resource"] for one in _suggestions(cards) for action in one["actions"]]
    assert [fault for order in orders for fault in faults(order)] == []


# ---- updates, to the letter ----

MRI_DRAFT = """{
  "resourceType": "ServiceRequest", "id": "d1", "status": "draft", "_status": {"id": "s"}, "intent": "order",
  "code": {"coding": [{"system": "http://loinc.org", "code": "30679-5", "extension": [
    {"url": "https://ehr.example/rank", "valueDecimal": 1.10}]}], "text": "as written"},
  "subject": {"reference": "Patient/p1", "display": "written by the EHR"},
  "contained": [{"resourceType": "Practitioner", "id": "inside", "name": [{"family": "Ng"}]}],
  "requester": {"reference": "#inside"},
  "quantityQuantity": {"value": 1.10, "_value": {"extension": [
    {"url": "https://ehr.example/own", "valueDecimal": 100.0}]}},
  "authoredOn": "2026-03-02", "_authoredOn": {"extension": [{"url": "https://ehr.example/by", "valueString": "x"}]},
  "modifierExtension": [{"url": "https://ehr.example/must", "valueBoolean": true}]
}"""
WORSENING: Json = {
    **FOOT_DROP,
    "observations": [
        {"code": "mrc-ankle-dorsiflexion", "value": 4, "daysAgo": 3, "side": "right"},
        {"code": "mrc-ankle-dorsiflexion", "value": 2, "daysAgo": 0, "side": "right"},
        {"code": "babinski", "value": "absent", "daysAgo": 0},
    ],
}


def _updates(client: FlaskClient, facts: Json, draft: str) -> list[Json]:
    """The resources of the updates that answer one draft, numbers as the text that they were sent in."""
    request = vignettes.request(facts, "order-select", NOW)
    request["context"] |= {"draftOrders": {"resourceType": "Bundle", "entry": [{"resource": "HERE"}]}}
    del request["context"]["selections"]
    body = json.dumps(request).replace('"HERE"', draft)
    reply = client.post("/cds-services/foot-drop-order-select", data=body, content_type="application/json")
    assert reply.status_code == 200, reply.text
    suggestions = _suggestions(json.loads(reply.text, parse_float=str)["cards"])
    actions = [action for suggestion in suggestions for action in suggestion["actions"]]
    return [action["resource"] for action in actions if action["type"] == "update"]


def test_a_draft_keeps_decimals_siblings_contained_and_extensions(client: FlaskClient) -> None:
    (update,) = _updates(client, WORSENING, MRI_DRAFT)
    assert update.pop("priority") in ("urgent", "asap", "stat")
    assert update == json.loads(MRI_DRAFT, parse_float=str)


# By creatinine clearance: the label's most a day with normal kidneys; below 60 the dose of D90, so many times a day.
OFFERED: dict[str, dict[int, int | tuple[int, int]]] = {
    "gabapentin": {95: 3600, 60: 3600, 59: (300, 2), 30: (300, 2), 29: (300, 1), 15: (300, 1), 14: (100, 1)},
    "pregabalin": {95: 600, 60: 600, 59: (75, 2), 30: (75, 2), 29: (25, 2), 15: (25, 2), 14: (25, 1)},
}
DOSES = [
    ("1200.0", "mg", 3, 1, "d"),
    ("4", "g", 1, 1, "d"),
    ("2000", "mg", 1, 8, "h"),
    ("900", "mg", 1, 4, "h"),
    ("9000", "mg", 2, 1, "d"),
    ("100000", "mg", 7, 1, "wk"),
    ("1800", "mg", 4, 1, "d"),
]
_DAYS = {"d": 1.0, "h": 1 / 24, "wk": 7.0}


@pytest.mark.parametrize("dose", DOSES, ids=str)
@pytest.mark.parametrize(("medicine", "clearance"), [(name, band) for name, bands in OFFERED.items() for band in bands])
def test_a_lowered_dose_is_within_the_label(
    client: FlaskClient, medicine: str, clearance: int, dose: tuple[str, str, int, int, str]
) -> None:
    value, unit, frequency, period, period_unit = dose
    repeat = f'{{"frequency": {frequency}, "period": {period}, "periodUnit": "{period_unit}"}}'
    quantity = f'{{"value": {value}, "unit": "{unit}", "system": "http://unitsofmeasure.org", "code": "{unit}"}}'
    draft = f"""{{"resourceType": "MedicationRequest", "id": "d1", "status": "draft", "intent": "order",
      "subject": {{"reference": "Patient/p1"}}, "medicationCodeableConcept": {{"text": "{medicine}"}},
      "dispenseRequest": {{"quantity": {{"value": 90.00}}}}, "_intent": {{"id": "i"}},
      "dosageInstruction": [{{"sequence": 1, "timing": {{"repeat": {repeat}}},
        "doseAndRate": [{{"doseQuantity": {quantity}}}]}}]}}"""
    kidneys = {"code": "egfr", "value": clearance, "daysAgo": 1}
    updates = _updates(client, {**FOOT_DROP, "observations": [kidneys]}, draft)
    offered = OFFERED[medicine][clearance]
    for update in updates:
        given = json.loads(draft, parse_float=str)
        instruction = update["dosageInstruction"][0]
        lowered = instruction["doseAndRate"][0]["doseQuantity"]
        once = float(lowered["value"]) * (1000 if unit == "g" else 1)
        if isinstance(offered, tuple):
            assert once == offered[0]
            assert instruction["timing"] == {"repeat": {"frequency": offered[1], "period": 1, "periodUnit": "d"}}
        else:
            assert 0 < once * frequency / (period * _DAYS[period_unit]) <= offered * (1 + 1e-9)
        lowered["value"] = given["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"]
        instruction["timing"] = given["dosageInstruction"][0]["timing"]
        assert update == given
    assert len(updates) <= 1


def test_an_excessive_dose_is_lowered_in_each_form(client: FlaskClient) -> None:
    """The table above is not empty: three times 1200 mg with half the kidney is rewritten."""
    draft = """{"resourceType": "MedicationRequest", "id": "d1", "status": "draft", "intent": "order",
      "subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": {"text": "gabapentin"},
      "dosageInstruction": [{"text": "1200 mg three times a day",
        "timing": {"repeat": {"frequency": 3, "period": 1, "periodUnit": "d"}},
        "doseAndRate": [{"doseQuantity": {"value": 1200.0, "unit": "mg"}}]}]}"""
    kidneys = {"code": "egfr", "value": 45, "daysAgo": 1}
    (update,) = _updates(client, {**FOOT_DROP, "observations": [kidneys]}, draft)
    assert "text" not in update["dosageInstruction"][0], "the words said the old dose"
    assert float(update["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"]) == 300
    assert update["dosageInstruction"][0]["timing"]["repeat"]["frequency"] == 2


def test_the_checks_of_this_file_find_what_is_wrong() -> None:
    context = OrderContext(patient_id="p1", encounter_id="e1", requester="Practitioner/d1", now=NOW)
    good = order_resource(Plan(key="order.mri-lumbar", note="Note.", reasons=("Condition/c1",)), context)
    wrongs: list[Json] = [
        {"status": "planned"},
        {"priority": "now"},
        {"id": "X" * 65},
        {"subject": {"reference": "Group/g1"}},
        {"encounter": {"reference": "Encounter/"}},
        {"reasonReference": [{"reference": "Procedure/x"}]},
        {"authoredOn": "2026-03-02T10:00"},
        {"note": [{"text": " "}]},
        {"code": {"coding": [{"system": "http://loinc.org", "code": "30679-5", "display": "Else"}], "text": "MRI"}},
        {"code": {"coding": [{"code": "30679-5", "display": "Else"}], "text": "MRI"}},
        {"bodySite": [{}]},
    ]
    for wrong in wrongs:
        assert r4.faults({**good, **wrong}), wrong
