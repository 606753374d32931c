"""When the care that a card suggests was really ordered for the first time."""

from __future__ import annotations

from collections.abc import Iterable

from cards.language.verdict import Card, Plan
from cards.record.codes import Codes, RecordCodes
from cards.record.moments import Moment
from cards.record.records import ServiceRequest
from cards.record.requests import is_ordered
from service.backtest.as_of import Fact, Times


class FirstOrders:
    """The day of the first real order of each kind, at any time, in one patient's record."""

    def __init__(self, facts: Iterable[Fact], codes: Codes, times: Times) -> None:
        self._first: dict[str, Moment] = {}
        known = RecordCodes(codes, [])
        for fact in facts:
            record = fact.record
            if not isinstance(record, ServiceRequest) or record.doNotPerform:
                continue
            placed = times.read(fact.known)
            if placed is None:
                continue
            if not is_ordered(record.intent) or record.status == "entered-in-error":
                continue
            keys = (*known.keys(record, record.code, "order"), *known.keys(record, record.codeCodeableConcept, "order"))
            for key in keys:
                if key not in self._first or self._first[key].is_after(placed):
                    self._first[key] = placed

    def of(self, card: Card) -> str:
        """The day on which the first of the orders that a card suggests was placed; empty if none ever was."""
        days = [str(self._first[key].day) for key in suggested(card) if key in self._first]
        return min(days, default="")


def suggested(card: Card) -> list[str]:
    """The orders that a card suggests or mentions, as keys of bindings.toml."""
    plans = [plan for suggestion in card.suggestions for plan in suggestion.plans if isinstance(plan, Plan)]
    keys = [plan.key for plan in plans] + ([card.wanted.key] if card.wanted else [])
    return list(dict.fromkeys(keys))
