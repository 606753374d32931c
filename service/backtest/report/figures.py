"""From the sums of a backtest to its report: the rates, and which numbers are hidden."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from service.backtest.report import queries
from service.backtest.report.queries import TIERS, Queries, Sum
from service.backtest.report.quiet import spared
from service.backtest.report.report import (
    DIMENSIONS,
    Cause,
    Code,
    Edition,
    FirstOrders,
    OfRule,
    Outcomes,
    Report,
    Slice,
    Tally,
    Tier,
)
from service.backtest.report.results import Results, words
from service.backtest.report.supposed import told_of
from service.reporting.small_counts import Count, shown, split

_MOST_CODES = 50
_OUTCOMES = ("card", "not-applicable", "suppressed", "could-not-evaluate")
NOBODY: Sum = (0, 0)
_SMALL: Sum = (1, 1)
"""A count that is always hidden, unless nothing is hidden."""


class Population(Struct, frozen=True):
    """The moments and patients that rates refer to, and the number of patients below which a count is hidden."""

    moments: int
    patients: int
    least: int

    def tally(self, cards: Sum, *, is_hidden: bool = False) -> Tally:
        """The tally of this many cards about this many patients; hidden if the patients are few."""
        is_seen = not is_hidden and shown(cards[1], self.least) is not None
        return Tally(
            cards=cards[0] if is_seen else None,
            patients=cards[1] if is_seen else None,
            per_1000_moments=_per_1000(cards[0], self.moments) if is_seen and self._is_large(self.moments) else None,
            per_1000_patients=_per_1000(cards[1], self.patients) if is_seen and self._is_large(self.patients) else None,
        )

    def _is_large(self, number: int) -> bool:
        return number >= self.least


def figures(results: Results, asks: Queries, least: int, titles: Mapping[str, str], made: str, program: str) -> Report:
    """The report of a result. Counts of fewer than `least` patients are hidden; `titles` are the rules, in order."""
    moments, patients, refused, first, last = asks.totals()
    asked, run = Population(moments, patients, least), results.run
    rules, tiers = of_rules(asks, asked, titles, run.plan.hook)
    outcomes = _outcomes(asks, least, titles, concealed=concealed(rules))
    looked = results.looked
    listed = [one for one in looked.codes if one.patients >= least] if looked else []
    return Report(
        made=made,
        program=run.program or program,
        asked=words(run.plan),
        unit="encounters" if run.plan.at == "encounters" else "moments",
        hook=run.plan.hook,
        zone=run.zone,
        first=first,
        last=last,
        known_by=run.known_by,
        only=tuple(run.rules or ()),
        is_pseudonymous=run.pseudonymous,
        counts_below=least,
        patients=shown(patients, least),
        moments=moments if shown(patients, least) is not None else None,
        refused=refused,
        read=told_of(results.summary),
        tiers=tiers,
        rules=rules,
        without_card=_without_card(outcomes, rules),
        outcomes=outcomes,
        looked_at=shown(looked.patients, least) if looked else 0,
        codes=tuple(
            Code(one.place, one.system, one.code, one.looks_like, one.patients) for one in listed[:_MOST_CODES]
        ),
        more_codes=len(listed) - len(listed[:_MOST_CODES]) + (looked.more if looked else 0),
        folded=asks.folded,
    )


def _without_card(outcomes: Sequence[Outcomes], rules: Sequence[OfRule]) -> tuple[str, ...]:
    speaking = {one.rule for one in rules}
    return tuple(one.rule for one in outcomes if one.rule not in speaking)


def of_rules(
    asks: Queries, asked: Population, titles: Mapping[str, str], hook: str
) -> tuple[tuple[OfRule, ...], tuple[Tier, ...]]:
    """The cards of each rule and indicator, and those of each indicator."""
    cards, by_tier = asks.cards(), asks.tiers()
    tiers, is_seen = of_tiers(by_tier, asked)
    quiet, orders = spared(asks.repeated(), hook), asks.first_orders()
    denominators = {dimension: asks.moments_by(dimension) for dimension in DIMENSIONS}
    numerators = {dimension: asks.cards_by(dimension) for dimension in DIMENSIONS}
    order = {rule: place for place, rule in enumerate(titles)}
    rules: list[OfRule] = []
    for tier in TIERS:
        keys = sorted((key for key in cards if key[2] == tier), key=lambda key: (order.get(key[0], len(order)), key))
        seen = visible([cards[key] for key in keys], asked.least, is_hidden=not is_seen[tier])
        for key, is_told in zip(keys, seen, strict=True):
            rule, version, indicator = key
            own = rule, indicator
            rules.append(
                OfRule(
                    rule=rule,
                    title=titles.get(rule, rule),
                    version=version,
                    indicator=indicator,
                    tally=asked.tally(cards[key], is_hidden=not is_told),
                    spared=_spared(cards[key], quiet[own], asked.least, is_hidden=not is_told),
                    orders=_orders(orders.get(own, {}), asked.least, is_hidden=not is_told),
                    slices=_slices(own, denominators, numerators, asked.least, is_hidden=not is_told),
                )
            )
    return tuple(rules), tiers


def of_tiers(
    by_tier: Mapping[str, tuple[int, int, int]], asked: Population
) -> tuple[tuple[Tier, ...], dict[str, bool]]:
    """The tiers, and which of them may be shown."""
    every = by_tier["any"]
    is_any = shown(every[1], asked.least) is not None
    seen = visible([by_tier[tier][:2] for tier in TIERS], asked.least, is_hidden=not is_any)
    is_seen = dict(zip(TIERS, seen, strict=True))
    told = []
    for name, is_told in (("any", is_any), *is_seen.items()):
        cards, patients, moments = by_tier[name]
        tally = asked.tally((cards, patients), is_hidden=not is_told)
        told.append(
            Tier(indicator=name, tally=tally, in_moments=moments if is_told and tally.cards is not None else None)
        )
    return tuple(told), is_seen


def visible(parts: Sequence[Sum], least: int, *, is_hidden: bool = False) -> list[bool]:
    """Which parts may be shown, from how many patients each is about."""
    patients = [of for _, of in parts]
    return [one is not None for one in split(sum(patients), patients, least, is_hidden=is_hidden)[1]]


def _spared(cards: Sum, quiet: int, least: int, *, is_hidden: bool) -> Count:
    return split(cards[0], [quiet, cards[0] - quiet], least, is_hidden=is_hidden)[1][0]


def _orders(counted: Mapping[str, Any], least: int, *, is_hidden: bool) -> FirstOrders:
    names = ("before", "same_day", "after", "never", "no_order")
    numbers = [int(counted.get(name, 0)) for name in names]
    told = split(sum(numbers), numbers, least, is_hidden=is_hidden)[1]
    has_quartiles = not is_hidden and sum(numbers[:3]) >= least and counted.get("quartiles")
    low, middle, high = counted["quartiles"] if has_quartiles else (0, 0, 0)
    quartiles = (int(low), int(middle), int(high)) if has_quartiles else None
    return FirstOrders(**dict(zip(names, told, strict=True)), quartiles=quartiles)


def _slices(
    own: tuple[str, str],
    denominators: Mapping[str, Mapping[str, Sum]],
    numerators: Mapping[str, Mapping[tuple[str, str], Mapping[str, Sum]]],
    least: int,
    *,
    is_hidden: bool,
) -> tuple[Slice, ...]:
    told: list[Slice] = []
    for dimension in DIMENSIONS:
        of, cards = denominators[dimension], numerators[dimension].get(own, {})
        names = _ordered(dimension, of)
        asked = visible([of[name] for name in names], least)
        seen = visible([cards.get(name, NOBODY) for name in names], least, is_hidden=is_hidden)
        for name, is_asked, is_seen in zip(names, asked, seen, strict=True):
            moments, patients = of[name]
            told.append(
                Slice(
                    dimension=dimension,
                    name=queries.site_name(name) if dimension == "site" else name,
                    moments=moments if is_asked else None,
                    of_patients=patients if is_asked else None,
                    tally=Population(moments, patients, least).tally(
                        cards.get(name, NOBODY), is_hidden=not (is_seen and is_asked)
                    ),
                )
            )
    return tuple(told)


def _ordered(dimension: str, of: Mapping[str, Sum]) -> list[str]:
    """The values of a dimension in the order in which they are shown; the largest sites first."""
    if dimension == "site":
        return sorted(of, key=lambda name: (name == queries.OTHERS, -of[name][0], name))
    order = [name for _, name in queries.AGES] if dimension == "age" else [queries.EARLIER, *queries.SEXES]
    place = {name: number for number, name in enumerate(order)}
    last = len(place) if dimension == "month" else len(place) + 1
    return sorted(of, key=lambda name: (place.get(name, last), name))


def concealed(rules: Iterable[OfRule | Edition]) -> frozenset[str]:
    """The rules with an indicator whose cards are hidden: no sum over all their indicators may be shown either."""
    return frozenset(one.rule for one in rules if any(tally.cards is None for tally in tallies(one)))


def tallies(one: OfRule | Edition) -> tuple[Tally, ...]:
    """What is reported about a rule's cards with one indicator."""
    return (one.tally,) if isinstance(one, OfRule) else (one.before, one.now)


