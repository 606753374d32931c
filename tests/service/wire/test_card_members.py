"""What a card tells the client beside its words: on which side a fact is, and how many suggestions may be taken."""

from __future__ import annotations

from typing import Any

import pytest

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
