"""The cards and the pairs on the page of a rule: what the cases say, and nothing else."""

from __future__ import annotations

import json
import re
from datetime import UTC, timedelta
from html import unescape
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient

from cards.language.verdict import Card
from cards.rule_book import rule_book
from service import case_examples
from service.app import signing
from service.evaluation import Evaluator
from service.publish.drawn import Drawing, Outcome
from service.publish.ruler import drawn, windows
from service.settings import Settings
from service.wire.request import read
from tests.support import cases
from tests.support.known import KNOWN
from tests.support.patients import NOW
from tests.support.sampling import one_in

SITE = signing(Settings())
DRAWING = Drawing(SITE)
CASES = {rule: cases.read(path) for rule, path in cases.files()}


@pytest.mark.parametrize("rule", one_in(7, sorted(KNOWN & CASES.keys())))
def test_every_card_and_every_pair_is_what_its_case_expects(rule: str) -> None:
    told = DRAWING.of_rule(rule)
    assert told.cards
    for one in told.cards:
        case = CASES[rule][int(one.case)]
        assert one.sentence == case["name"]
        expected = case["card"]
        assert one.card["indicator"] == (expected if isinstance(expected, str) else expected["indicator"])
    for pair in told.pairs:
        assert sorted(_speaks(side) for side in pair.sides) == [False, True], pair
        for side in pair.sides:
            assert _speaks(side) == ("card" in CASES[rule][int(side.case)]), side
    levels = {one.card["indicator"] for one in told.cards}
    assert levels == {_level(case["card"]) for case in CASES[rule] if "card" in case}, "no level is left out"


@pytest.mark.parametrize("rule", one_in(7, sorted(KNOWN & CASES.keys())))
def test_a_case_that_is_opened_stays_what_it_is_while_it_is_looked_at(rule: str) -> None:
    """Those at the very end of a window too."""
    for minutes in (0, 5, 25):
        evaluator = Evaluator(SITE.codes, None, UTC, 10, NOW + timedelta(minutes=minutes), SITE.book)
        for pair in DRAWING.of_rule(rule).pairs:
            for side in pair.sides:
                opened = case_examples.at(rule, side.case, NOW)
                assert opened is not None
                evaluation = evaluator.evaluate(read(json.dumps(opened.request).encode()))
                verdict = evaluation.decision.verdicts[rule]
                assert isinstance(verdict, Card) == _speaks(side), (side, minutes)


def _speaks(side: Outcome) -> bool:
    return side.does.startswith("speaks")


def _level(card: object) -> str:
    return str(card["indicator"] if isinstance(card, dict) else card)


def test_a_pair_stands_on_the_page_and_leads_into_the_simulator(client: FlaskClient) -> None:
    text = unescape(client.get("/rules/discharge-advice").get_data(as_text=True))
    assert "84 days: speaks (info)" in text
    assert "85 days: silent (not-applicable)" in text
    links = re.findall(r'href="(/simulator/cases/[^"]+)"', text)
    assert len(links) >= 2
    for link in set(links):
        page = client.get(link).get_data(as_text=True)
        number = link.rpartition("/")[2]
        assert CASES["discharge-advice"][int(number)]["name"] in unescape(page)


def test_the_ruler_shows_every_window_and_says_it_in_words(client: FlaskClient) -> None:
    read = SITE.dossier("emg-ncs")
    told = windows(read.description.thresholds, read.thresholds)
    assert [window.days for window in told] == sorted(window.days for window in told)
    page = client.get("/rules/emg-ncs").get_data(as_text=True)
    assert drawn(told).count("<rect") == len(told)
    for window in told:
        assert f"<dt>{window.said}</dt>" in page
    assert "denervation: limb denervation takes two to three weeks" in page
    assert any(("exam window" in dict(window.names)) for window in told if window.days == 30)


def test_a_window_reaches_its_mark_on_the_ruler() -> None:
    told = windows({f"x.{days}": f"timedelta(days={days})" for days in (1, 7, 30, 90, 365)}, ())
    ruler = ElementTree.fromstring(drawn(told))
    marks = [float(one.attrib["x1"]) for one in ruler.iter("line")]
    ends = [float(one.attrib["x"]) + float(one.attrib["width"]) for one in ruler.iter("rect")]
    assert ends == marks
    assert [one.text for one in ruler.iter("text")] == [
        *("1 d", "7 d", "30 d", "90 d", "1 y"),
        *("1 day", "7 days", "30 days", "90 days", "365 days"),
    ]


def test_what_is_written_in_hours_is_said_in_hours() -> None:
    (only,) = windows({"cards.findings.x.UNSIGNED": "timedelta(hours=36)", "cards.findings.x.GRADE": "3"}, [])
    assert (only.said, only.names) == ("36 hours", (("unsigned", ""),))


def test_a_rule_without_stored_cases_has_a_page_without_drawn_cards() -> None:
    assert case_examples.of_rule("a-rule-of-tomorrow").cases == {}
    assert DRAWING.of_rule("a-rule-of-tomorrow").cards == ()


def test_every_rule_that_is_known_has_stored_cases() -> None:
    without = [
        rule for rule in rule_book().rules if rule in KNOWN & CASES.keys() and not case_examples.of_rule(rule).cases
    ]
    assert without == [], "python -m tests.support.make_examples"
