"""Two editions of the rules over the same export at the same moments: who gains a card, and who loses one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from service.backtest.errors import BacktestError
from service.backtest.report.figures import NOBODY, Population, concealed, of_tiers, visible
from service.backtest.report.queries import TIERS, Queries, Sum
from service.backtest.report.report import Change, Comparison, Edition, Turned
from service.backtest.report.results import Results, words

NO_SUCH_RULE = "no such rule"
_ROWS = 10_000
_PLACE = "patient, moment, encounter, rule"
_RANK = "list_position(['info', 'warning', 'critical'], {})"
_GAINS, _LOSES = "before IS NULL", "now IS NULL"
_LOUDER = f"{_RANK.format('now')} > {_RANK.format('before')}"
_QUIETER = f"{_RANK.format('now')} < {_RANK.format('before')}"
_MOST_TURNED = 200

Gain = tuple[str, str, int, int, int, int]
"""A rule and a patient: cards gained, lost, louder and quieter."""


def refuse_others(now: Results, before: Results) -> None:
    """Raises BacktestError, which says what differs, if two results are not of the same export and moments."""
    differs = [
        name
        for name, one, other in (
            ("the moments", now.run.plan, before.run.plan),
            ("--known-by", now.run.known_by, before.run.known_by),
            ("--rules", sorted(now.run.rules or ()), sorted(before.run.rules or ())),
            ("--pseudonymise", now.run.pseudonymous, before.run.pseudonymous),
            ("the lines of the export", _held(now), _held(before)),
            ("the number of patients", now.summary.patients, before.summary.patients),
            ("the number of moments", now.summary.moments, before.summary.moments),
        )
        if one != other
    ]
    if "the moments" in differs:
        both = f"{words(now.run.plan)} ({now.run.plan.hook}), and {words(before.run.plan)} ({before.run.plan.hook})"
        differs[differs.index("the moments")] = f"the moments ({both})"
    if differs:
        raise BacktestError(f"{now.folder} and {before.folder} cannot be compared: they differ in {', '.join(differs)}")


def _held(one: Results) -> tuple[int, dict[str, int]]:
    return sum(one.summary.lines.values()), one.summary.types


class Compared:
    """Queries two results side by side: the cards of each moment, and what each rule said."""

    def __init__(self, base: Any, now: Results, before: Results) -> None:
        self._base = base
        self._now = now
        self._before = before
        self._prepare()

    def _prepare(self) -> None:
        cards = "SELECT patient, moment, encounter, rule, any_value(indicator) AS {} FROM {}_cards GROUP BY ALL"
        self._base.execute(
            f"CREATE TEMP TABLE both_cards AS SELECT * FROM ({cards.format('now', 'now')}) "
            f"FULL JOIN ({cards.format('before', 'before')}) USING ({_PLACE})"
        )
        # Both editions say the same about most patients: only the others are compared row by row.
        self._base.execute(
            "CREATE TEMP TABLE otherwise AS SELECT patient FROM "
            f"({self._sums(self._now)}) AS n FULL JOIN ({self._sums(self._before)}) AS b USING (patient) "
            "WHERE n.said IS DISTINCT FROM b.said"
        )
        self._base.execute(
            "CREATE TEMP TABLE turned AS SELECT patient, rule, "
            f"coalesce(before, '{NO_SUCH_RULE}') AS before, coalesce(now, '{NO_SUCH_RULE}') AS now "
            f"FROM ({self._said(self._now, 'now')}) FULL JOIN ({self._said(self._before, 'before')}) USING ({_PLACE}) "
            "WHERE now IS DISTINCT FROM before"
        )

    def _sums(self, one: Results) -> str:
        said = "sum(hash(moment, encounter, rule, outcome, indicator)::HUGEINT)"
        return f"SELECT patient, {said} AS said FROM {one.table('verdicts')} GROUP BY 1"

    def _said(self, one: Results, name: str) -> str:
        said = "CASE outcome WHEN 'card' THEN 'card (' || indicator || ')' ELSE outcome END"
        return (
            f"SELECT {_PLACE}, any_value({said}) AS {name} FROM {one.table('verdicts')} "
            "WHERE patient IN (SELECT patient FROM otherwise) GROUP BY ALL"
        )

    def moments(self) -> int:
        """How many moments both results share."""
        place = "SELECT patient, moment, encounter FROM {}_moments"
        both = f"{place.format('now')} INTERSECT {place.format('before')}"
        return int(self._base.execute(f"SELECT count(*) FROM ({both})").fetchall()[0][0])

    def changes(self) -> dict[str, list[Sum]]:
        """By rule, how many cards are new, gone, louder and quieter, and for how many patients."""
        counted = ", ".join(
            f"count(*) FILTER ({which}), count(DISTINCT patient) FILTER ({which})"
            for which in (_GAINS, _LOSES, _LOUDER, _QUIETER)
        )
        rows = self._base.execute(f"SELECT rule, {counted} FROM both_cards GROUP BY 1 ORDER BY 1").fetchall()
        return {rule: [(counts[place], counts[place + 1]) for place in range(0, 8, 2)] for rule, *counts in rows}

    def turned(self) -> list[tuple[str, str, str, int, int]]:
        """How many verdicts of a rule turned from one thing to another, and for how many patients."""
        rows: list[tuple[str, str, str, int, int]] = self._base.execute(
            "SELECT rule, before, now, count(*), count(DISTINCT patient) FROM turned GROUP BY 1, 2, 3 "
            f"ORDER BY rule, count(*) DESC, before, now LIMIT {_MOST_TURNED}"
        ).fetchall()
        return rows

    def patients(self) -> Iterator[Gain]:
        """Who gains a card and who loses one, by rule."""
        counted = ", ".join(f"count(*) FILTER ({which})" for which in (_GAINS, _LOSES, _LOUDER, _QUIETER))
        reader = self._base.execute(
            f"SELECT rule, patient, {counted} FROM both_cards WHERE now IS DISTINCT FROM before "
            "GROUP BY 1, 2 ORDER BY 1, 2"
        )
        while rows := reader.fetchmany(_ROWS):
            yield from rows


def comparison(
    compared: Compared,
    now: Queries,
    before: Queries,
    results: tuple[Results, Results],
    order: Mapping[str, int],
    least: int,
) -> Comparison:
    """Both editions side by side. Raises BacktestError when they share no moment."""
    moments = compared.moments()
    if not moments:
        raise BacktestError(
            f"{results[0].folder} and {results[1].folder} share no moment of a patient: "
            "pseudonyms are the same only if `hash_key` is set"
        )
    runs = [one.run for one in results]
    settings = [
        name
        for name in sorted(runs[0].settings.keys() | runs[1].settings.keys())
        if runs[0].settings.get(name) != runs[1].settings.get(name)
    ]
    editions = tuple(_editions(now, before, results, order, least))
    hidden = concealed(editions)
    return Comparison(
        program_before=runs[1].program,
        program_now=runs[0].program,
        settings=tuple(settings),
        moments=moments,
        editions=editions,
        changes=tuple(_changes(compared.changes(), order, least, hidden)),
        turned=tuple(_turned(compared.turned(), order, least, hidden)),
    )


def _editions(
    now: Queries, before: Queries, results: tuple[Results, Results], order: Mapping[str, int], least: int
) -> Iterator[Edition]:
    populations = [Population(*asks.totals()[:2], least) for asks in (now, before)]
    cards = [
        {(rule, indicator): counts for (rule, _, indicator), counts in asks.cards().items()} for asks in (now, before)
    ]
    tiers = [of_tiers(asks.tiers(), asked)[1] for asks, asked in zip((now, before), populations, strict=True)]
    for tier in TIERS:
        keys = sorted({key for key in chain(*cards) if key[1] == tier}, key=lambda key: _place(key[0], order))
        seen = [
            visible([of.get(key, NOBODY) for key in keys], least, is_hidden=not is_told[tier])
            for of, is_told in zip(cards, tiers, strict=True)
        ]
        for place, key in enumerate(keys):
            tallies = [
                asked.tally(of.get(key, NOBODY), is_hidden=not is_told[place])
                for asked, of, is_told in zip(populations, cards, seen, strict=True)
            ]
            yield Edition(
                rule=key[0],
                indicator=tier,
                version_before=results[1].run.versions.get(key[0], ""),
                version_now=results[0].run.versions.get(key[0], ""),
                before=tallies[1],
                now=tallies[0],
            )


def _changes(
    by_rule: Mapping[str, list[Sum]], order: Mapping[str, int], least: int, hidden: frozenset[str]
) -> Iterator[Change]:
    """If an edition of a rule is hidden, its changes are too: with them, one edition follows from the other."""
    for rule in sorted(by_rule, key=lambda rule: _place(rule, order)):
        parts = by_rule[rule]
        if not any(number for number, _ in parts):
            continue
        seen = [rule not in hidden and is_seen for is_seen in visible(parts, least)]
        told = [part if is_seen else (None, None) for part, is_seen in zip(parts, seen, strict=True)]
        yield Change(
            rule=rule,
            gained=told[0][0],
            patients_who_gain=told[0][1],
            lost=told[1][0],
            patients_who_lose=told[1][1],
            louder=told[2][0],
            quieter=told[3][0],
        )


def _turned(
    rows: list[tuple[str, str, str, int, int]], order: Mapping[str, int], least: int, hidden: frozenset[str]
) -> Iterator[Turned]:
    by_rule: dict[str, list[tuple[str, str, str, int, int]]] = {}
    for row in rows:
        by_rule.setdefault(row[0], []).append(row)
    for rule in sorted(by_rule, key=lambda rule: _place(rule, order)):
        of = by_rule[rule]
        seen = [rule not in hidden and is_seen for is_seen in visible([row[3:] for row in of], least)]
        for (_, before, now, number, patients), is_seen in zip(of, seen, strict=True):
            yield Turned(
                rule=rule,
                before=before,
                now=now,
                verdicts=number if is_seen else None,
                patients=patients if is_seen else None,
            )


def _place(rule: str, order: Mapping[str, int]) -> tuple[int, str]:
    return order.get(rule, len(order)), rule
