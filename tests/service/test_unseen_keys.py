"""A prefetch key that is missing, with no FHIR server to read it from: the card is shown and says what was not read."""

from __future__ import annotations

from typing import Any

import pytest

from cards.record.prefetch_keys import PREFETCH_KEYS
from cards.rule_book import rule_book
from tests.support import vignettes
from tests.support.patients import FOOT_DROP, NOW, Ask

Json = dict[str, Any]

INJURED: Json = {
    **FOOT_DROP,
    "encounter": {"class": "IMP"},
    "conditions": [
        *FOOT_DROP["conditions"],
        {"code": "spinal-cord-injury", "clinical": "active", "verification": "confirmed", "onsetDaysAgo": 1},
    ],
}


def _prescribed(medicine: str) -> Json:
    """An order of a medicine that the patient's other illnesses and medicines make a hazard."""
    draft = {"id": "d1", "resourceType": "MedicationRequest", "code": medicine}
    kidneys = {"code": "egfr", "value": 45, "daysAgo": 5}
    glaucoma = {
        "code": "angle-closure-glaucoma",
        "clinical": "active",
        "verification": "confirmed",
        "onsetDaysAgo": 900,
    }
    return {
        **FOOT_DROP,
        "draftOrders": [draft],
        "observations": [*FOOT_DROP["observations"], kidneys],
        "conditions": [*FOOT_DROP["conditions"], glaucoma],
    }


PRESCRIBED = _prescribed("gabapentin")
EMPTY_ANYWAY = set(vignettes.PREFETCH_KEYS) - {"conditions", "observations", "patient", "encounter"}
# key, hook, facts, a card that depends on the key, what it says could not be read
UNSEEN = [
    ("patient", "patient-view", FOOT_DROP, "pain-regimen", "birth date"),
    ("reports", "patient-view", FOOT_DROP, "lumbar-mri", "Reports"),
    ("orders", "patient-view", FOOT_DROP, "lumbar-mri", "Orders"),
    ("deviceOrders", "patient-view", FOOT_DROP, "afo", "Device orders"),
    ("devices", "patient-view", FOOT_DROP, "lumbar-mri", "Implanted devices"),
    ("procedures", "patient-view", FOOT_DROP, "lumbar-mri", "Procedures"),
    ("medications", "patient-view", FOOT_DROP, "pain-regimen", "Medication orders"),
    ("statements", "patient-view", FOOT_DROP, "pain-regimen", "Medication statements"),
    ("allergies", "patient-view", FOOT_DROP, "pain-regimen", "Allergies"),
    ("patient", "order-select", PRESCRIBED, "gabapentinoid-safety", "birth date"),
    ("medications", "order-sign", PRESCRIBED, "gabapentinoid-safety", "Medication orders"),
    ("statements", "order-sign", PRESCRIBED, "gabapentinoid-safety", "Medication statements"),
    ("allergies", "order-sign", PRESCRIBED, "gabapentinoid-safety", "Allergies"),
    ("allergies", "order-sign", _prescribed("duloxetine"), "duloxetine-safety", "Allergies"),
    ("allergies", "order-sign", _prescribed("naproxen"), "nsaid-safety", "Allergies"),
    ("orders", "encounter-discharge", FOOT_DROP, "lumbar-mri", "Orders"),
    ("devices", "encounter-discharge", FOOT_DROP, "lumbar-mri", "Implanted devices"),
]


def cards(ask: Ask, request: Json) -> dict[str, Json]:
    reply = ask(request)
    assert reply.status_code == 200, reply.text
    return {card["source"]["topic"]["code"]: card for card in reply.get_json()["cards"]}


@pytest.mark.parametrize(
    ("key", "hook", "facts", "card", "words"), UNSEEN, ids=[f"{key} at {hook}" for key, hook, *_ in UNSEEN]
)
def test_the_card_is_shown_and_says_what_could_not_be_read(
    ask: Ask, key: str, hook: str, facts: Json, card: str, words: str
) -> None:
    sentence = f"{words} could not be read"
    request = vignettes.request(facts, hook, NOW)
    full = cards(ask, request)
    assert sentence not in full[card]["detail"]
    known_empty = {**request, "prefetch": {**request["prefetch"], key: None}}
    assert sentence not in cards(ask, known_empty)[card]["detail"], "null is known to be empty"
    del request["prefetch"][key]
    request["prefetch"] |= dict.fromkeys(EMPTY_ANYWAY - {key})
    lacking = cards(ask, request)
    assert lacking.keys() == full.keys()
    assert lacking[card]["indicator"] == full[card]["indicator"]
    assert lacking[card]["detail"].count(sentence) == 1
    assert lacking[card]["detail"].count("could not be read") == 1, "nothing is said of what was read"


def test_every_optional_key_was_left_out_above() -> None:
    needed = {"conditions", "observations", "encounter"}
    assert {key for key, *_ in UNSEEN} == set(vignettes.PREFETCH_KEYS) - needed


def test_only_rules_that_are_silent_without_the_encounter_depend_on_it() -> None:
    """For it alone there is no sentence: a card that depends on it does not come (the case of early-mobilisation)."""
    assert {name for name, key in PREFETCH_KEYS.items() if not key.unseen} == {"encounter"}
    book = rule_book()
    assert {rule for rule in book.rules if "encounter" in book.supplies[rule]} == {"early-mobilisation"}


def test_without_the_encounter_only_what_needs_it_is_not_judged(ask: Ask) -> None:
    """Whether this is an inpatient decides over mobilisation alone."""
    stable = {"code": "spine-stability", "value": "stable", "daysAgo": 0}
    facts = {**INJURED, "observations": [stable]}
    request = vignettes.request(facts, "patient-view", NOW)
    full = cards(ask, request)
    del request["prefetch"]["encounter"]
    lacking = cards(ask, request)
    assert "early-mobilisation" in full
    assert {rule: card["detail"] for rule, card in lacking.items()} == {
        rule: card["detail"] for rule, card in full.items() if rule != "early-mobilisation"
    }


def test_with_every_optional_key_missing_an_emergency_still_speaks(ask: Ask) -> None:
    saddle = {"code": "saddle-sensation", "value": "reduced", "daysAgo": 0}
    facts = {**FOOT_DROP, "observations": [*FOOT_DROP["observations"], saddle]}
    optional = set(vignettes.PREFETCH_KEYS) - {"conditions", "observations"}
    shown = cards(ask, vignettes.request(facts, "patient-view", NOW, drop=optional))
    assert shown["cauda-equina-emergency"]["indicator"] == "critical"
    for words in ("Reports", "Orders", "Implanted devices", "Procedures"):
        assert f"{words} could not be read" in shown["cauda-equina-emergency"]["detail"]