def _outcomes(
    asks: Queries, least: int, titles: Mapping[str, str], *, concealed: frozenset[str]
) -> tuple[Outcomes, ...]:
    causes = asks.causes()
    order = {rule: place for place, rule in enumerate(titles)}
    told = []
    for (rule, version), of in sorted(
        asks.outcomes().items(), key=lambda one: (order.get(one[0][0], len(order)), one[0])
    ):
        parts = [of.get(name, NOBODY) for name in _OUTCOMES]
        seen = visible([_SMALL if rule in concealed else parts[0], *parts[1:]], least)
        card, not_applicable, suppressed, unable = (
            part[0] if is_seen else None for part, is_seen in zip(parts, seen, strict=True)
        )
        told.append(
            Outcomes(
                rule=rule,
                version=version,
                card=card,
                not_applicable=not_applicable,
                suppressed=suppressed,
                could_not_evaluate=unable,
                causes=_causes(causes.get((rule, version), []), least, is_hidden=unable is None),
            )
        )
    return tuple(told)


def _causes(causes: Sequence[tuple[str, int, int]], least: int, *, is_hidden: bool) -> tuple[Cause, ...]:
    seen = visible([one[1:] for one in causes], least, is_hidden=is_hidden)
    return tuple(
        Cause(cause, number if is_seen else None, patients if is_seen else None)
        for (cause, number, patients), is_seen in zip(causes, seen, strict=True)
    )


def _per_1000(number: int, of: int) -> float | None:
    return number / of * 1000 if of else None
