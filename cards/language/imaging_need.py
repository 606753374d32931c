"""What the imaging cards ask for at one moment, as it is handed to the rules that depend on it (D29, D51)."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct, structs

from cards.language.verdict import Card, Indicator, Plan


class ImagingCard(Struct, frozen=True):
    """An imaging card that stands.

    `why` says in a few words why the imaging cannot wait, `is_lumbar` that it asks for the lumbar spine,
    `covers_others` that it silences other imaging cards. One that `is_replaced` asks for an MRI that is unsafe.
    """

    rule: str
    card: Card
    why: str
    is_lumbar: bool
    covers_others: bool = False
    is_replaced: bool = False

    @property
    def indicator(self) -> Indicator:
        """That of the card; that an MRI is unsafe makes the need of imaging no greater."""
        return self.card.indicator

    @property
    def is_of_emergency(self) -> bool:
        """Whether it is the card of the cauda equina, which comes before every other imaging card."""
        return self.is_lumbar and self.covers_others

    def order(self, *keys: str) -> Plan:
        """The order of one of these keys that the card wants or suggests, as urgent as the card.

        When it has none, the one that comes first, with the first of these keys instead of its own.
        """
        offers = [plan for offer in self.card.suggestions for plan in offer.plans if isinstance(plan, Plan)]
        plans = [self.card.wanted, *offers] if self.card.wanted else offers
        suggested = next((plan for plan in plans if plan.key in keys), None)
        plan = suggested or structs.replace(plans[0], key=next(iter(keys), plans[0].key))
        return structs.replace(plan, priority=self.indicator.priority)


class Need(Struct, frozen=True):
    """The imaging cards that stand; `in_hand` says, when none does, what has answered the first of them."""

    cards: tuple[ImagingCard, ...] = ()
    in_hand: str = ""

    @property
    def loudest(self) -> ImagingCard | None:
        """The card of the highest indicator; None when no imaging is asked for."""
        return max(self.cards, key=lambda card: card.indicator.rank, default=None)

    @property
    def is_lumbar(self) -> bool:
        """Whether the lumbar spine is asked for."""
        return any(card.is_lumbar for card in self.cards)


class ImagingNeed(Protocol):
    """Tells the need, worked out when a rule first asks; also as it would be if these reports did not exist."""

    def __call__(self, without: frozenset[str] = ...) -> Need: ...
