"""departures.toml holds every decision that departs from the clinical rules, in its words, by rule."""

from __future__ import annotations

from cards.language.departures import departures, read_departures
from cards.rule_book import rule_book
from tests.support.departures import FILE, decided, kept, written

RULES = rule_book().rules


def test_the_texts_are_those_of_the_decisions() -> None:
    as_it_would_be = written({number: entry.get("rules", []) for number, entry in kept().items()})
    assert FILE.read_text(encoding="utf-8") == as_it_would_be, "python -m tests.support.departures"


def test_every_rule_that_a_departure_names_is_among_its_rules() -> None:
    assert {rule for departure in read_departures() for rule in departure.rules} <= RULES.keys()
    for departure in read_departures():
        named = {rule for rule in RULES if rule in departure.text}
        assert not departure.rules or named <= set(departure.rules), departure.number


def test_each_rule_has_departures_of_its_own_or_those_of_all() -> None:
    assert len(decided()) > 40
    for rule in RULES:
        assert {"D94", "D96"} <= {departure.number for departure in departures(rule)}
    assert "D90" in {departure.number for departure in departures("gabapentinoid-safety")}
    assert "D90" not in {departure.number for departure in departures("afo")}
