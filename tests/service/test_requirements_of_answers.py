"""Requirements of CDS Hooks that every answer meets, and those of the order hooks."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from cards.language import SOURCES
from service.app import create_app
from service.hooks import HOOKS
from service.settings import Settings
from tests.support import vignettes
from tests.support.answered import Answer, answers
from tests.support.fhir_server import FhirServer
from tests.support.patients import FOOT_DROP, NOW, Ask
from tests.support.r4 import UUID, empties

Json = dict[str, Any]


def _topics(reply: Any) -> list[tuple[str, str]]:
    assert reply.status_code == 200, reply.text
    return [(card["source"]["topic"]["code"], card["indicator"]) for card in reply.get_json()["cards"]]


@pytest.fixture(scope="module")
def given() -> tuple[Answer, ...]:
    """Every answer that cases, vignettes and drawn patients lead to."""
    return answers()


def test_an_answer_has_no_empty_member_but_cards(given: tuple[Answer, ...]) -> None:
    for answer in given:
        assert empties(answer.cards) == ([""] if not answer.cards else []), answer.name


def test_a_card_has_only_members_of_the_standard(given: tuple[Answer, ...]) -> None:
    allowed = {"uuid", "summary", "detail", "indicator", "source", "suggestions", "selectionBehavior",
               "overrideReasons", "links", "extension"}  # fmt: skip
    for answer in given:
        for card in answer.cards:
            assert card.keys() <= allowed
            assert card["indicator"] in ("info", "warning", "critical")
            assert card["source"].keys() <= {"label", "url", "icon", "topic"}
            assert all(isinstance(each, dict) for each in card.get("extension", {}).values())
            assert all("." in name for name in card.get("extension", {}))
            assert all({"code", "system", "display"} <= each.keys() for each in card.get("overrideReasons", ()))


def test_uuids_are_unique_in_and_across_answers(given: tuple[Answer, ...]) -> None:
    cards = [card for answer in given for card in answer.cards]
    found = [each["uuid"] for card in cards for each in (card, *card.get("suggestions", ()))]
    assert all(UUID.fullmatch(each) for each in found)
    assert len(found) == len(set(found))


def test_suggestions_stand_with_their_selection_behavior(given: tuple[Answer, ...]) -> None:
    behaviours = set()
    for card in (card for answer in given for card in answer.cards):
        assert ("suggestions" in card) == ("selectionBehavior" in card)
        behaviours.add(card.get("selectionBehavior"))
        suggestions = card.get("suggestions", [])
        recommended = [each["isRecommended"] for each in suggestions if "isRecommended" in each]
        assert all(each is True for each in recommended)
        assert card.get("selectionBehavior") == "any" or len(recommended) <= 1
        for suggestion in suggestions:
            assert suggestion.keys() <= {"label", "uuid", "isRecommended", "actions"}, "no actionSelectionBehavior"
            assert suggestion["label"].strip()
            for action in suggestion["actions"]:
                assert action.keys() <= {"type", "description", "resource", "resourceId"}
                assert action["type"] in ("create", "update", "delete")
    assert behaviours == {None, "any", "at-most-one"}


def test_a_delete_names_a_draft_of_the_request(given: tuple[Answer, ...]) -> None:
    deletes = 0
    for answer in given:
        for action in (each for each in answer.actions() if each["type"] == "delete"):
            deletes += 1
            drafts = [entry["resource"] for entry in answer.request["context"]["draftOrders"]["entry"]]
            assert re.fullmatch(r"[A-Za-z]+/[A-Za-z0-9\-.]+", action["resourceId"])
            assert action["resourceId"] in {f"{each['resourceType']}/{each['id']}" for each in drafts}
    assert deletes


def test_links_and_sources_are_absolute_and_of_no_patient(given: tuple[Answer, ...]) -> None:
    addresses: dict[str, set[str]] = {}
    for card in (card for answer in given for card in answer.cards):
        for link in card.get("links", ()):
            assert link.keys() == {"label", "url", "type"}
            assert link["type"] == "absolute"
        for url in [each["url"] for each in (card["source"], *card.get("links", ())) if "url" in each]:
            assert (urlsplit(url).scheme, bool(urlsplit(url).netloc)) == ("https", True)
            addresses.setdefault(card["source"]["topic"]["code"], set()).add(url)
    sources = {source.url for source in SOURCES.values()}
    assert all(each <= sources for each in addresses.values()), "an address depends on the patient"


def test_no_system_actions_for_a_client_that_has_not_asked(ask: Ask, foot_drop: Json) -> None:
    assert set(ask(foot_drop).get_json()) == {"cards"}


def test_each_hook_answers_the_same_however_often(ask: Ask) -> None:
    for hook in HOOKS:
        request = vignettes.request({**FOOT_DROP, "draftOrders": []}, hook, NOW)
        assert _topics(ask(request)) == _topics(ask(request))


# ---- rules of the hooks ----

MEDICINE: Json = {
    "resourceType": "MedicationRequest", "id": "m1", "status": "draft", "intent": "order",
    "subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": {"text": "naproxen"},
}  # fmt: skip
AT_RISK: Json = {**FOOT_DROP, "allergies": [{"code": "naproxen"}]}


def _ordering(hook: str, drafts: list[Json], selections: list[str] | None = None) -> Json:
    request = vignettes.request(AT_RISK, hook, NOW)
    request["context"]["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": each} for each in drafts]}
    request["context"].pop("selections", None)
    if selections is not None:
        request["context"]["selections"] = selections
    return request


def test_order_select_speaks_of_what_is_selected(ask: Ask) -> None:
    other = {**MEDICINE, "id": "m2", "medicationCodeableConcept": {"text": "paracetamol"}}
    chosen = ask(_ordering("order-select", [MEDICINE, other], ["MedicationRequest/m1"]))
    not_chosen = ask(_ordering("order-select", [MEDICINE, other], ["MedicationRequest/m2"]))
    assert "nsaid-safety" in dict(_topics(chosen))
    assert "nsaid-safety" not in dict(_topics(not_chosen))


@pytest.mark.parametrize("missing", [name for name in MEDICINE if name not in ("resourceType",)])
@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_an_incomplete_order_is_borne(ask: Ask, hook: str, missing: str) -> None:
    draft = {name: value for name, value in MEDICINE.items() if name != missing}
    topics = dict(_topics(ask(_ordering(hook, [draft]))))
    assert ("nsaid-safety" in topics) == (missing != "medicationCodeableConcept")


@pytest.mark.parametrize("status", ["active", "on-hold", "unknown", "cancelled", "stopped", "entered-in-error"])
def test_order_sign_bears_orders_that_are_no_drafts(ask: Ask, status: str) -> None:
    topics = dict(_topics(ask(_ordering("order-sign", [{**MEDICINE, "status": status}]))))
    assert ("nsaid-safety" in topics) == (status in ("active", "on-hold", "unknown"))


def test_an_order_of_another_fhir_version_is_borne(ask: Ask) -> None:
    older = {"resourceType": "MedicationOrder", "id": "old", "status": "draft", "dateWritten": "2016-01-01"}
    assert "nsaid-safety" in dict(_topics(ask(_ordering("order-sign", [older, MEDICINE]))))


def test_answers_are_strict_json(ask: Ask, foot_drop: Json) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(word)

    assert json.loads(ask(foot_drop).text, parse_constant=refuse)


def test_without_development_no_page_and_no_server_is_trusted(foot_drop: Json) -> None:
    client = create_app(Settings(hosts=("localhost",)), now=NOW).test_client()
    with FhirServer() as server:
        asked = {**foot_drop, "prefetch": {}, "fhirServer": server.base}
        assert client.post("/cds-services/foot-drop-patient-view", json=asked).status_code in (401, 412)
        assert server.requests == []
