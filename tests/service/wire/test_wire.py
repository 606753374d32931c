"""The answer as CDS Hooks has it, and the members of a request that shape it."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from markdown_it import MarkdownIt

from cards.language.rule import Rule
from cards.language.sources import branches
from cards.orders import override_reasons
from cards.orders.override_reasons import OVERRIDE_REASONS
from cards.rule_book import rule_book
from service.wire.authorization import FhirAuthorization
from service.wire.request import read
from tests.support import vignettes
from tests.support.patients import FOOT_DROP, NOW, Ask
from tests.support.r4 import empties

RULES = rule_book().rules

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
SURGEON = {  # cauda equina findings: the loudest cards
    **FOOT_DROP,
    "observations": [
        *FOOT_DROP["observations"],
        {"code": "saddle-sensation", "value": "reduced", "daysAgo": 0},
    ],
}


@pytest.fixture(params=[FOOT_DROP, SURGEON], ids=["foot-drop", "cauda-equina"])
def cards(request: pytest.FixtureRequest, ask: Ask) -> list[dict[str, Any]]:
    """The cards of one patient."""
    reply = ask(vignettes.request(request.param, "patient-view", NOW))
    found: list[dict[str, Any]] = reply.get_json()["cards"]
    assert found
    return found


def test_a_card_has_what_the_standard_demands(cards: list[dict[str, Any]]) -> None:
    for card in cards:
        assert 0 < len(card["summary"].encode("utf-16-le")) // 2 < 140
        assert card["indicator"] in ("info", "warning", "critical")
        assert card["source"]["label"]
        assert card["source"]["topic"]["code"] in RULES
        assert card["source"]["topic"]["system"] == "https://foot-drop-cds.example/fhir/CodeSystem/cards"
        assert card["source"]["topic"]["display"]
    assert empties(cards) == []


def test_uuids_are_lower_case_and_never_the_same(ask: Ask, foot_drop: dict[str, Any]) -> None:
    found = []
    for _ in range(2):
        for card in ask(foot_drop).get_json()["cards"]:
            found += [card["uuid"], *(each["uuid"] for each in card.get("suggestions", ()))]
    assert all(UUID.fullmatch(each) for each in found)
    assert len(found) == len(set(found))


def test_addresses_are_absolute_and_the_same_for_everybody(cards: list[dict[str, Any]]) -> None:
    for card in cards:
        links = card.get("links", [])
        rule = RULES[card["source"]["topic"]["code"]]
        own = {source.url for source in (rule.source, *branches(rule.id)) if source.url}
        for url in [*filter(None, [card["source"].get("url")]), *(link["url"] for link in links)]:
            assert urlsplit(url).scheme == "https"
            assert urlsplit(url).netloc
            assert url in own
        for link in links:
            assert set(link) == {"label", "url", "type"}
            assert link["type"] == "absolute"


def test_suggestions_can_be_taken(cards: list[dict[str, Any]]) -> None:
    assert any("suggestions" in card for card in cards)
    for card in cards:
        suggestions = card.get("suggestions", [])
        assert ("selectionBehavior" in card) == bool(suggestions)
        assert card.get("selectionBehavior", "any") in ("at-most-one", "any")
        recommended = [each for each in suggestions if "isRecommended" in each]
        assert all(each["isRecommended"] is True for each in recommended)
        assert card.get("selectionBehavior") == "any" or len(recommended) <= 1
        for suggestion in suggestions:
            assert suggestion["label"]
            assert set(suggestion) <= {"label", "uuid", "isRecommended", "actions"}
            for action in suggestion["actions"]:
                assert action["type"] == "create"
                assert action["description"]
                assert action["resource"]["status"] in ("draft", "registered", "preparation")
                assert action["resource"]["subject"] == {"reference": "Patient/p1"}


def test_override_reasons_are_those_of_the_rule(cards: list[dict[str, Any]]) -> None:
    for card in cards:
        own = RULES[card["source"]["topic"]["code"]].overrides
        told = [(each["system"], each["code"], each["display"]) for each in card["overrideReasons"]]
        assert told == [(override_reasons.SYSTEM, code, OVERRIDE_REASONS[code]) for code in own]


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_no_card_offers_more_than_six_reasons_or_one_twice(rule: Rule) -> None:
    """D95: none twice in other words either, and the client offers "Other" itself."""
    reasons = override_reasons.offered(rule.overrides)
    assert len(reasons) == len(rule.overrides) <= 6
    assert len({each.display for each in reasons}) == len(reasons)
    for each in reasons:
        assert each.display.strip()
        assert "*" not in each.display
        assert "other" not in each.display.lower().split()


def test_every_rule_names_override_reasons_that_exist() -> None:
    for rule in RULES.values():
        assert set(rule.overrides) <= OVERRIDE_REASONS.keys(), rule.id


def test_the_detail_is_markdown_that_says_why_and_after_whom(cards: list[dict[str, Any]]) -> None:
    for card in cards:
        assert "**Because**" in card["detail"]
        assert f"[{card['source']['label']}]({card['source']['url']})" in card["detail"]
        assert "; draft, not yet signed" in card["detail"]
        tokens = MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(card["detail"])
        kinds = {inner.type for token in tokens for inner in [token, *(token.children or [])]}
        assert not kinds & {"html_block", "html_inline", "image"}


def test_the_evidence_stands_in_an_extension_that_is_an_object(cards: list[dict[str, Any]]) -> None:
    for card in cards:
        (name,) = card["extension"]
        assert "." in name
        for fact in card["extension"][name]["facts"]:
            assert re.fullmatch(r"[A-Za-z]+/\S+", fact["reference"])
            assert fact["text"]


DRAFT = {
    "resourceType": "ServiceRequest",
    "id": "d1",
    "status": "draft",
    "intent": "order",
    "code": {"coding": [{"system": "http://loinc.org", "code": "30679-5"}], "text": "as written"},
    "subject": {"reference": "Patient/p1"},
    "quantityQuantity": {"value": 1.5},
    "extension": [{"url": "https://ehr.example/own", "valueString": "kept"}],
}
WORSENING = {
    **FOOT_DROP,
    "observations": [
        {"code": "mrc-ankle-dorsiflexion", "value": 4, "daysAgo": 3, "side": "right"},
        {"code": "mrc-ankle-dorsiflexion", "value": 2, "daysAgo": 0, "side": "right"},
        {"code": "babinski", "value": "absent", "daysAgo": 0},
    ],
}


def routine_mri(ask: Ask, draft: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """The raw answer to a routine MRI for a patient who gets worse, and the actions in it."""
    asked = vignettes.request(WORSENING, "order-select", NOW)
    asked["context"] |= {
        "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": draft}]},
        "selections": [f"{draft['resourceType']}/{draft['id']}"],
    }
    reply = ask(asked)
    assert reply.status_code == 200
    (card,) = reply.get_json()["cards"]
    return reply.get_data(as_text=True), card["suggestions"][0]["actions"]


def test_a_draft_comes_back_whole_with_the_new_priority(ask: Ask) -> None:
    draft = {**DRAFT, "quantityQuantity": {"value": 1.125}}
    text, (update,) = routine_mri(ask, draft)
    assert update["type"] == "update"
    assert update["description"]
    assert update["resource"]["priority"] in ("urgent", "asap", "stat")
    assert {**update["resource"], "priority": None} == {**draft, "priority": None}
    assert '"value":1.125' in text


@pytest.mark.parametrize(
    "odd",
    [
        {"intent": ["order"]},
        {"intent": None},
        {"status": {}},
        {"reasonCode": {}},
    ],
    ids=repr,
)
def test_beside_a_draft_that_is_not_valid_a_new_order_is_offered(ask: Ask, odd: dict[str, Any]) -> None:
    _, actions = routine_mri(ask, {**DRAFT, **odd})
    (create,) = actions
    assert create["type"] == "create"
    assert create["resource"]["priority"] in ("urgent", "asap", "stat")
    assert create["resource"]["id"] != "d1"


@pytest.mark.parametrize(
    ("user", "context", "requester"),
    [
        (None, {"userId": "Practitioner/7"}, "Practitioner/7"),
        (None, {"userId": "PractitionerRole/7"}, "PractitionerRole/7"),
        (None, {"userId": "Organization/7"}, None),
        (None, {"userId": "7"}, None),
        (None, {"userId": "Practitioner/"}, None),
        (None, {}, None),
        ("Practitioner/8", {}, "Practitioner/8"),
        ("Practitioner/8", {"userId": "Practitioner/7"}, "Practitioner/7"),
    ],
)
def test_the_requester_is_the_user(user: str | None, context: dict[str, Any], requester: str | None) -> None:
    asked = {"hook": "patient-view", "hookInstance": "x", "context": {"patientId": "p1", **context}}
    if user:
        asked["user"] = user
    assert read(json.dumps(asked).encode()).requester == requester


def test_a_token_is_never_printed() -> None:
    assert "secret" not in repr(FhirAuthorization(access_token="secret"))


def test_the_words_of_the_record_cannot_act_as_markup(ask: Ask) -> None:
    attack = "<img src=x onerror=alert(1)> [x](javascript:alert(1)) ![y](http://evil.example) `c`\n# h"
    asked = vignettes.request(SURGEON, "patient-view", NOW)
    texts = list(_texts(asked["prefetch"]))
    for concept in texts:
        concept["text"] = attack
        for coding in concept.get("coding", ()):
            coding["display"] = attack
    assert texts
    for card in ask(asked).get_json()["cards"]:
        tokens = MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(card["detail"])
        inner = [each for token in tokens for each in [token, *(token.children or [])]]
        assert not {each.type for each in inner} & {"html_block", "html_inline", "image", "code_inline"}
        hrefs = [each.attrs["href"] for each in inner if each.type == "link_open"]
        assert hrefs == [card["source"]["url"]]
        assert "<" not in card["summary"]


def _texts(value: Any) -> Any:
    """Every CodeableConcept that stands in a document."""
    if isinstance(value, dict):
        if "coding" in value:
            yield value
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
