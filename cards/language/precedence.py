"""Which card comes first, and what silences a card: precedence.toml, which a clinician can read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec
from msgspec import Struct

Ids = frozenset[str]


class _Table(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class ComfortCare(_Table, frozen=True):
    """The rules that speak although comfort care only is recorded: always, or while orders are being written."""

    speaks: Ids = frozenset()
    speaks_of_orders: Ids = frozenset()


class Gate(_Table, frozen=True):
    """The rules that a gate silences."""

    silences: Ids = frozenset()


class Imaging(_Table, frozen=True):
    """A rule that asks for imaging, the region that it asks for, and why the imaging cannot wait, by indicator."""

    rule: str
    region: Literal["lumbar", "neuraxis"]
    critical: str = ""
    warning: str = ""
    yields_to: Ids = frozenset()
    replaced_by: str = ""


class CriticalCard(_Table, frozen=True):
    """What a critical card drops, what it keeps as information (only without a third card), and the text it adds."""

    drops: Ids = frozenset()
    keeps_only_alone: Ids = frozenset()
    then: str = ""


class AtSigning(_Table, frozen=True):
    """The rules that speak at signing only when they are critical."""

    only_critical: Ids = frozenset()


class AtDischarge(_Table, frozen=True):
    """What every card says at discharge, and the rules that show no card of level info there."""

    return_advice: str = ""
    no_info: Ids = frozenset()


class NewProblem(_Table, frozen=True):
    """The problems, as keys of bindings.toml, for which adding them is evaluated like opening the chart."""

    asks: Ids = frozenset()


class Precedence(_Table, frozen=True):
    """The whole table; a rule that it does not name has the defaults."""

    most_cards: int
    order: tuple[str, ...] = ()
    only_alone: Ids = frozenset()
    comfort_care: ComfortCare = ComfortCare()
    trauma_path: Gate = Gate()
    known_cause: Gate = Gate()
    long_settled: Gate = Gate()
    imaging: tuple[Imaging, ...] = ()
    critical_card: CriticalCard = CriticalCard()
    at_signing: AtSigning = AtSigning()
    at_discharge: AtDischarge = AtDischarge()
    new_problem: NewProblem = NewProblem()

    def named(self) -> Iterator[str]:
        """Every rule id in the table."""
        yield from self.order
        yield from self.comfort_care.speaks | self.comfort_care.speaks_of_orders
        yield from self.trauma_path.silences | self.known_cause.silences | self.long_settled.silences
        for imaging in self.imaging:
            yield from {imaging.rule, imaging.replaced_by, *imaging.yields_to} - {""}
        yield from self.critical_card.drops | self.critical_card.keeps_only_alone
        yield from self.at_signing.only_critical | self.at_discharge.no_info | self.only_alone


def read_precedence(text: str) -> Precedence:
    """The table in a TOML document.

    Raises msgspec.DecodeError for a member that is unknown, missing or of the wrong type; the error names it.
    """
    return msgspec.toml.decode(text, type=Precedence)
