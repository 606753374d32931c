"""The orders of an answer together: each is offered once, and says what its reader rings back about (D97, D98)."""

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
# The scans of the spine by one method count as the same order.
_SCANS: dict[str, _What] = {
    **dict.fromkeys(SPINE_MRI, ("MRI of the spine", "")),
    **dict.fromkeys(SPINE_CT, ("CT of the spine", "")),
}
Action = Plan | Reprioritise | Redose | Remove


class _Offer(Struct):
    """Where an order stays: the number of the card and its rank there; and every card's plan of it."""

    number: int
    rank: tuple[int, bool]
    plans: list[tuple[int, Plan]]


def reads_of_orders(rule: Rule) -> frozenset[str]:
    """What the orders of a rule say beyond the rule's own words."""
    reads = emergencies.reads if CONSULT in rule.suggests else frozenset()
    return reads_of(for_radiology, emergencies) if any(map(is_imaging, rule.suggests)) else reads


def settled(chart: Chart, cards: Sequence[Card], quiet: Set[int] = frozenset()) -> list[Card]:
    """The cards of one answer, in their order, with each order in one of them alone, and complete.

    The `quiet` ones, by number, are not shown: their orders were answered, and no other card offers them again (D56).
    """
    offers, unsettled = _offers(cards)
    return [
        _settled(chart, number, card, offers, quiet) if number in unsettled else card
        for number, card in enumerate(cards)
    ]


def _what(plan: Plan) -> _What:
    """What counts as the same order: the scans of the spine by one method, else the same order for the same side."""
    return _SCANS.get(plan.key) or (plan.key, plan.side)


def _offers(cards: Sequence[Card]) -> tuple[dict[_What, _Offer], set[int]]:
    """Where each order stays: where it is most urgent, then (but for imaging) recommended, then first.

    And the numbers of the cards with an order that another card places too, or that its reader rings back about.
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
    """Whether the card of this number keeps the order; if it does not, the order joins those `elsewhere`."""
    if not isinstance(plan, Plan) or offers[what := _what(plan)].number == number:
        return True
    elsewhere[what] = offers[what]
    return False


def _said(number: int, elsewhere: Iterable[_Offer], quiet: Set[int]) -> list[str]:
    """Where the orders are that this card does not offer."""
    where: dict[str, list[str]] = {}
    for offer in elsewhere:
        kept = next(plan for other, plan in offer.plans if other == offer.number)
        place = "above" if offer.number < number else "below"
        place = "of a card that was answered" if offer.number in quiet else place
        where.setdefault(place, []).append(inside(order_words(_covering(kept, [plan for _, plan in offer.plans]))))
    return [f"Included in the order {place}: {listed(words)}." for place, words in where.items()]


def _complete(chart: Chart, number: int, plan: Action, offers: dict[_What, _Offer]) -> Action:
    """The action with what the cards that gave way wanted of the order, and what its reader asks."""
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
    """The note, and after it what another one says beside the clinical picture that both tell."""
    rest = other.replace(clinical_note(chart), "").strip() if foot_drop(chart) else other
    return f"{note} {rest}" if rest and rest not in note else note


def _covering(plan: Plan, others: Sequence[Plan]) -> Plan:
    """The plan; of the MRIs of the spine the one that shows what all of them show."""
    if plan.key not in SPINE_MRI:
        return plan
    keys = {plan.key, *(other.key for other in others)}
    region = WHOLE_SPINE_MRI if keys & set(WHOLE_SPINE_MRI) else LUMBAR_MRI
    return structs.replace(plan, key=region[bool(keys & _WITH_CONTRAST)])
