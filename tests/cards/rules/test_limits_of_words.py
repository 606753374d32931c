"""The limits of what a card says, over every case, vignette and example: few words, and no contradiction."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from statistics import median
from typing import Any

import pytest

from cards.findings.mr_safety import mr_safety
from cards.orders.catalogue import CATALOGUE
from service.app import evaluator
from service.settings import Settings
from service.wire.detail import MOST_FACTS, counted
from service.wire.request import read
from tests.support import cases, examples_on_disk
from tests.support.answered import answers
from tests.support.places import DOCS

Json = dict[str, Any]

MOST_WORDS, MOST_ADVICE, MEDIAN_WORDS = 120, 40, 70
# Said beside the advice, each on its own line: the screen (D72), the mimics (D99), goals and follow-up (D65, D85).
BESIDE_THE_ADVICE = (
    "Cauda equina screen", "Mimics: ", "Palliative care", "Then: ", "Pregnancy: ", "Also: ", "Included in the order",
)  # fmt: skip
NOT_COUNTED = ("Report of ", "On leaving, ")  # the quoted conclusion, and the return advice at discharge
TO_THE_PATIENT = "Tell the patient to return"
STANDING = re.compile(r"(?:.+; (?:strong|conditional|expert judgement)|Expert judgement); draft, not yet signed$")
WITH_CONTRAST = re.compile(r"(?:with and without|without and with|without) contrast|non-contrast|without gadolinium")
MRI = {key: entry for key, entry in CATALOGUE.items() if key.startswith("order.mri-") and "safety" not in key}


@cache
def cards() -> tuple[tuple[str, Json, Json], ...]:
    """Where it was shown, the request, and the card."""
    asked = [(answer.name, answer.request, card) for answer in answers() for card in answer.cards]
    return (*asked, *of_examples())


@cache
def of_examples() -> tuple[tuple[str, Json, Json], ...]:
    return tuple(
        (name, request, card) for name, request, response in examples_on_disk.read() for card in response["cards"]
    )


def paragraphs(card: Json) -> list[str]:
    """The parts of a detail that are counted."""
    return [part for part in str(card["detail"]).split("\n\n") if not part.startswith(NOT_COUNTED)]


def test_half_of_the_examples_have_details_of_few_words_and_none_has_many() -> None:
    words = [counted(paragraphs(card)) for _, _, card in of_examples()]
    assert len(words) > 100
    assert median(words) <= MEDIAN_WORDS
    assert max(words) <= MOST_WORDS


def test_what_is_published_of_a_visit_is_what_the_examples_say() -> None:
    charts = [
        response["cards"] for _, request, response in examples_on_disk.read() if request["hook"] == "patient-view"
    ]
    cards = [card for chart in charts for card in chart]
    of_charts = [sum(counted([card["summary"], card["detail"]]) for card in chart) for chart in charts]
    of_details = [counted([card["detail"]]) for card in cards]
    rows = {
        "charts": str(len(charts)),
        "cards": str(len(cards)),
        "cards a chart": f"{len(cards) / len(charts):.2f}",
        "critical cards": str(sum(card["indicator"] == "critical" for card in cards)),
        "charts with 0, 1, 2, 3, 4, 5 cards": ", ".join(str(list(map(len, charts)).count(each)) for each in range(6)),
        "words a chart, median and most": f"{round(median(of_charts) + 0.1)}, {max(of_charts)}",
        "words a detail, median and most": f"{round(median(of_details) + 0.1)}, {max(of_details)}",
    }
    page = (DOCS / "clinical.md").read_text(encoding="utf-8")
    published = dict(re.findall(r"^\| ([^|]+) \|.* \| ([^|]+) \|$", page.partition("## 5. ")[2], re.MULTILINE))
    assert rows.items() <= published.items()


def test_no_detail_has_many_words() -> None:
    for name, _, card in cards():
        assert counted(paragraphs(card)) <= MOST_WORDS, (name, card["detail"])


def test_the_advice_beyond_the_summary_is_short() -> None:
    for name, _, card in cards():
        advice = [sentence for part in _before_because(card) for sentence in _advice(part)]
        assert counted(advice) <= MOST_ADVICE, (name, advice)


def _before_because(card: Json) -> Iterator[str]:
    for part in paragraphs(card):
        if part == "**Because**":
            return
        yield part


def _advice(part: str) -> Iterator[str]:
    """The sentences of a paragraph that say what to do; lines that are said beside it are not."""
    for sentence in re.split(r"(?<=[.?!]) (?=[A-Z*])", part):
        if not sentence.startswith((*BESIDE_THE_ADVICE, TO_THE_PATIENT)):
            yield sentence


def test_the_parts_of_a_detail_stand_in_one_order() -> None:
    for name, _, card in cards():
        parts = str(card["detail"]).split("\n\n")
        places = [place for place, part in enumerate(parts) if part == "**Because**" or part.startswith("**Ask** ")]
        (standing,) = (place for place, part in enumerate(parts) if STANDING.match(part))
        assert places == sorted(places), name
        assert all(place < standing for place in places), name
        assert len(parts) - standing <= 2 or "could not be read" in parts[-1], (name, parts)
        facts = [line for line in card["detail"].splitlines() if line.startswith("- ")]
        assert len(facts) <= MOST_FACTS, name


@pytest.mark.parametrize("words", ["<=", "&lt;=", ">=", "&gt;=", "unnamed", "not named", "scan it", "of the saddle"])
def test_no_card_says(words: str) -> None:
    for name, _, card in cards():
        labels = [suggestion["label"] for suggestion in card.get("suggestions", ())]
        for text in (card["summary"], card["detail"], *labels):
            assert words not in text, (name, text)


def test_no_summary_ends_in_an_ellipsis() -> None:
    for name, _, card in cards():
        assert not card["summary"].endswith(("…", "...")), (name, card["summary"])


def _ordered(card: Json, *, recommended: bool = False) -> list[str]:
    """The keys of the MRIs that a card offers."""
    suggestions = [one for one in card.get("suggestions", ()) if one.get("isRecommended") or not recommended]
    texts = [
        action["resource"].get("code", {}).get("text", "")
        for suggestion in suggestions
        for action in suggestion["actions"]
        if action["type"] == "create"
    ]
    return [key for key, entry in MRI.items() for text in texts if text.startswith(entry.text)]


def test_no_mri_is_offered_to_a_patient_whose_implant_is_unsafe() -> None:
    evaluates, unsafe = evaluator(Settings(dev=True), cases.NOW), 0
    judged: dict[str, bool] = {}  # each request once: its cards follow each other
    for name, request, card in cards():
        if name not in judged:
            judged[name] = _is_unsafe(evaluates, json.dumps(request), request["hook"])
        if not judged[name]:
            continue
        unsafe += 1
        actions = (action for one in card.get("suggestions", ()) for action in one["actions"])
        updated = [action for action in actions if action["type"] == "update"]
        assert not _ordered(card), (name, card["summary"])
        assert not any("MRI" in json.dumps(action["resource"].get("code")) for action in updated), name
    assert unsafe > 10


def _is_unsafe(evaluates: Any, request: str, hook: str) -> bool:
    if "device" not in request.lower():
        return False
    chart = evaluates.evaluate(read(request.encode(), hook)).chart
    return bool(mr_safety(chart).level == "unsafe")


def test_a_summary_and_its_button_agree_about_contrast() -> None:
    compared = 0
    for name, _, card in cards():
        said = WITH_CONTRAST.search(card["summary"])
        offered = {key for key in _ordered(card, recommended=True) if key != "order.mri-brain"}
        if said and offered:
            compared += 1
            has_contrast = said[0].endswith("contrast") and " and " in said[0]
            assert all(key.endswith("contrast") == has_contrast for key in offered), (name, card["summary"], offered)
    assert compared > 20


def test_what_must_not_be_prescribed_has_no_dose() -> None:
    for name, _, card in cards():
        if "o not prescribe" in card["summary"]:
            assert "lowest dose" not in card["detail"], name
            assert "For this clearance" not in card["detail"], name
