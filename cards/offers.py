"""The orders of all cards of an answer: each is offered once, with what its reader would call back about (D97, D98)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set

from msgspec import Struct, structs

from cards.findings.foot_drop import foot_drop
from cards.findings.order_notes import emergencies, for_radiology
from cards.findings.phrases import clinical_note
from cards.findings.studies import CONSULT, LUMBAR_MRI, SPINE_CT, SPINE_MRI, WHOLE_SPINE_MRI
from cards.language.escaping import inside, listed
from cards.language.finding import reads_of
from cards.language.rule import Rule
from cards.language.verdict import Card, Plan, Redose, Remove, Reprioritise
from cards.orders.catalogue import is_imaging, order_words
from cards.record.chart import Chart

_RANKS = {"routine": 0, "urgent": 1, "asap": 2, "stat": 3}
_WITH_CONTRAST = frozenset({LUMBAR_MRI[1], WHOLE_SPINE_MRI[1], SPINE_CT[1]})
_What = tuple[str, str]
# Scans of the spine by the same method count as the same order.
_SCANS: dict[str, _What] = {
    **dict.fromkeys(SPINE_MRI, ("MRI of the spine", "")),
    **dict.fromkeys(SPINE_CT, ("CT of the spine", "")),
}
Action = Plan | Reprioritise | Redose | Remove


class _Offer(Struct):
    """The number of the card that keeps an order, the order's rank on it, and every card's plan of the order."""

    number: int
    rank: tuple[int, bool]
    plans: list[tuple[int, Plan]]


def reads_of_orders(rule: Rule) -> frozenset[str]:
    """The keys of bindings.toml that the orders of a rule state, beyond those that the rule itself reads."""
    reads = emergencies.reads if CONSULT in rule.suggests else frozenset()
    return reads_of(for_radiology, emergencies) if any(map(is_imaging, rule.suggests)) else reads


def settled(chart: Chart, cards: Sequence[Card], quiet: Set[int] = frozenset()) -> list[Card]:
    """The cards of one answer, in the same sequence, with each order complete and on one card only.

    The `quiet` cards, by number, are not shown: their orders were answered, and no other card offers them again (D56).
    """
    offers, unsettled = _offers(cards)
    return [
        _settled(chart, number, card, offers, quiet) if number in unsettled else card
        for number, card in enumerate(cards)
    ]


def _what(plan: Plan) -> _What:
    """What identifies an order: all scans of the spine by one method are the same; else the key and side decide."""
    return _SCANS.get(plan.key) or (plan.key, plan.side)


def _offers(cards: Sequence[Card]) -> tuple[dict[_What, _Offer], set[int]]:
    """The card that keeps each order, and the numbers of the cards whose orders are still to be settled.

    An order stays where it is most urgent, then (except imaging) where it is recommended, then where it comes first. It
    is to be settled if another card places it too, or if its reader would call back about it.
    """
    offers: dict[_What, _Offer] = {}
    unsettled: set[int] = set()
    for number, card in enumerate(cards):
        for suggestion in card.suggestions:
            for plan in suggestion.plans:
                if isinstance(plan, Reprioritise):
                    unsettled.add(number)
                if not isinstance(plan, Plan):
                    continue
                is_scan = is_imaging(plan.key)
                rank = (_RANKS.get(plan.priority, 0), suggestion.is_recommended and not is_scan)
                offer = offers.get(what := _what(plan))
                if offer is None:
                    offer = offers[what] = _Offer(number, rank, [])
                elif rank > offer.rank:
                    offer.number, offer.rank = number, rank
                offer.plans.append((number, plan))
                if is_scan or plan.key == CONSULT or offer.plans[0][0] != number:
                    unsettled |= {number, offer.plans[0][0]}
    return offers, unsettled


def _settled(chart: Chart, number: int, card: Card, offers: dict[_What, _Offer], quiet: Set[int]) -> Card:
    elsewhere: dict[_What, _Offer] = {}
    suggestions = []
    for suggestion in card.suggestions:
        plans = tuple(plan for plan in suggestion.plans if _stays(plan, number, offers, elsewhere))
        is_whole = len(plans) == len(suggestion.plans)
        if is_whole or (plans and not any(plans == other.plans for other in card.suggestions)):
            complete = tuple([_complete(chart, number, plan, offers) for plan in plans])
            is_same = complete == suggestion.plans
            suggestions.append(suggestion if is_same else structs.replace(suggestion, plans=complete))
    if not elsewhere and tuple(suggestions) == card.suggestions:
        return card
    detail = "\n\n".join(part for part in (card.detail, *_said(number, elsewhere.values(), quiet)) if part)
    return structs.replace(card, suggestions=tuple(suggestions), detail=detail)


def _stays(plan: Action, number: int, offers: dict[_What, _Offer], elsewhere: dict[_What, _Offer]) -> bool:
    """Whether the card of this number keeps the order; if not, the order is added to `elsewhere`."""
    if not isinstance(plan, Plan) or offers[what := _what(plan)].number == number:
        return True
    elsewhere[what] = offers[what]
    return False


def _said(number: int, elsewhere: Iterable[_Offer], quiet: Set[int]) -> list[str]:
    """Sentences that say where to find the orders that this card does not offer."""
    where: dict[str, list[str]] = {}
    for offer in elsewhere:
        kept = next(plan for other, plan in offer.plans if other == offer.number)
        place = "above" if offer.number < number else "below"
        place = "of a card that was answered" if offer.number in quiet else place
        where.setdefault(place, []).append(inside(order_words(_covering(kept, [plan for _, plan in offer.plans]))))
    return [f"Included in the order {place}: {listed(words)}." for place, words in where.items()]


def _complete(chart: Chart, number: int, plan: Action, offers: dict[_What, _Offer]) -> Action:
    """The action, with what the cards that gave way wanted of the order and what its reader needs to know."""
    if isinstance(plan, Reprioritise):
        note = " ".join([clinical_note(chart)] * bool(foot_drop(chart)) + [for_radiology(chart)[0]])
        return structs.replace(plan, note=note, emergencies=emergencies(chart))
    if not isinstance(plan, Plan):
        return plan
    for other in [other for card, other in offers[_what(plan)].plans if card != number]:
        plan = structs.replace(
            _covering(plan, [other]),
            note=_joined(chart, plan.note, other.note),
            reasons=tuple(dict.fromkeys((*plan.reasons, *other.reasons))),
        )
    if is_imaging(plan.key):
        note = f"{plan.note} {for_radiology(chart)[plan.key in _WITH_CONTRAST]}".strip()
        return structs.replace(plan, note=note, emergencies=emergencies(chart))
    return structs.replace(plan, emergencies=emergencies(chart)) if plan.key == CONSULT else plan


def _joined(chart: Chart, note: str, other: str) -> str:
    """The note, followed by what the other note says beyond the clinical picture that both contain."""
    rest = other.replace(clinical_note(chart), "").strip() if foot_drop(chart) else other
    return f"{note} {rest}" if rest and rest not in note else note


def _covering(plan: Plan, others: Sequence[Plan]) -> Plan:
    """The plan; for MRI of the spine, the scan that shows everything that any of these plans would show."""
    if plan.key not in SPINE_MRI:
        return plan
    keys = {plan.key, *(other.key for other in others)}
    region = WHOLE_SPINE_MRI if keys & set(WHOLE_SPINE_MRI) else LUMBAR_MRI
    return structs.replace(plan, key=region[bool(keys & _WITH_CONTRAST)])
