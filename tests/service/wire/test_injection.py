"""Hostile words in every text of a record: a card holds nothing of theirs, rendered as Markdown with HTML allowed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest
from flask.testing import FlaskClient
from markdown_it import MarkdownIt

from tests.corpora.injections import HOSTILE
from tests.support import vignettes
from tests.support.patients import FOOT_DROP, NOW
from tests.support.sampling import one_in

Json = dict[str, Any]

GITHUB = MarkdownIt("gfm-like", {"html": True, "linkify": False})
# What GitHub makes links of after Markdown is done: https://github.github.com/gfm/#autolinks-extension-
AUTOLINK = re.compile(r"\bwww\.|(?:https?|ftp)://|[\w.+-]+@[\w-]+\.\w", re.IGNORECASE)
_NAPROXEN = {"id": "d1", "resourceType": "MedicationRequest", "code": "naproxen"}
_GABAPENTIN = {"id": "d2", "resourceType": "MedicationRequest", "code": "gabapentin", "dailyDoseMg": 3600}
_MRI = {"id": "d3", "resourceType": "ServiceRequest", "code": "mri-lumbar", "priority": "routine"}
_SADDLE = {"code": "saddle-sensation", "value": "reduced", "daysAgo": 0}
_RICH = FOOT_DROP | {
    "observations": [*FOOT_DROP["observations"], {"code": "egfr", "value": 25, "daysAgo": 5}],
    "devices": [{"code": "cardiac-pacemaker", "mrSafety": "unsafe"}],
    "medications": [{"code": "anticoagulant"}, {"code": "opioid"}],
    "allergies": [{"code": "ibuprofen"}],
    "reports": [{"code": "mri-lumbar", "daysAgo": 1, "lesion": "root-compression", "lesionSide": "right"}],
}
PATIENTS: dict[str, tuple[str, Json]] = {
    "a chart that is opened": ("patient-view", _RICH | {"reports": []}),
    "an emergency": ("patient-view", _RICH | {"observations": [*_RICH["observations"], _SADDLE]}),
    "orders that are signed": ("order-sign", _RICH | {"draftOrders": [_NAPROXEN, _GABAPENTIN, _MRI]}),
    "a patient who leaves": ("encounter-discharge", _RICH),
}
_SAID = frozenset(
    {"text", "display", "conclusion", "unit", "valueString", "comment", "div", "family", "given", "title"}
)


class Rendered(HTMLParser):
    """The elements of a text that was rendered, where its links lead, and its words outside of links."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.leads: list[str] = []
        self.attributes: set[str] = set()
        self.words = ""
        self._is_link = False
        self.feed(GITHUB.render(markdown))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.leads += [value or "" for name, value in attrs if name in ("href", "src")]
        self.attributes |= {name for name, _ in attrs}
        self._is_link = tag == "a"

    def handle_endtag(self, tag: str) -> None:
        self._is_link = self._is_link and tag != "a"

    def handle_comment(self, data: str) -> None:
        self.elements.append("a comment")

    def handle_decl(self, decl: str) -> None:
        self.elements.append("a declaration")

    def handle_data(self, data: str) -> None:
        self.words += "" if self._is_link else data


def cards(client: FlaskClient, patient: str, words: str) -> list[Json]:
    """The cards of a patient whose record says these words after every text of its own."""
    hook, facts = PATIENTS[patient]
    request = vignettes.request(facts, hook, NOW)
    for part in (request["prefetch"], request["context"]):
        _say(part, words)
    reply = client.post(f"/cds-services/foot-drop-{hook}", data=json.dumps(request), content_type="application/json")
    assert reply.status_code == 200, reply.text
    shown: list[Json] = reply.get_json()["cards"]
    return shown


def _say(value: Any, words: str) -> None:
    if isinstance(value, dict):
        if "coding" in value or value.get("resourceType") in ("Patient", "Condition"):
            value.setdefault("text", "")  # of a resource it is a Narrative: words there are of the wrong type
        for name, inner in value.items():
            if name in _SAID and isinstance(inner, str):
                value[name] = f"{inner} {words}".strip()  # a medicine is matched by its name: it stays in front
            else:
                _say(inner, words)
    if isinstance(value, list):
        for inner in value:
            _say(inner, words)


def lines(card: Json) -> Iterator[str]:
    """What a client shows beside the detail: one line each, and none of it Markdown."""
    yield card["summary"]
    yield card["source"]["label"]
    yield from (link["label"] for link in card.get("links", ()))
    yield from (reason["display"] for reason in card.get("overrideReasons", ()))
    for suggestion in card.get("suggestions", ()):
        yield suggestion["label"]
        yield from (action["description"] for action in suggestion["actions"])


def notes(card: Json) -> Iterator[str]:
    """The notes of new orders: Markdown, by FHIR."""
    for suggestion in card.get("suggestions", ()):
        for action in suggestion["actions"]:
            if action["type"] == "create":
                yield from (note["text"] for note in action["resource"].get("note", ()))


@cache
def plain(client: FlaskClient, patient: str) -> dict[str, list[str]]:
    """The elements of each card's detail where the record says nothing hostile."""
    return {topic(card): Rendered(card["detail"]).elements for card in cards(client, patient, "as recorded")}


def topic(card: Json) -> str:
    """The rule of a card."""
    code: str = card["source"]["topic"]["code"]
    return code


def own(card: Json) -> set[str]:
    """Where the links of a card may lead."""
    return {card["source"].get("url", ""), *(link["url"] for link in card.get("links", ()))}


PAIRS = [(words, patient) for number, words in enumerate(HOSTILE) for patient in PATIENTS]


def test_there_are_enough() -> None:
    assert len(HOSTILE) >= 200


@pytest.mark.parametrize("part", one_in(24, range(24)))
def test_no_word_of_a_record_acts_on_a_card(client: FlaskClient, part: int) -> None:
    for words, patient in PAIRS[part::24]:
        shown = cards(client, patient, words)
        assert {topic(card) for card in shown} == plain(client, patient).keys(), (words, patient)
        for card in shown:
            detail = Rendered(card["detail"])
            assert detail.elements == plain(client, patient)[topic(card)], (words, card["detail"])
            assert set(detail.leads) <= own(card), words
            assert detail.attributes <= {"href"}, words
            assert not AUTOLINK.search(detail.words), (words, detail.words)
            for text in notes(card):
                assert set(Rendered(text).elements) <= {"p"}, (words, text)


@pytest.mark.parametrize("part", one_in(24, range(24), 7))
def test_no_line_of_a_card_acts_even_where_it_is_taken_for_markup(client: FlaskClient, part: int) -> None:
    for words, patient in PAIRS[part::24]:
        for card in cards(client, patient, words):
            for line in lines(card):
                shown = Rendered(line)
                assert shown.elements == ["p"], (words, line)
                assert line.isprintable(), (words, line)
