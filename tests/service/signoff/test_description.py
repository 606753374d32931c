"""What is signed of a rule changes with whatever decides or is printed, and with nothing else."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from cards.language.precedence import Precedence
from cards.language.rule import Rule
from cards.record.codes import Codes
from cards.rule_book import make_rule_book, rule_book
from cards.value_sets.systems import SNOMED
from service.signoff import definitions
from service.signoff.changes import changes
from service.signoff.definitions import NoSourceError
from service.signoff.description import Description, describe
from tests.support.rules import book_with

SOURCE = '''"""A rule of a site's own."""

from cards import findings
from cards.language import Card, Indicator, Source, not_applicable, rule

DAYS = 14  # D5


@rule(
    "site-rule", hooks=["patient-view"], reads=[findings.foot_drop, findings.new_radicular_pain],
    source=Source(label="A guideline", year=2026), strength="conditional", quality="low", reviewed="2026-11-25",
    version="1.0.0", overrides=["already-arranged"],
)
def site_rule(chart):
    """Look at the foot again."""
    if not findings.new_radicular_pain(chart):
        return not_applicable("no new pain is recorded")
    return _card(chart)


def _card(chart):
    return Card(indicator=Indicator.INFO, summary=f"Look at the foot again in {DAYS} days.", detail="", because=())
'''

CHANGED = "~ definition: rule_of_a_site.site_rule"
NO_ROWS = Precedence(most_cards=5)
Write = Callable[..., Description]


@pytest.fixture
def described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes the rule, imports it, and describes it."""
    monkeypatch.syspath_prepend(tmp_path)
    # A text of the same length, written in the same second, is not told from the one that was compiled before.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(text: str = SOURCE, precedence: Precedence = NO_ROWS, **codes: Any) -> Description:
        (tmp_path / "rule_of_a_site.py").write_text(text, encoding="utf-8")
        _forget()
        module = importlib.import_module("rule_of_a_site")
        (rule,) = (value for value in vars(module).values() if isinstance(value, Rule))
        return describe(rule, make_rule_book([rule], precedence), Codes(**codes))

    yield write
    _forget()


def _forget() -> None:
    sys.modules.pop("rule_of_a_site", None)
    importlib.invalidate_caches()
    definitions.forget("rule_of_a_site")


@pytest.mark.parametrize(
    "change",
    [
        ("DAYS = 14  # D5", "DAYS = 14"),
        ("def site_rule(chart):", "def site_rule(\n    chart,\n):"),
        ("A rule of a site's own.", "A rule of our own, in other words."),
        ("from cards import findings\n", "import json\n\nfrom cards import findings\n"),
    ],
)
def test_how_a_rule_is_written_makes_no_difference(described: Write, change: tuple[str, str]) -> None:
    signed = described()
    assert SOURCE.replace(*change) != SOURCE
    assert described(SOURCE.replace(*change)).sha256 == signed.sha256


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("DAYS = 14", "DAYS = 15"), "~ threshold rule_of_a_site.DAYS: 14 -> 15"),
        (("again in", "once more in"), "+ words of the rule: Look at the foot once more in {DAYS} days."),
        (("no new pain", "no pain"), "- words of the rule: no new pain is recorded"),
        (("again.", "today."), "~ title: Look at the foot again. -> Look at the foot today."),
        (("if not findings.new", "if findings.new"), CHANGED),
        (("findings.new_radicular_pain(chart)", "findings.spinal_pain(chart)"), CHANGED),
        (("A guideline", "Another guideline"), "+ source: Another guideline"),
        (('version="1.0.0"', 'version="1.1.0"'), "~ version: 1.0.0 -> 1.1.0"),
    ],
)  # fmt: skip
def test_what_it_decides_and_prints_does(described: Write, change: tuple[str, str], told: str) -> None:
    signed = described()
    now = described(SOURCE.replace(*change))
    assert now.sha256 != signed.sha256
    assert told in changes(signed, now)


def test_a_row_of_the_precedence_does(described: Write) -> None:
    signed, critical = described(), Precedence(most_cards=5, only_alone=frozenset({"site-rule"}))
    now = described(precedence=critical)
    assert now.sha256 != signed.sha256
    assert changes(signed, now) == ["~ precedence.toml, only_alone: false -> true"]


def test_a_row_of_another_rule_does_not(described: Write) -> None:
    """New rules at the end of the order void nothing."""
    book = rule_book()
    order = book.precedence.order
    afo, later = book.rules["afo"], structs.replace(book.precedence, order=(*order[:-1], "site-rule", order[-1]))
    rules = [*book.rules.values(), structs.replace(book.rules["discharge-advice"], id="site-rule")]
    with_it = make_rule_book(rules, later)
    signed = describe(afo, book, Codes())
    assert describe(with_it.rules["afo"], with_it, Codes()).sha256 == signed.sha256


def test_a_code_does_whoever_adds_it(described: Write) -> None:
    signed = described()
    now = described(overlay={"condition.foot-drop": {SNOMED: ["1234567"]}})
    assert now.sha256 != signed.sha256
    assert changes(signed, now) == [f'+ condition.foot-drop: site condition.foot-drop {{"{SNOMED}":["1234567"]}}']
    again = described(overlay={"condition.foot-drop": {SNOMED: ["7654321", "1234567"]}})
    assert again.sha256 == described(overlay={"condition.foot-drop": {SNOMED: ["1234567", "7654321"]}}).sha256
    of_other_rules = {"order.mri-brain": {SNOMED: ["1234567"]}}
    assert described(overlay=of_other_rules).sha256 == signed.sha256


def test_what_is_kept_of_a_rule_is_read_again_as_it_was() -> None:
    book = rule_book()
    description = describe(book.rules["emg-ncs"], book, Codes())
    again = msgspec.json.decode(msgspec.json.encode(description), type=Description)
    assert again.sha256 == description.sha256
    assert changes(again, description) == []


def test_a_case_is_part_of_it_with_the_facts_of_its_template() -> None:
    book = rule_book()
    description = describe(book.rules["emg-ncs"], book, Codes())
    changed = structs.replace(description, cases=description.cases[1:])
    assert changed.sha256 != description.sha256
    assert changes(description, changed) == [f"- case: {description.cases[0]['name']}"]
    assert any(isinstance(case.get("like"), dict) for case in description.cases)


def test_the_findings_count_however_deep_they_are() -> None:
    book = rule_book()
    code = describe(book.rules["emg-ncs"], book, Codes()).code
    assert {
        "cards.rules.emg_ncs.emg_ncs",
        "cards.findings.foot_drop.RECENT",
        "cards.findings.gates.comfort_care",
    } <= set(code)
    assert "cards.record.extraction.RECENT_EVENT" in code  # a length of time by which records are read
    need = describe(book.rules["do-not-delay-imaging"], book, Codes()).code
    assert "cards.rules.cauda_equina_emergency.cauda_equina_emergency" in need  # it asks what that card asks for


def test_a_rule_without_a_source_cannot_be_described() -> None:
    scope: dict[str, Any] = {"__name__": "nowhere"}
    exec("def advise(chart): ...", scope)
    book = book_with({"afo": scope["advise"]})
    with pytest.raises(NoSourceError, match="the source of nowhere is missing"):
        describe(book.rules["afo"], book, Codes())
