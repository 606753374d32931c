"""The rules, their order and what they read: built once, and used by the code that decides, gathers and publishes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from importlib.resources import files
from pkgutil import iter_modules
from types import MappingProxyType
from typing import Any

from msgspec import Struct, structs

from cards import rules as room
from cards.findings.foot_drop import foot_drop
from cards.findings.gates import comfort_care, long_settled, off_gate, palliative_care, trauma_path
from cards.findings.mr_safety import mr_safety
from cards.findings.red_flags import past_cancer
from cards.language.finding import Finding
from cards.language.precedence import Precedence, read_precedence
from cards.language.rule import Rule
from cards.offers import reads_of_orders
from cards.record.prefetch_keys import supplied_by


class RuleBookError(ValueError):
    """The rules and the table of precedence do not fit together; the message names the rule."""


class RuleBook(Struct, frozen=True, kw_only=True):
    """Every rule in the order of precedence.

    The `reads` of a rule are all the keys of bindings.toml on which its verdict and its orders depend: those that it
    declares, those of its gates, those of the rules that it asks, and those that its orders state. `supplies` holds,
    by rule, the prefetch keys that supply the verdict, and `by_hook` the rules of each hook.
    """

    rules: Mapping[str, Rule]
    precedence: Precedence
    supplies: Mapping[str, frozenset[str]]
    by_hook: Mapping[str, tuple[Rule, ...]]

    def read_by(self, hook: str) -> frozenset[str]:
        """The keys of bindings.toml that the rules of a hook read together."""
        return frozenset().union(*(rule.reads for rule in self.by_hook.get(hook, ())))


@cache
def rule_book() -> RuleBook:
    """The book of all rules in cards/rules. Raises RuleBookError."""
    modules = [import_module(f"{room.__name__}.{module.name}") for module in iter_modules(room.__path__)]
    rules = [value for module in modules for value in vars(module).values() if isinstance(value, Rule)]
    table = files(room).joinpath("precedence.toml").read_text(encoding="utf-8")
    return make_rule_book(rules, read_precedence(table))


def make_rule_book(rules: Iterable[Rule], precedence: Precedence) -> RuleBook:
    """The book of the given rules; those that the table does not name come last, sorted by id.

    Raises RuleBookError if two rules share an id, or if the table names an id that no rule has.
    """
    by_id: dict[str, Rule] = {}
    for rule in rules:
        if rule.id in by_id:
            raise RuleBookError(f"two rules are called {rule.id}: an id is part of the wire format, never reused")
        by_id[rule.id] = rule
    if strangers := sorted(set(precedence.named()) - by_id.keys()):
        raise RuleBookError(f"precedence.toml names {', '.join(strangers)}, but no rule has that id")
    reads = {
        id: _all_reads(by_id[id], by_id, precedence)
        for id in (*precedence.order, *sorted(by_id.keys() - set(precedence.order)))
    }
    ranked = {id: structs.replace(by_id[id], reads=read | reads_of_orders(by_id[id])) for id, read in reads.items()}
    hooks = {hook for rule in ranked.values() for hook in rule.hooks}
    return RuleBook(
        rules=MappingProxyType(ranked),
        precedence=precedence,
        supplies=MappingProxyType({id: _supplied(read) for id, read in reads.items()}),
        by_hook=MappingProxyType(
            {hook: tuple(rule for rule in ranked.values() if hook in rule.hooks) for hook in hooks}
        ),
    )


def _supplied(reads: frozenset[str]) -> frozenset[str]:
    return frozenset(name for key in reads for name in supplied_by(key))


def _all_reads(rule: Rule, by_id: Mapping[str, Rule], precedence: Precedence) -> frozenset[str]:
    """The keys that a rule and its gates read, and those of the rules that it depends on and their gates."""
    asked = asked_by(rule, precedence)
    return _reads(rule, precedence).union(*(_reads(by_id[id], precedence) for id in asked))


def asked_by(rule: Rule, precedence: Precedence) -> frozenset[str]:
    """The ids of the rules whose verdicts a rule depends on."""
    asked = {imaging.rule for imaging in precedence.imaging if rule.asks_imaging_need}
    return frozenset(
        asked | {louder for imaging in precedence.imaging if imaging.rule == rule.id for louder in imaging.yields_to}
    )


def _reads(rule: Rule, precedence: Precedence) -> frozenset[str]:
    """The keys that a rule declares and those that its gates read."""
    return rule.reads.union(*(gate.reads for gate in gates_of(rule, precedence)))


def gates_of(rule: Rule, precedence: Precedence) -> tuple[Finding[Any], ...]:
    """The shared definitions that may silence or change the card of a rule, whatever the rule itself reads."""
    gates: dict[Finding[Any], bool] = {
        palliative_care: True,
        foot_drop: rule.needs_foot_drop,
        comfort_care: rule.id not in precedence.comfort_care.speaks,
        trauma_path: rule.id in precedence.trauma_path.silences,
        off_gate: rule.id in precedence.known_cause.silences,
        past_cancer: "problem-list-item-create" in rule.hooks,
        long_settled: rule.id in precedence.long_settled.silences,
        mr_safety: any(imaging.rule == rule.id and imaging.replaced_by for imaging in precedence.imaging),
    }
    return tuple(gate for gate, applies in gates.items() if applies)
