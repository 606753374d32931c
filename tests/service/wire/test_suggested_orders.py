"""What becomes of a suggestion whose order cannot be made, and in which encounter orders stand."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from cards.value_sets.systems import LOINC, SNOMED
from cards.value_sets.value_set import VALUE_SETS
from service.app import create_app
from tests.support import vignettes
from tests.support.fhir_server import FhirServer
from tests.support.patients import FOOT_DROP, NOW, Ask
from tests.support.rules import book_with_invalid

Json = dict[str, Any]
URL = "/cds-services/foot-drop-patient-view"


def labels(card: Json) -> list[str]:
    return [suggestion["label"] for suggestion in card.get("suggestions", ())]


def by_rule(cards: list[Json]) -> dict[str, Json]:
    return {card["source"]["topic"]["code"]: card for card in cards}


def invalid(key: str) -> FlaskClient:
    """A service whose orders of one key are not valid R4."""
    return create_app(now=NOW, dev=True, book=book_with_invalid(key)).test_client()


def test_an_invalid_order_is_left_out_and_its_card_is_kept(ask: Ask, foot_drop: Json) -> None:
    plain = by_rule(ask(foot_drop).get_json()["cards"])
    reply = invalid("order.mri-lumbar").post(URL, json=foot_drop)
    assert reply.status_code == 200
    cards = by_rule(reply.get_json()["cards"])
    assert cards.keys() == plain.keys()
    left = cards["lumbar-mri"]
    assert {key: left[key] for key in ("summary", "indicator", "detail")} == {
        key: plain["lumbar-mri"][key] for key in ("summary", "indicator", "detail")
    }
    assert labels(plain["lumbar-mri"])
    assert "suggestions" not in left
    assert "selectionBehavior" not in left, "CDS Hooks: only beside suggestions"
    assert labels(cards["afo"]) == labels(plain["afo"]), "other cards keep theirs"


def test_a_suggestion_is_left_out_whole_when_one_of_its_orders_is_invalid(ask: Ask, foot_drop: Json) -> None:
    """The orthosis and the referral to the orthotist belong together."""
    plain = by_rule(ask(foot_drop).get_json()["cards"])["afo"]
    (together,) = (each for each in plain["suggestions"] if len(each["actions"]) == 2)
    left = by_rule(invalid("order.afo").post(URL, json=foot_drop).get_json()["cards"])["afo"]
    assert left["summary"] == plain["summary"]
    assert together["label"] not in labels(left)
    actions = [action for suggestion in left.get("suggestions", ()) for action in suggestion["actions"]]
    assert "DeviceRequest" not in {action["resource"]["resourceType"] for action in actions}
    assert len(labels(left)) == len(labels(plain)) - 1


def nsaids(*identities: str | None) -> list[Json]:
    return [
        {
            "resourceType": "MedicationRequest", "status": "draft", "intent": "order",
            "subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": {"text": "naproxen"},
            **({"id": identity} if identity else {}),
        }
        for identity in identities
    ]  # fmt: skip


def nsaid_card(ask: Ask, *identities: str | None) -> Json:
    request = vignettes.request({**FOOT_DROP, "allergies": [{"code": "naproxen"}]}, "order-sign", NOW)
    request["context"]["draftOrders"] = {
        "resourceType": "Bundle", "entry": [{"resource": each} for each in nsaids(*identities)],
    }  # fmt: skip
    (card,) = ask(request).get_json()["cards"]
    assert card["indicator"] == "critical"
    shown: Json = card
    return shown


def test_what_replaces_a_draft_is_offered_only_with_its_removal(ask: Ask) -> None:
    """A draft without an id cannot be removed: paracetamol alone would stand beside the NSAID."""
    whole = [[action["type"] for action in each["actions"]] for each in nsaid_card(ask, "d1")["suggestions"]]
    assert ["delete", "create"] in whole
    assert ["delete"] in whole
    for identities in ((None,), ("d1", None), (None, "d1")):
        card = nsaid_card(ask, *identities)
        assert not any("Paracetamol" in label or "Remove" in label for label in labels(card)), identities
        kinds = {action["type"] for each in card.get("suggestions", ()) for action in each["actions"]}
        assert "delete" not in kinds


# ---- the side ----


def sites(resource: Json) -> list[str]:
    """The codes of the side that an order or an examination item states."""
    concepts = [resource["bodySite"]] if "bodySite" in resource else []
    concepts += [each["valueCodeableConcept"] for each in resource.get("parameter", ())]
    return [coding["code"] for concept in concepts for coding in concept["coding"]]


@pytest.mark.parametrize("side", ["left", "right"])
def test_what_is_ordered_for_one_foot_says_which(ask: Ask, side: str) -> None:
    facts = {member: [{**one, "side": side} for one in FOOT_DROP[member]] for member in ("conditions", "observations")}
    cards = by_rule(ask(vignettes.request({**FOOT_DROP, **facts}, "patient-view", NOW)).get_json()["cards"])
    wanted = list(VALUE_SETS[f"side.{side}"].codes[SNOMED])[:1]
    orthoses = [order for order in orders(cards["afo"]) if order["resourceType"] == "DeviceRequest"]
    muscles = [order for order in orders(cards["localisation-exam"]) if order["code"]["text"].startswith("MRC grade")]
    assert orthoses
    assert muscles
    for order in (*orthoses, *muscles):
        assert sites(order) == wanted
    for order in orthoses:
        assert order["codeCodeableConcept"]["text"].endswith(f", {side}")


def test_emg_and_nerve_conduction_studies_are_ordered_in_one(ask: Ask, foot_drop: Json) -> None:
    """Decision D59: one order with the codes of both."""
    (order,) = orders(by_rule(ask(foot_drop).get_json()["cards"])["emg-ncs"])
    assert [(each["system"], each["code"]) for each in order["code"]["coding"]] == [
        (LOINC, "18749-2"),
        (LOINC, "29755-6"),
    ]


def orders(card: Json) -> list[Json]:
    return [action["resource"] for suggestion in card["suggestions"] for action in suggestion["actions"]]


# ---- the encounter ----


def encounters(cards: list[Json]) -> set[str | None]:
    """The encounter of every order that is suggested."""
    actions = [action for card in cards for each in card.get("suggestions", ()) for action in each["actions"]]
    assert {action["resource"]["resourceType"] for action in actions} >= {"ServiceRequest", "DeviceRequest"}
    return {action["resource"].get("encounter", {}).get("reference") for action in actions}


@pytest.mark.parametrize(
    "identity", ["e1", " e1 ", "Encounter/e1", "https://ehr.example/fhir/Encounter/e1", "Encounter/e1/_history/2"]
)
def test_the_encounter_of_the_context_is_that_of_every_order(ask: Ask, foot_drop: Json, identity: str) -> None:
    foot_drop["context"]["encounterId"] = identity
    assert encounters(ask(foot_drop).get_json()["cards"]) == {"Encounter/e1"}


@pytest.mark.parametrize("identity", [None, "", " ", "e 1", "Encounter/", "e1/e2", 5])
def test_without_an_encounter_of_a_valid_id_orders_have_none(ask: Ask, foot_drop: Json, identity: Any) -> None:
    foot_drop["context"]["encounterId"] = identity
    assert encounters(ask(foot_drop).get_json()["cards"]) == {None}


@pytest.mark.parametrize("identity", ["e1", "Encounter/e1"])
def test_the_encounter_is_read_by_its_id(ask: Ask, foot_drop: Json, identity: str) -> None:
    foot_drop["context"]["encounterId"] = identity
    del foot_drop["prefetch"]["encounter"]
    with FhirServer([{"resourceType": "Encounter", "id": "e1", "subject": {"reference": "Patient/p1"}}]) as server:
        assert ask({**foot_drop, "fhirServer": server.base}).status_code == 200
        assert [request.path.rpartition("/")[2] for request in server.asked_for("Encounter")] == ["e1"]


@pytest.mark.parametrize("identity", ["p1", " p1 ", "Patient/p1", "https://ehr.example/fhir/Patient/p1"])
def test_the_patient_may_be_named_by_a_reference(ask: Ask, foot_drop: Json, identity: str) -> None:
    foot_drop["context"]["patientId"] = identity
    cards = ask(foot_drop).get_json()["cards"]
    actions = [action for card in cards for each in card.get("suggestions", ()) for action in each["actions"]]
    assert {action["resource"]["subject"]["reference"] for action in actions} == {"Patient/p1"}
