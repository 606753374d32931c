"""Clients make links of plain addresses after Markdown is done: the words of the record on a card give them none."""

from __future__ import annotations

import re
from typing import Any

import pytest
from markdown_it import MarkdownIt

from tests.support import vignettes
from tests.support.patients import FOOT_DROP, NOW, Ask

# GitHub's extended autolinks: https://github.github.com/gfm/#autolinks-extension-
AUTOLINK = re.compile(r"www\.|(?:https?|ftp)://|[\w.+-]+@[\w-]", re.IGNORECASE)
ADDRESSES = [
    "www.evil.example",
    "WWW.evil.example",
    "http://evil.example/a",
    "https://evil.example",
    "ftp://evil.example",
    "clinic@evil.example",
    "mailto:clinic@evil.example",
]


def words(detail: str) -> tuple[str, list[str]]:
    """What a reader of the detail sees, and the addresses of its links."""
    tokens = MarkdownIt("commonmark").parse(detail)
    inner = [part for token in tokens for part in token.children or ()]
    text = "\n".join(part.content for part in inner if part.type == "text")
    return text, [str(part.attrs["href"]) for part in inner if part.type == "link_open"]


def cards(ask: Ask, hook: str, address: str) -> list[dict[str, Any]]:
    """The cards about a patient whose implant, and the medicine being ordered, are called so."""
    request = vignettes.request(
        {
            **FOOT_DROP,
            "devices": [{"code": "cardiac-pacemaker", "mrSafety": "unsafe"}],
            "medications": [{"code": "apixaban"}],
            "draftOrders": [{"id": "d1", "resourceType": "MedicationRequest", "code": "naproxen"}],
        },
        hook,
        NOW,
    )
    for entry in request["prefetch"]["devices"]["entry"]:
        entry["resource"]["type"] = {"text": f"an implant of {address} make"}
    for entry in request["context"].get("draftOrders", {}).get("entry", ()):
        entry["resource"]["medicationCodeableConcept"] = {"text": f"naproxen {address}"}
    found: list[dict[str, Any]] = ask(request).get_json()["cards"]
    return found


@pytest.mark.parametrize("hook", ["patient-view", "order-select"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_no_address_of_the_record_becomes_a_link(ask: Ask, hook: str, address: str) -> None:
    shown = cards(ask, hook, address)
    assert any("evil" in card["detail"] for card in shown), "the words are shown"
    for card in shown:
        text, links = words(card["detail"])
        assert links == list(filter(None, [card["source"].get("url")]))
        assert AUTOLINK.findall(text) == []
        for plain in (card["summary"], *(each["label"] for each in card.get("suggestions", ()))):
            assert "://" not in plain


def test_these_addresses_would_be_links() -> None:
    for address in ADDRESSES:
        assert AUTOLINK.search(f"see {address} now"), address
