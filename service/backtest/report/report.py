"""The report of a backtest as it is shown: counts, of which small ones are hidden, and the rates that follow from them.

None stands for a hidden number. Rates and shares are not rounded.
"""

from __future__ import annotations

from msgspec import Struct

from service.reporting.small_counts import Count

DIMENSIONS = ("month", "age", "sex", "site")


class Tally(Struct, frozen=True, kw_only=True):
    """Cards and the patients they are about, the cards per 1,000 moments, and the patients per 1,000 patients."""

    cards: Count
    patients: Count
    per_1000_moments: float | None
    per_1000_patients: float | None


class Slice(Struct, frozen=True, kw_only=True):
    """A rule's cards in one month, age band, sex or site, with the moments and patients that fall into it."""

    dimension: str
    name: str
    moments: Count
    of_patients: Count
    tally: Tally


class FirstOrders(Struct, frozen=True, kw_only=True):
    """For how many patients the first card of a rule, which had this indicator, came before the first real order.

    The order is one of those that the card suggests. `quartiles` are the days by which the card came before it: at most
    the first number for a quarter of the patients with an order, the second for half, the third for three quarters. A
    negative number means that the card came after the order. `no_order` counts those whose cards suggest no order.
    """

    before: Count
    same_day: Count
    after: Count
    never: Count
    no_order: Count
    quartiles: tuple[int, int, int] | None


class OfRule(Struct, frozen=True, kw_only=True):
    """The cards of a rule with one indicator. `spared` are those that quiet time would have spared."""

    rule: str
    title: str
    version: str
    indicator: str
    tally: Tally
    spared: Count
    orders: FirstOrders
    slices: tuple[Slice, ...]

    @property
    def name(self) -> str:
        """The name of the row."""
        return f"{self.rule} ({self.indicator})"


class Tier(Struct, frozen=True, kw_only=True):
    """The cards of all rules with one indicator; `any` is all of them. `in_moments` counts the moments with one."""

    indicator: str
    tally: Tally
    in_moments: Count


class Cause(Struct, frozen=True):
    """Why a rule could not be evaluated, how often, and for how many patients."""

    cause: str
    verdicts: Count
    patients: Count


class Outcomes(Struct, frozen=True, kw_only=True):
    """What a rule said at all moments, and why it could not be evaluated."""

    rule: str
    version: str
    card: Count
    not_applicable: Count
    suppressed: Count
    could_not_evaluate: Count
    causes: tuple[Cause, ...]


class Code(Struct, frozen=True):
    """A code that no value set knows, and how many of the patients who were looked at have it."""

    place: str
    system: str
    code: str
    looks_like: str
    patients: int


class Read(Struct, frozen=True, kw_only=True):
    """What was read, what was not seen, and what had to be assumed; these counts are never hidden."""

    lines: dict[str, int]
    absent: tuple[str, ...]
    supposed: tuple[str, ...]
    odd: dict[str, int]
    notes: tuple[str, ...]


class Edition(Struct, frozen=True, kw_only=True):
    """Both editions of one rule and indicator side by side; a version is empty if that edition lacks the rule."""

    rule: str
    indicator: str
    version_before: str
    version_now: str
    before: Tally
    now: Tally


class Change(Struct, frozen=True, kw_only=True):
    """What became of a rule's cards: those that are new, those that are gone, and those that are louder or quieter."""

    rule: str
    gained: Count
    patients_who_gain: Count
    lost: Count
    patients_who_lose: Count
    louder: Count
    quieter: Count


class Turned(Struct, frozen=True, kw_only=True):
    """How many verdicts of a rule were one thing before and are another now."""

    rule: str
    before: str
    now: str
    verdicts: Count
    patients: Count


class Comparison(Struct, frozen=True, kw_only=True):
    """Two editions of the rules over the same export, at the same moments."""

    program_before: str
    program_now: str
    settings: tuple[str, ...]
    """The settings that differ."""
    moments: int
    """The moments that both were asked for."""
    editions: tuple[Edition, ...]
    changes: tuple[Change, ...]
    turned: tuple[Turned, ...]


class Report(Struct, frozen=True, kw_only=True):
    """The report of a backtest. Counts of moments with fewer than `counts_below` patients are hidden."""

    made: str
    program: str
    asked: str
    """At which moments the rules were asked, in words."""
    unit: str
    """What a moment is: `encounters`, or `moments`."""
    hook: str
    zone: str
    first: str
    last: str
    known_by: str
    only: tuple[str, ...]
    is_pseudonymous: bool
    counts_below: int
    patients: Count
    moments: Count
    refused: int
    read: Read
    tiers: tuple[Tier, ...]
    rules: tuple[OfRule, ...]
    without_card: tuple[str, ...]
    outcomes: tuple[Outcomes, ...]
    looked_at: Count
    codes: tuple[Code, ...]
    more_codes: int
    folded: dict[str, int]
    """How many values of a dimension, such as sites, are counted together."""
    comparison: Comparison | None = None
