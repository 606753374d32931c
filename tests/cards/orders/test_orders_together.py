"""The orders of an answer together: each once, and complete enough that radiology and surgery need not ring back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cards.findings import LUMBAR_MRI, SCREEN, SPINE_CT, WHOLE_SPINE_MRI
from cards.orders.catalogue import CATALOGUE
from cards.value_sets.systems import EXAM, SNOMED
from service.app import create_app
from service.settings import Settings
from tests.support import vignettes
from tests.support.answered import answers
from tests.support.patients import FOOT_DROP, NOW, Ask
from tests.support.places import ROOT

Json = dict[str, Any]

SCANS = {
    CATALOGUE[key].text: method
    for method, keys in (("MRI", (*LUMBAR_MRI, *WHOLE_SPINE_MRI)), ("CT", SPINE_CT))
    for key in keys
}
CAUDA_EQUINA = "192970008"


def answered() -> Iterator[tuple[str, list[Json]]]:
    """The cards of every case, vignette, drawn patient and example."""
    for answer in answers():
        yield answer.name, answer.cards
    for path in sorted(Path(ROOT, "fhir_examples").glob("*/response.json")):
        yield path.parent.name, json.loads(path.read_text(encoding="utf-8"))["cards"]


def created(card: Json) -> Iterator[Json]:
    for suggestion in card.get("suggestions", ()):
        yield from (action["resource"] for action in suggestion["actions"] if action["type"] == "create")


def named(order: Json) -> str:
    for element in ("code", "codeCodeableConcept", "medicationCodeableConcept", "topic"):
        if element in order:
            return str(order[element]["text"])
    raise AssertionError(order)


def side(order: Json) -> str:
    sites = order.get("bodySite", [])
    return str([site.get("text") for site in (sites if isinstance(sites, list) else [sites])])


def is_scan(order: Json) -> bool:
    return order["resourceType"] == "ServiceRequest" and "category" in order


def test_no_order_is_offered_by_two_cards() -> None:
    twice = {}
    for name, cards in answered():
        seen: dict[tuple[str, str], str] = {}
        for card in cards:
            own = {(named(order), side(order)) for order in created(card)}
            for order in own & seen.keys():
                twice[order] = f"{name}: {seen[order]}, {card['source']['topic']['code']}"
            seen |= dict.fromkeys(own, card["source"]["topic"]["code"])
    assert twice == {}


def test_one_card_alone_offers_the_mri_of_the_spine_and_one_alone_the_ct() -> None:
    compared = 0
    for name, cards in answered():
        for method in ("MRI", "CT"):
            offering = [card for card in cards if any(SCANS.get(named(order)) == method for order in created(card))]
            compared += bool(offering)
            assert len(offering) <= 1, name
    assert compared > 200


def test_a_card_says_where_the_order_is_that_it_does_not_offer() -> None:
    included = 0
    for name, cards in answered():
        offered = [{named(order) for order in created(card)} for card in cards]
        for number, card in enumerate(cards):
            for line in card["detail"].splitlines():
                if line.startswith("Included in the order "):
                    included += 1
                    others = offered[:number] if line.startswith("Included in the order above: ") else offered[number:]
                    told = line.partition(": ")[2].lower()
                    assert any(order.lower() in told for orders in others for order in orders), (name, line)
    assert included > 20


def test_every_scan_says_what_radiology_rings_back_about() -> None:
    notes = [
        (name, "".join(note["text"] for note in order.get("note", ())))
        for name, cards in answered()
        for card in cards
        for order in created(card)
        if is_scan(order)
    ]
    assert len(notes) > 200
    for name, note in notes:
        assert "For radiology: " in note, name
        assert "implant" in note, name


def scans(ask: Ask, facts: Json, rule: str, hook: str = "patient-view") -> list[Json]:
    cards = ask(vignettes.request(facts, hook, NOW)).get_json()["cards"]
    (card,) = (card for card in cards if card["source"]["topic"]["code"] == rule)
    return [order for order in created(card) if is_scan(order)]


def test_the_note_names_implant_pregnancy_anticoagulant_and_a_low_egfr(ask: Ask) -> None:
    facts = {
        **FOOT_DROP,
        "conditions": [*FOOT_DROP["conditions"], {"code": "pregnancy", "onsetDaysAgo": 168, "gestationWeeks": 24}],
        "devices": [{"code": "cardiac-pacemaker", "mrSafety": "conditional"}],
        "medications": [{"code": "apixaban"}],
        "observations": [*FOOT_DROP["observations"], {"code": "egfr", "value": 45, "daysAgo": 2}],
    }
    (scan,) = scans(ask, facts, "lumbar-mri")
    (note,) = scan["note"]
    assert note["text"].endswith(
        "For radiology: implant: Cardiac pacemaker, MR conditional; pregnant, 24 weeks; takes apixaban; "
        "eGFR 45 mL/min/1.73 m2 on 2026-02-28."
    )


@pytest.mark.parametrize("egfr", [59, 60])
def test_an_egfr_of_60_is_said_only_where_contrast_is_asked(ask: Ask, egfr: int) -> None:
    observed = [*FOOT_DROP["observations"], {"code": "egfr", "value": egfr, "daysAgo": 2}]
    (plain,) = scans(ask, {**FOOT_DROP, "observations": observed}, "lumbar-mri")
    assert (f"eGFR {egfr}" in plain["note"][0]["text"]) == (egfr < 60)
    operated = [{"code": "lumbar-decompression", "daysAgo": 400}]
    (contrast,) = scans(ask, {**FOOT_DROP, "observations": observed, "procedures": operated}, "lumbar-mri")
    assert f"eGFR {egfr}" in contrast["note"][0]["text"]


def test_the_emergency_is_the_first_reason_and_the_foot_drop_the_last(ask: Ask) -> None:
    flagged = [
        *FOOT_DROP["observations"],
        {"code": "saddle-sensation", "value": "reduced", "daysAgo": 0},
        {"code": "clonus", "value": "present", "daysAgo": 0},
        {"code": "hyperreflexia", "value": "present", "daysAgo": 0},
    ]
    (scan,) = scans(ask, {**FOOT_DROP, "observations": flagged}, "cauda-equina-emergency")
    cauda, *signs, drop = scan["reasonCode"]
    assert [coding["code"] for coding in cauda["coding"]] == [CAUDA_EQUINA]
    assert [sign["text"] for sign in signs] == ["Clonus", "Hyperreflexia"]
    assert "coding" not in signs[0], "no code of clonus is verified"
    assert signs[1]["coding"][0]["system"] == SNOMED
    assert drop["text"] == "Foot drop"
    (plain,) = scans(ask, FOOT_DROP, "lumbar-mri")
    assert [reason["text"] for reason in plain["reasonCode"]] == ["Foot drop"]


OF_A_FOOT = (
    "mrc-inversion", "mrc-hip-abduction", "mrc-toe-extension", "mrc-eversion", "babinski", "sensation-dorsum-foot",
)  # fmt: skip


def sides(ask: Ask, facts: Json) -> dict[str, list[Any]]:
    """The side of the EMG order and of every finding that is to be recorded, by its code; each once."""
    cards = ask(vignettes.request(facts, "patient-view", NOW)).get_json()["cards"]
    stated: dict[str, list[Any]] = {}
    for order in (order for card in cards for order in created(card)):
        coding = order.get("code", {}).get("coding", [{}])[0]
        if coding.get("system") == EXAM or named(order).startswith("EMG"):
            stated.setdefault(coding["code"] if coding["system"] == EXAM else "emg", []).append(side(order))
    return stated


@pytest.mark.parametrize(("dropped", "words"), [("left", "Left"), ("right", "Right"), (None, None)])
def test_the_emg_and_every_finding_of_a_foot_carry_the_side_that_is_known(
    ask: Ask, dropped: str | None, words: str | None
) -> None:
    facts = {"conditions": [{"code": "foot-drop", "onsetDaysAgo": 3, **({"side": dropped} if dropped else {})}]}
    stated = sides(ask, facts)
    expected = [str([words] if words else [])]
    assert {code: stated[code] for code in ("emg", *OF_A_FOOT)} == dict.fromkeys(("emg", *OF_A_FOOT), expected)
    assert all(stated[code] == ["[]"] for code in SCREEN), "the screen is of no side"


def test_both_feet_are_recorded_one_by_one(ask: Ask) -> None:
    stated = sides(ask, {"conditions": [{"code": "foot-drop", "side": "bilateral", "onsetDaysAgo": 100}]})
    assert all(stated[code] == ["['Left']", "['Right']"] for code in OF_A_FOOT)
    assert stated["emg"] == ["['Bilateral']"]


def test_the_new_order_beside_a_draft_that_is_not_valid_says_it_too(client: FlaskClient) -> None:
    worse = {**FOOT_DROP["observations"][0], "value": 4, "daysAgo": 3}
    request = vignettes.request({**FOOT_DROP, "observations": [worse, *FOOT_DROP["observations"]]}, "order-select", NOW)
    draft = {
        "resourceType": "ServiceRequest",
        "id": "d1",
        "status": "draft",
        "intent": "nonsense",
        "subject": {"reference": "Patient/p1"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "30679-5"}]},
    }
    request["context"]["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": draft}]}
    request["context"].pop("selections", None)
    cards = client.post("/cds-services/foot-drop-order-select", json=request).get_json()["cards"]
    beside = [order for card in cards for order in created(card) if is_scan(order)]
    assert beside
    assert all("For radiology: " in order["note"][0]["text"] for order in beside)


def test_a_site_sees_the_same_orders_once(foot_drop: Json) -> None:
    """A code that the site adds does not make an order another one."""
    codes = {"order.mri-lumbar": {"https://codes.ehr.example/imaging": ["MRLS"]}}
    reply = (
        create_app(Settings(codes=codes), now=NOW, dev=True)
        .test_client()
        .post("/cds-services/foot-drop-patient-view", json=foot_drop)
    )
    offering = [card for card in reply.get_json()["cards"] if any(is_scan(order) for order in created(card))]
    assert len(offering) == 1
