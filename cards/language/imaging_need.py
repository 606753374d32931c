"""What the imaging cards ask for at one moment, as passed to the rules that depend on it (D29, D51)."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct, structs

from cards.language.verdict import Card, Indicator, Plan


class ImagingCard(Struct, frozen=True):
    """An imaging card that stands.

    `why` says in a few words why the imaging cannot wait; `is_lumbar` says that the card asks for the lumbar spine, and
    `covers_others` that it silences other imaging cards. A card that `is_replaced` asks for an MRI that is unsafe.
    """

    rule: str
    card: Card
    why: str
    is_lumbar: bool
    covers_others: bool = False
    is_replaced: bool = False

    @property
    def indicator(self) -> Indicator:
        """The indicator of the card; an unsafe MRI does not make imaging more urgent."""
        return self.card.indicator

    @property
    def is_of_emergency(self) -> bool:
        """Whether it is the cauda equina card, which comes before every other imaging card."""
        return self.is_lumbar and self.covers_others

    def order(self, *keys: str) -> Plan:
        """The order with one of these keys that the card wants or suggests, as urgent as the card.

        If the card has none, its first order, with the first of these keys in place of its own.
        """
        offers = [plan for offer in self.card.suggestions for plan in offer.plans if isinstance(plan, Plan)]
        plans = [self.card.wanted, *offers] if self.card.wanted else offers
        suggested = next((plan for plan in plans if plan.key in keys), None)
        plan = suggested or structs.replace(plans[0], key=next(iter(keys), plans[0].key))
        return structs.replace(plan, priority=self.indicator.priority)


class Need(Struct, frozen=True):
    """The imaging cards that stand; if there are none, `in_hand` says what has answered the first of them."""

    cards: tuple[ImagingCard, ...] = ()
    in_hand: str = ""

    @property
    def loudest(self) -> ImagingCard | None:
        """The card with the highest indicator; None if no imaging is asked for."""
        return max(self.cards, key=lambda card: card.indicator.rank, default=None)

    @property
    def is_lumbar(self) -> bool:
        """Whether the lumbar spine is asked for."""
        return any(card.is_lumbar for card in self.cards)


class ImagingNeed(Protocol):
    """Returns the need, computed when a rule first asks; with `without`, the need as if no such report existed."""

    def __call__(self, without: frozenset[str] = ...) -> Need: ...
