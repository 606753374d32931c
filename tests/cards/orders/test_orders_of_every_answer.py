"""The orders of every answer: each offered once, by one card, and every scan with what radiology asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cards.findings import LUMBAR_MRI, SPINE_CT, WHOLE_SPINE_MRI
from cards.orders.catalogue import CATALOGUE
from tests.support.answered import answers
from tests.support.created_orders import created, is_scan, named, side
from tests.support.places import ROOT

Json = dict[str, Any]

SCANS = {
    CATALOGUE[key].text: method
    for method, keys in (("MRI", (*LUMBAR_MRI, *WHOLE_SPINE_MRI)), ("CT", SPINE_CT))
    for key in keys
}


def answered() -> Iterator[tuple[str, list[Json]]]:
    """The cards of every case, vignette, drawn patient and example."""
    for answer in answers():
        yield answer.name, answer.cards
    for path in sorted(Path(ROOT, "fhir_examples").glob("*/response.json")):
        yield path.parent.name, json.loads(path.read_text(encoding="utf-8"))["cards"]


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
