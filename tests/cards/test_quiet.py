"""A card that is quiet after an answer counts as shown (D56): the others are what they would be beside it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.decide import Decision, decide
from cards.language.verdict import Card, Kind, Silent
from cards.rule_book import rule_book
from tests.support import cases
from tests.support.charts import Patient, fixed, patients
from tests.support.facts import Facts
from tests.support.patients import FOOT_DROP

WHY = "it was overridden"
EMERGENCY = {
    **FOOT_DROP,
    "observations": [*FOOT_DROP["observations"], {"code": "saddle-sensation", "value": "reduced", "daysAgo": 1}],
}


def decided(facts: Facts, hook: str, quiet: frozenset[str] = frozenset()) -> Decision:
    """The decision when these rules' cards are quiet."""
    chart = cases.chart(facts, hook)
    return decide(chart, rule_book(), quiet=lambda rule, _: WHY if rule in quiet else "")


def told(decision: Decision, without: frozenset[str] = frozenset()) -> list[tuple[object, ...]]:
    """What is shown, but for where an order is that stands on another card."""
    return [
        (one.rule.id, one.card.indicator, one.card.summary, one.card.suggestions, one.card.because)
        for one in decision.shown
        if one.rule.id not in without
    ]


@fixed(60)
@given(patients(), st.randoms(use_true_random=False))
def test_the_others_are_shown_as_if_it_were_there(patient: Patient, random: object) -> None:
    before = decided(patient.facts, patient.hook)
    rules = [one.rule.id for one in before.shown]
    quiet = frozenset(rule for rule in rules if random.random() < 0.5)  # type: ignore[attr-defined]
    after = decided(patient.facts, patient.hook, quiet)
    assert told(after) == told(before, quiet)
    for rule, verdict in after.verdicts.items():
        if rule in quiet:
            assert isinstance(verdict, Silent)
            assert (verdict.kind, verdict.why) == (Kind.SUPPRESSED, WHY)
            assert verdict.card == before.verdicts[rule], "the verdict keeps the card"
        elif isinstance(verdict, Silent):
            assert verdict == before.verdicts[rule]


def test_the_order_of_a_quiet_card_is_offered_by_no_other() -> None:
    """The emergency's MRI of the lumbar spine covers what others would ask for (D98)."""
    facts = {**EMERGENCY, "conditions": [*EMERGENCY["conditions"], {"code": "cancer-active"}, {"code": "back-pain"}]}
    before = decided(facts, "patient-view")
    included = [one for one in before.shown if "Included in the order above: " in one.card.detail]
    assert included
    quiet = frozenset(one.rule.id for one in before.shown if one.card.suggestions) - {included[0].rule.id}
    after = decided(facts, "patient-view", quiet)
    detail = next(one.card.detail for one in after.shown if one.rule.id == included[0].rule.id)
    assert "Included in the order of a card that was answered: " in detail
    assert "above" not in detail


@pytest.mark.parametrize("rule", ["cauda-equina-emergency"])
def test_what_a_critical_card_drops_stays_dropped(rule: str) -> None:
    after = decided(EMERGENCY, "patient-view", frozenset({rule}))
    assert not any(isinstance(after.verdicts[other], Card) for other in rule_book().precedence.critical_card.drops)


def test_at_discharge_general_advice_is_not_shown_instead() -> None:
    """It says what every other card says, which was answered (D73)."""
    before = decided(FOOT_DROP, "encounter-discharge")
    assert before.shown
    after = decided(FOOT_DROP, "encounter-discharge", frozenset(one.rule.id for one in before.shown))
    assert after.shown == ()
