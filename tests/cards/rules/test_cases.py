"""Every case of every rule, through real FHIR and the real chart; and that each rule has the cases it needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from cards.decide import decide
from cards.language.sources import SOURCES
from cards.language.verdict import Card, Plan, Redose, Remove, Reprioritise, Silent
from cards.rule_book import rule_book
from tests.support import cases

RULES = rule_book().rules
EXPECTED = frozenset({"indicator", "summary", "detail", "source", "orders", "without", "unseen", "recommended", "any"})

ALL = [
    pytest.param(rule, case, id=f"{rule}: {case['name']}") for rule, path in cases.files() for case in cases.read(path)
]


def _hook(rule: str, case: cases.Case) -> str:
    return str(case.get("hook", RULES[rule].hooks[0]))


@pytest.mark.parametrize(("rule", "case"), ALL)
def test_case_holds_and_its_rule_reads_only_what_it_declares(rule: str, case: cases.Case) -> None:
    check_case(rule, case)
    _check_reads(rule, case)


def check_case(rule: str, case: cases.Case) -> None:
    """The rule decides as its case says; what is asked of mutants too."""
    verdict = decide(cases.chart(case, _hook(rule, case)), rule_book()).verdicts[rule]
    if "card" in case:
        _check_card(rule, verdict, case["card"])
    else:
        _check_silence(verdict, case["silent"])


def _check_reads(rule: str, case: cases.Case) -> None:
    """Prefetch is made of what a rule declares: an undeclared read, of a gate too, would be a fact never asked for."""
    hook = _hook(rule, case)
    book = structs.replace(rule_book(), by_hook={hook: (RULES[rule],)})
    chart = cases.chart(case, hook, declared=RULES[rule].reads)
    assert decide(chart, book).verdicts.keys() == {rule}


def _check_card(rule: str, verdict: Card | Silent, wanted: cases.Case | str) -> None:
    """`card = "warning"`, or a table: indicator, summary and detail (parts of them), source, orders, recommended, any.

    `orders` are "key priority", or "key priority side"; `recommended` are all the orders of the recommended
    suggestions; `any` says whether several suggestions may be taken.
    """
    wanted = {"indicator": wanted} if isinstance(wanted, str) else wanted
    assert wanted.keys() <= EXPECTED, "a misspelt expectation"
    assert isinstance(verdict, Card), verdict
    assert verdict.indicator.value == wanted["indicator"], verdict.summary
    assert wanted.get("summary", "") in verdict.summary
    assert wanted.get("detail", "") in "\n\n".join([verdict.detail, verdict.quote, verdict.return_advice, verdict.ask])
    assert "source" not in wanted or (verdict.source or RULES[rule].source) is SOURCES[wanted["source"]]
    orders = [_ordered(plan) for suggestion in verdict.suggestions for plan in suggestion.plans]
    sided = [f"{_ordered(plan)} {side}" for each in verdict.suggestions for plan in each.plans if (side := _side(plan))]
    assert set(wanted.get("orders", ())) <= {*orders, *sided}, orders
    best = {_ordered(plan) for each in verdict.suggestions if each.is_recommended for plan in each.plans}
    assert set(wanted.get("recommended", best)) == best
    assert wanted.get("any", not verdict.one_suggestion_only) == (not verdict.one_suggestion_only)
    assert not set(wanted.get("without", ())) & {order.partition(" ")[0] for order in orders}
    assert list(wanted.get("unseen", verdict.unseen)) == list(verdict.unseen)


def _side(plan: Plan | Reprioritise | Redose | Remove) -> str:
    return plan.side if isinstance(plan, Plan) else ""


def _ordered(plan: Plan | Reprioritise | Redose | Remove) -> str:
    """`mri-lumbar urgent`, `medication.acetaminophen routine`, `MedicationRequest/m1 300 mg`, `... removed`."""
    if isinstance(plan, Plan):
        return f"{plan.key.removeprefix('order.')} {plan.priority}"
    if isinstance(plan, Redose):
        return f"{plan.draft.reference} {plan.daily_mg:g} mg"
    return f"{plan.draft.reference} {plan.priority if isinstance(plan, Reprioritise) else 'removed'}"


def _check_silence(verdict: Card | Silent, wanted: cases.Case | str) -> None:
    """`silent = "part of the sentence"`, or a table: kind, why, and the indicator of the card that was kept."""
    wanted = {"why": wanted} if isinstance(wanted, str) else wanted
    assert wanted.keys() <= {"kind", "why", "kept"}, "a misspelt expectation"
    assert isinstance(verdict, Silent), verdict.summary
    assert wanted.get("why", "") in verdict.why
    assert wanted.get("kind", verdict.kind.value) == verdict.kind.value, verdict.why
    assert "kept" not in wanted or (verdict.card is not None and verdict.card.indicator.value == wanted["kept"])


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_has_cases_in_which_it_speaks_and_cases_in_which_it_is_silent(rule: str) -> None:
    written = dict(cases.files())
    own = cases.read(written[rule])
    assert any("card" in case for case in own)
    assert sum("silent" in case for case in own) * 5 >= len(own) * 2, "at least two cases in five prove silence"


def test_every_branch_with_a_source_of_its_own_has_a_case_that_names_it() -> None:
    expected = [case.get("card") for _, path in cases.files() for case in cases.read(path)]
    named = {card["source"] for card in expected if isinstance(card, dict) and "source" in card}
    assert {key for key in SOURCES if "." in key} <= named


def test_every_case_file_belongs_to_a_rule() -> None:
    assert {rule for rule, _ in cases.files()} == set(RULES)


def test_case_names_are_unique_within_a_rule() -> None:
    for _, path in cases.files():
        names = [case["name"] for case in cases.read(path)]
        assert len(names) == len(set(names)), path.name


def test_a_misspelt_fact_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text('[[case]]\nname = "wrong"\nobservation = []\nsilent = ""\n', encoding="utf-8")
    with pytest.raises(ValueError, match="there is no fact 'observation'"):
        cases.read(path)
