"""The words of every card: short, and never acting as markup, whatever the record says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from markdown_it import MarkdownIt

from tests.support import vignettes
from tests.support.answered import answers
from tests.support.patients import NOW
from tests.support.places import DATA

Json = dict[str, Any]
VIGNETTES = json.loads((DATA / "vignettes.json").read_text(encoding="utf-8"))
# As the most trusting client would render it.
GITHUB = MarkdownIt("gfm-like", {"html": True, "linkify": False})
ACTIVE = {"html_block", "html_inline", "image", "code_inline", "fence", "code_block", "heading_open", "table_open"}
MARKUP = re.compile(r"<[a-zA-Z/!?]|\]\(|\*\*|`|!\[|&[a-z#]\w*;|^#|javascript:", re.IGNORECASE)

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<!-- hidden --> <details open ontoggle=alert(1)>",
    "</p><a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1)) ![y](https://evil.example/y.png)",
    "[1]: https://evil.example\\n[x][1] <https://evil.example>",
    "**loud** `code` ~~~\\n```\\n# heading\\n",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "&lt;script&gt; &#60;b&#62; &colon;",
    "\\<b>\\\\[x](y)",
    "\u202eevil\u2066 www.evil.example a@evil.example",
]
LONG = ["W" * 5000, "word " * 1000, "\U0001f9b6" * 400, "é" * 300, "脚" * 300, "a\u0301" * 300]


PARTS = 3  # of the vignettes: `make test` tries each text with another third


def texts(words: list[str]) -> pytest.MarkDecorator:
    """Each text with each part of the vignettes."""
    pairs = [
        pytest.param(
            text,
            VIGNETTES[part::PARTS],
            id=f"{text[:20]!r} {part}",
            marks=() if part == place % PARTS else pytest.mark.long,
        )
        for place, text in enumerate(words)
        for part in range(PARTS)
    ]
    return pytest.mark.parametrize(("words", "some"), pairs)


def utf16(words: str) -> int:
    """The length that a JavaScript client counts."""
    return len(words.encode("utf-16-le")) // 2


def cards_with(client: FlaskClient, vignette: Json, words: str) -> list[Json]:
    """The cards of a vignette whose record says these words after, or instead of, every text of its own."""
    request = vignettes.request(vignette["facts"], vignette["hook"], NOW)
    for part in (request["prefetch"], request["context"]):
        _say(part, words)
    reply = client.post(f"/cds-services/foot-drop-{request['hook']}", json=request)
    assert reply.status_code == 200, reply.text
    found: list[Json] = reply.get_json()["cards"]
    return found


def _say(value: Any, words: str) -> None:
    if isinstance(value, dict):
        if "coding" in value:
            value.setdefault("text", "")
        for name, each in value.items():
            if name in ("text", "display", "conclusion", "unit") and isinstance(each, str):
                # a medicine is matched by its name: it stays in front
                value[name] = words if name == "conclusion" else f"{each} {words}".strip()
            else:
                _say(each, words)
    if isinstance(value, list):
        for each in value:
            _say(each, words)


def acting(markdown: str) -> tuple[set[str], list[str]]:
    """The kinds of token that are more than words, and where its links lead."""
    tokens = GITHUB.parse(markdown)
    inner = [each for token in tokens for each in [token, *(token.children or [])]]
    links = [str(each.attrs["href"]) for each in inner if each.type == "link_open"]
    return {each.type for each in inner} & ACTIVE, links


@texts(HOSTILE)
def test_no_word_of_the_record_acts(client: FlaskClient, words: str, some: list[Json]) -> None:
    for vignette in some:
        for card in cards_with(client, vignette, words):
            active, links = acting(card["detail"])
            assert not active, (vignette["id"], card["detail"])
            assert set(links) <= {card["source"].get("url")}, (vignette["id"], card["detail"])
            assert not MARKUP.search(card["summary"]), vignette["id"]
            for note in _notes(card):
                assert not acting(note)[0] & {"html_block", "html_inline", "image"}, (vignette["id"], note)


def _notes(card: Json) -> Iterator[str]:
    """The notes of the suggested orders: in FHIR R4, an Annotation's text is markdown."""
    for suggestion in card.get("suggestions", ()):
        for action in suggestion["actions"]:
            if action["type"] == "create":
                yield from (note["text"] for note in action["resource"].get("note", ()))


@texts(LONG)
def test_a_summary_is_short_however_long_the_record_s_words_are(
    client: FlaskClient, words: str, some: list[Json]
) -> None:
    for vignette in some:
        for card in cards_with(client, vignette, words):
            assert 0 < utf16(card["summary"]) < 140, card["summary"]
            assert utf16(card["detail"]) < 6000
            assert "\n" not in card["summary"]


def test_every_summary_is_one_short_plain_sentence() -> None:
    for answer in answers():
        for card in answer.cards:
            summary = card["summary"]
            assert 0 < utf16(summary) < 140, answer.name
            assert summary == " ".join(summary.split())
            assert not MARKUP.search(summary), summary


def test_every_detail_is_markdown_without_html() -> None:
    details = {(card["detail"], card["source"].get("url")) for answer in answers() for card in answer.cards}
    assert len(details) > 100
    for detail, url in details:
        active, links = acting(detail)
        assert not active, detail
        assert set(links) <= {url}, detail
