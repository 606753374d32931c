"""What a card tells the client beside its words: on which side a fact is, and how many suggestions may be taken."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cards.language.sources import SOURCES
from service.app import create_app
from service.settings import Settings
from tests.support import vignettes
from tests.support.patients import FOOT_DROP, NOW, Ask

Json = dict[str, Any]


def cards(ask: Ask, facts: Json, hook: str = "patient-view") -> dict[str, Json]:
    found = ask(vignettes.request(facts, hook, NOW)).get_json()["cards"]
    return {card["source"]["topic"]["code"]: card for card in found}


@pytest.mark.parametrize(
    ("side", "words"), [("left", ", left: "), ("right", ", right: "), ("bilateral", ", both sides: "), (None, ": ")]
)
def test_the_evidence_names_the_side_of_the_record(ask: Ask, side: str | None, words: str) -> None:
    weak = {"code": "mrc-ankle-dorsiflexion", "value": 2, "daysAgo": 1} | ({"side": side} if side else {})
    detail = cards(ask, {**FOOT_DROP, "conditions": [], "observations": [weak]})["afo"]["detail"]
    line = next(line for line in detail.splitlines() if line.startswith("- ") and "dorsiflexion" in line)
    assert line.startswith(f"- 2026-03-01{words}Ankle dorsiflexion")


def test_of_alternatives_at_most_one_may_be_taken_and_of_items_any(ask: Ask) -> None:
    shown = cards(ask, FOOT_DROP)
    assert shown["pain-regimen"]["selectionBehavior"] == "at-most-one"
    assert shown["localisation-exam"]["selectionBehavior"] == "any"


def recorded_only(hook: str = "patient-view", days: int = 5) -> Json:
    """A foot drop of which only the day is known on which it was recorded."""
    facts = {**FOOT_DROP, "conditions": [{"code": "foot-drop", "side": "left", "onsetDaysAgo": days}]}
    request = vignettes.request(facts, hook, NOW)
    for entry in request["prefetch"]["conditions"]["entry"]:
        entry["resource"]["recordedDate"] = entry["resource"].pop("onsetDateTime")
    return request


@pytest.mark.parametrize("days", [5, 30, 100, 300])
def test_a_foot_drop_of_which_only_the_record_is_dated_is_never_new(ask: Ask, days: int) -> None:
    request = recorded_only(days=days)
    day = request["prefetch"]["conditions"]["entry"][0]["resource"]["recordedDate"][:10]
    shown = ask(request).get_json()["cards"]
    assert shown
    for card in shown:
        for words in (card["summary"], card["detail"]):
            assert not re.search(r"\bNew\b|[Oo]nset \d+ |after onset", words), words
        if "Foot drop, left" in card["detail"]:
            assert f"- Foot drop, left: recorded {day}; onset not stated" in card["detail"]
    lumbar = next(card for card in shown if card["source"]["topic"]["code"] == "lumbar-mri")
    assert f"Foot drop, left: recorded {day}; onset not stated" in lumbar["detail"]
    facts = lumbar["extension"]["example.foot-drop-cds.because"]["facts"]
    assert [fact["isRecorded"] for fact in facts if fact["text"] == "Foot drop"] == [True]


def test_cards_link_to_the_page_of_their_rule_when_the_address_of_the_service_is_known() -> None:
    settings = Settings(public_url="https://cds.example/foot/")
    client = create_app(settings, now=NOW, dev=True).test_client()
    request = vignettes.request(FOOT_DROP, "patient-view", NOW)
    shown = client.post("/cds-services/foot-drop-patient-view", json=request).get_json()["cards"]
    assert shown
    for card in shown:
        page = f"https://cds.example/foot/rules/{card['source']['topic']['code']}"
        assert f"; draft, not yet signed ([more]({page}))" in card["detail"]
        assert card["links"][-1]["url"] == page
        assert client.get(page.removeprefix("https://cds.example/foot")).status_code == 200


def test_a_branch_without_a_source_says_expert_judgement_and_links_to_its_page(ask: Ask) -> None:
    facts = {"patient": {"age": 60}, "conditions": [{"code": "foot-drop", "side": "left", "onsetDaysAgo": 30}],
             "observations": [{"code": "mrc-ankle-dorsiflexion", "side": "left", "value": 2, "daysAgo": 1}],
             "serviceRequests": [{"code": "mri-lumbar", "daysAgo": 20}]}  # fmt: skip
    card = cards(ask, facts)["lumbar-mri"]
    assert card["source"]["label"] == "Expert judgement"
    assert "url" not in card["source"], "the service does not know its address"
    assert "Expert judgement; draft, not yet signed" in card["detail"]
    client = create_app(Settings(public_url="https://cds.example"), now=NOW, dev=True).test_client()
    asked = vignettes.request(facts, "patient-view", NOW)
    told = client.post("/cds-services/foot-drop-patient-view", json=asked).get_json()["cards"]
    urls = {one["source"]["topic"]["code"]: one["source"].get("url") for one in told}
    assert urls["lumbar-mri"] == "https://cds.example/rules/lumbar-mri"


@pytest.mark.parametrize("key", sorted(SOURCES))
def test_every_source_is_graded_and_says_of_which_branch_it_is(key: str) -> None:
    source = SOURCES[key]
    if key != "seed":
        assert source.strength in ("strong", "conditional", "expert judgement")
        assert bool(source.branch) == ("." in key)
        assert len(source.label) < 110
        assert not source.conflict or len(source.conflict.split()) < 20
