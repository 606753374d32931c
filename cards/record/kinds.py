"""The kinds of facts, where only the newest of each kind are kept: a kind is what may matter apart from the key."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

from cards.record.facts import Fact, Order, Problem, Procedure, Report
from cards.record.newest import MOST_OF_A_KIND, by_key, clocked

F = TypeVar("F", bound=Fact)


def bound(facts: dict[str, list[F]], kinds: Callable[[F], list[Hashable]]) -> None:
    """Keep the newest facts of each kind, where a key has more of them than anybody has."""
    for key, of_key in facts.items():
        if len(of_key) > MOST_OF_A_KIND:
            facts[key] = by_key(of_key, kinds)


def kind_of_problem(problem: Problem) -> list[Hashable]:
    """A side, and how its time is written."""
    return [(problem.side, clocked(problem))]


def kinds_of_report(report: Report) -> list[Hashable]:
    """Each lesion that it concludes, or none."""
    return [(lesion, clocked(report)) for lesion in report.lesions or ("",)]


def kind_of_order(order: Order) -> list[Hashable]:
    """What decides, apart from its key and date, what an order answers."""
    urgency = order.priority if order.priority in ("stat", "asap", "urgent") else ""
    return [(order.is_pending, order.is_placed, order.declined, urgency, clocked(order))]


def kind_of_procedure(procedure: Procedure) -> list[Hashable]:
    """How its time is written."""
    return [clocked(procedure)]
