"""From the sums of the store to the report: rates, control charts, and what is hidden."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import TypeVar

from msgspec import Struct

from service.reporting.asking import Asked
from service.reporting.control_chart import FEWEST, chart
from service.reporting.queries import Queries, Row
from service.reporting.report import Cause, FiringRate, Latency, Missing, NotUnderstood, OfRule, Point, Reason, Report
from service.reporting.small_counts import Count, shown, split

MISSES = frozenset({"already-arranged", "known-stable-cause", "not-in-goals-of-care", "contraindicated"})
"""The reasons that the rule should have known: had it been on record and read, each would have silenced the rule."""
_MOST_LISTED = 20  # reasons, and causes, per rule; the rest are counted together
_MERGED = (1, 7, 28)  # pieces that are merged into one
_FEWEST_CARDS = 5  # expected at a point of a p-chart
OTHERS = "all others"
_DAY_MS = 86_400_000

T = TypeVar("T")
Key = tuple[str, str]
"""A rule and its version."""


class _Sums(Struct):
    """What the store says about one version of a rule; the lists are by piece of the period."""

    evaluations: list[int]
    cards: list[int]
    outcomes: Counter[str]
    shown: int = 0
    to_pilots: int = 0
    pilots: int = 0
    patients: int = 0
    unheeded: int = 0
    accepted: int = 0
    reasons: Counter[Key] | None = None
    causes: Counter[str] | None = None


class _Axis(Struct, frozen=True):
    """The dates at which the pieces of the period begin, and how many days each covers."""

    dates: list[str]
    days: int

    def merged(self, sums: _Sums, least: int) -> tuple[_Axis, list[int], list[int]]:
        """An axis whose pieces have enough cards to be shown, if possible, and the cards and evaluations on it."""
        enough = max(_FEWEST_CARDS, 2 * least)
        pieces = sum(map(bool, sums.evaluations))
        fitting = [times for times in _MERGED if pieces // times >= FEWEST] or [1]
        wide = [times for times in fitting if sum(sums.cards) * times >= enough * pieces]
        times = (wide or fitting[-1:])[0]
        cards, evaluations = (
            [sum(counts[place : place + times]) for place in range(0, len(counts), times)]
            for counts in (sums.cards, sums.evaluations)
        )
        return _Axis(self.dates[::times], self.days * times), cards, evaluations


def figures(
    queries: Queries, asked: Asked, least: int, titles: Mapping[str, str], zone: tzinfo, now: datetime
) -> Report:
    """The report of a period. Counts below `least` are hidden; `titles` gives the rules in their order."""
    evaluations, first, last = queries.totals()
    sums, codes = _sums(queries, asked), queries.unknown_codes()
    encounters, in_encounters = queries.asked_of("encounter")
    users, by_users = queries.asked_of("asker")
    order = {rule: place for place, rule in enumerate(titles)}
    keys = sorted(sums, key=lambda key: (order.get(key[0], len(order)), key[0], _numbers(key[1])))
    dates = [_moment(asked.beginning(piece), zone)[:10] for piece in range(asked.pieces)]
    axis = _Axis(dates, asked.width // _DAY_MS)
    rules = [
        _of_rule(key, sums[key], least, titles.get(key[0], key[0]), axis, _of(in_encounters, key), _of(by_users, key))
        for key in keys
    ]
    return Report(
        made=now.astimezone(zone).isoformat(timespec="minutes"),
        zone=str(zone),
        since=_moment(asked.start, zone),
        until=_moment(asked.end, zone),
        rule=asked.rule,
        client=asked.client,
        counts_below=least,
        evaluations=shown(evaluations, least),
        encounters=shown(encounters, least),
        patients=shown(queries.people(), least),
        users=shown(users, least),
        first=_moment(first, zone) if first is not None else "",
        last=_moment(last, zone) if last is not None else "",
        rules=tuple(rules),
        latency=_latency(queries.seconds(), evaluations, least),
        missing=_missing(queries.missing(), least),
        not_understood=_not_understood(codes, least),
        looked_at=shown(sum(int(times) for place, *_, times in codes if not place), least),
    )


def _sums(queries: Queries, asked: Asked) -> dict[Key, _Sums]:
    """What the store says, by rule and version."""
    sums: defaultdict[Key, _Sums] = defaultdict(
        lambda: _Sums([0] * asked.pieces, [0] * asked.pieces, Counter(), reasons=Counter(), causes=Counter())
    )
    for rule, version, piece, outcome, times in queries.outcomes():
        one = sums[rule, version]
        one.evaluations[piece] += int(times)
        one.outcomes[outcome] += int(times)
    for rule, version, piece, cards, seen, piloted in queries.cards():
        one = sums[rule, version]
        one.cards[piece] += int(cards)
        one.shown += int(seen)
        one.to_pilots += int(piloted)
    for rule, version, users in queries.pilots():
        sums[rule, version].pilots = int(users)
    for rule, version, cause, times in queries.causes():
        sums[rule, version].causes[cause] += int(times)  # type: ignore[index]
    for rule, version, patients in queries.patients():
        sums[rule, version].patients = int(patients)
    for rule, version, patients in queries.unheeded():
        sums[rule, version].unheeded = int(patients)
    for rule, version, outcome, reason, display, cards in queries.answers():
        one = sums[rule, version]
        if outcome == "accepted":
            one.accepted += int(cards)
        else:
            one.reasons[reason, display or ""] += int(cards)  # type: ignore[index]
    return dict(sums)


def _of_rule(
    key: Key, sums: _Sums, least: int, title: str, axis: _Axis, encounters: int | None, users: int | None
) -> OfRule:
    """One version of a rule. Counts are hidden from the top down: if a sum is hidden, so are enough of its parts."""
    would_fire = sum(sums.cards)
    spoke, told = _outcomes(sums, least)
    fired, (seen, in_shadow) = split(would_fire, [sums.shown, would_fire - sums.shown], least, is_hidden=spoke is None)
    reasons = sums.reasons or Counter()
    overridden = reasons.total()
    parts = [sums.accepted, overridden, sums.shown - sums.accepted - overridden]
    _, (accepted, set_aside, unanswered) = split(sums.shown, parts, least, is_hidden=seen is None)
    _, (to_pilots, _) = split(sums.shown, [sums.to_pilots, sums.shown - sums.to_pilots], least, is_hidden=seen is None)
    misses, listed = _reasons(reasons, least, is_hidden=set_aside is None)
    asked_in, asked_by = _or_none(encounters, least), _or_none(users, least)
    return OfRule(
        rule=key[0],
        title=title,
        version=key[1],
        evaluations=shown(sum(sums.evaluations), least),
        **told,
        would_fire=fired,
        shown=seen,
        in_shadow=in_shadow,
        shown_to_pilots=to_pilots,
        pilots=shown(sums.pilots, least),
        accepted=accepted,
        overridden=set_aside,
        unanswered=unanswered,
        misses=misses,
        encounters=asked_in,
        users=asked_by,
        patients=shown(sums.patients, least),
        would_fire_per_100_encounters=_ratio(fired, asked_in, 100),
        shown_per_100_encounters=_ratio(seen, asked_in, 100),
        shown_per_user=_ratio(seen, asked_by),
        unheeded_patients=shown(sums.unheeded, least),
        reasons=listed,
        causes=_causes(sums.causes or Counter(), least, is_hidden=told["could_not_evaluate"] is None),
        firing_rate=_firing_rate(sums, axis, least, is_hidden=fired is None),
    )


def _outcomes(sums: _Sums, least: int) -> tuple[Count, dict[str, Count]]:
    """How often the rule had a card, and how often it was silent by kind of silence."""
    kinds = ("not-applicable", "suppressed", "could-not-evaluate")
    spoke, *silent = split(
        sum(sums.evaluations), [sums.outcomes["card"], *(sums.outcomes[kind] for kind in kinds)], least
    )[1]
    return spoke, {kind.replace("-", "_"): count for kind, count in zip(kinds, silent, strict=True)}


def _reasons(reasons: Counter[Key], least: int, *, is_hidden: bool) -> tuple[Count, tuple[Reason, ...]]:
    """How many cards were overridden for a reason that is a miss, and the reasons: the misses, then the others."""
    sides = [
        Counter({of: count for of, count in reasons.items() if (of[0] in MISSES) is is_miss})
        for is_miss in (True, False)
    ]
    totals = split(reasons.total(), [side.total() for side in sides], least, is_hidden=is_hidden)[1]
    listed: list[Reason] = []
    for side, total in zip(sides, totals, strict=True):
        common = _most_frequent(side, (OTHERS, ""))
        counts = split(side.total(), [count for _, count in common], least, is_hidden=total is None)[1]
        listed += [Reason(*of, count, of[0] in MISSES) for (of, _), count in zip(common, counts, strict=True)]
    return totals[0], tuple(listed)


def _causes(causes: Counter[str], least: int, *, is_hidden: bool) -> tuple[Cause, ...]:
    common = _most_frequent(causes, OTHERS)
    counts = split(causes.total(), [count for _, count in common], least, is_hidden=is_hidden)[1]
    return tuple(Cause(cause, count) for (cause, _), count in zip(common, counts, strict=True))


def _most_frequent(counted: Counter[T], others: T) -> list[tuple[T, int]]:
    listed = counted.most_common(_MOST_LISTED)
    rest = counted.total() - sum(count for _, count in listed)
    return [*listed, (others, rest)] if rest else listed


def _firing_rate(sums: _Sums, axis: _Axis, least: int, *, is_hidden: bool) -> FiringRate:
    axis, cards, evaluations = axis.merged(sums, least)
    charted = chart(cards, evaluations)
    fired = split(sum(cards), cards, least, is_hidden=is_hidden)[1]
    asked = split(sum(evaluations), evaluations, least)[1]
    points = [
        Point(
            date=date,
            evaluations=of,
            would_fire=count if of is not None else None,
            share=_ratio(count, of),
            lower=limits.lower if limits else None,
            upper=limits.upper if limits else None,
            alarm=limits.alarm if limits else "",
        )
        for date, of, count, limits in zip(axis.dates, asked, fired, charted.limits, strict=True)
    ]
    return FiringRate(axis.days, charted.mean, charted.is_trial, tuple(points))


def _latency(rows: Iterable[Row], total: int, least: int) -> tuple[Latency, ...]:
    """The latency by service; a time is the upper end of the 0.1 ms or 1 % interval in which it lies."""
    steps: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
    longest: dict[str, float] = {}
    for service, step, count, times, most in rows:
        steps[service].append((float(step) * (int(count) + 1), int(times)))
        longest[service] = max(longest.get(service, 0.0), float(most))
    counts = split(total, [sum(times for _, times in of) for of in steps.values()], least)[1]
    return tuple(
        Latency(service, None, None, None, None, None)
        if count is None
        else Latency(
            service, count, _quantile(of, 0.5), _quantile(of, 0.95), _quantile(of, 0.99), round(longest[service], 1)
        )
        for (service, of), count in zip(steps.items(), counts, strict=True)
    )


def _quantile(steps: Sequence[tuple[float, int]], share: float) -> float:
    wanted, reached = share * sum(times for _, times in steps), 0
    for end, times in sorted(steps):
        reached += times
        if reached >= wanted:
            return round(end, 1)
    return 0.0


def _missing(rows: Iterable[Row], least: int) -> tuple[Missing, ...]:
    counted: Counter[str] = Counter()
    for keys, times in rows:
        counted.update(dict.fromkeys(keys.split(), int(times)))
    return tuple(Missing(key, shown(times, least)) for key, times in counted.most_common())


def _not_understood(rows: Iterable[Row], least: int) -> tuple[NotUnderstood, ...]:
    """The codes, most frequent first; a code in only a few records may come from one patient, and is left out."""
    return tuple(
        NotUnderstood(place, system, code, int(times), looks_like)
        for place, system, code, looks_like, times in rows
        if place and int(times) >= least
    )


def _of(counts: Mapping[Key, int] | None, key: Key) -> int | None:
    return None if counts is None else counts.get(key, 0)


def _or_none(count: int | None, least: int) -> Count:
    return None if count is None else shown(count, least)


def _ratio(count: Count, of: Count, times: int = 1) -> float | None:
    return count / of * times if count is not None and of else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else 0 for part in version.split("."))


def _moment(milliseconds: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(zone).isoformat(timespec="minutes")
