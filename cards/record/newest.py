"""Keeps the newest where there are more than anybody has: of one patient's records, and of the facts of one kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from operator import itemgetter
from typing import TypeVar, get_args

from cards.record.elements import Period
from cards.record.facts import Fact
from cards.record.records import Resource

MOST_RECORDS = 20_000  # a setting
MOST_OF_A_KIND = 200  # facts of one kind and side: more of them tell a rule nothing that the newest do not

# The elements in which a record says when it was true, in the order in which they are tried. A type that has none of
# these holds until it is taken off the record: a device, an allergy, the patient.
_DATES = (
    "effectiveDateTime", "effectivePeriod", "effectiveInstant", "issued", "performedDateTime", "performedPeriod",
    "onsetDateTime", "onsetPeriod", "recordedDate", "authoredOn", "occurrenceDateTime", "occurrencePeriod",
)  # fmt: skip
_DATES_OF = {kind: tuple(name for name in _DATES if name in kind.__struct_fields__) for kind in get_args(Resource)}
_ALWAYS = "~"  # sorts after every date
_NO_DAY, _NO_INSTANT = date.min, datetime.min.replace(tzinfo=UTC)

F = TypeVar("F", bound=Fact)
Label = tuple[Hashable, int]
"""A group that a fact belongs to, and how many of the group are kept."""


def newest_records(
    records: Mapping[str, Sequence[Resource]], most: int
) -> tuple[Mapping[str, Sequence[Resource]], frozenset[str]]:
    """The newest records of all keys together, at most `most`, and the keys of which some were left out.

    A record that holds until it is taken off the record counts as newest; one that should have a date but has none
    counts as oldest. Half of `most` is shared among the keys, so that no flood of one kind hides the newest of another.
    """
    if sum(map(len, records.values())) <= most:
        return records, frozenset()
    dated = [(_written(record), key, number) for key, of_key in records.items() for number, record in enumerate(of_key)]
    dated.sort(key=itemgetter(0), reverse=True)
    share, taken, beyond = most // (2 * len(records)), Counter[str](), []
    for entry in dated:
        if taken[entry[1]] < share:
            taken[entry[1]] += 1
        else:
            beyond.append(entry)
    left_out = {(key, number) for _, key, number in beyond[most - taken.total() :]}
    kept = {
        key: [record for number, record in enumerate(of_key) if (key, number) not in left_out]
        for key, of_key in records.items()
    }
    return kept, frozenset(key for key, _ in left_out)


def _written(record: Resource) -> str:
    """When a record was true, as text that sorts by time."""
    names = _DATES_OF.get(type(record))
    if not names:
        return _ALWAYS
    for name in names:
        value = getattr(record, name)
        if isinstance(value, Period):
            value = value.end or value.start
        if value and value[:4].isdigit():
            return str(value)
    return ""


def newest_of(facts: list[F], labels: Callable[[F], Iterable[Label]]) -> list[F]:
    """The facts, in their order, without those that are too many under each of their labels; the newest stay."""
    if len(facts) <= MOST_OF_A_KIND:
        return facts
    seen: Counter[Hashable] = Counter()
    kept: set[int] = set()
    for fact in sorted(facts, key=_recency, reverse=True):
        for label, most in labels(fact):
            if seen[label] < most:
                kept.add(id(fact))
            seen[label] += 1
    return [fact for fact in facts if id(fact) in kept]


def _recency(fact: Fact) -> tuple[date, datetime]:
    when = fact.when
    return (_NO_DAY, _NO_INSTANT) if when is None else (when.day, when.instant or _NO_INSTANT)


def clocked(fact: Fact) -> str:
    """Whether a fact has a date, and a clock time: the newest of each sort matter to different windows."""
    if fact.when is None:
        return "undated"
    return "day" if fact.when.instant is None else "instant"


def by_key(facts: list[F], keys: Callable[[F], Sequence[Hashable]]) -> list[F]:
    """The newest facts of each of the keys that they have."""
    return newest_of(facts, lambda fact: [(key, MOST_OF_A_KIND) for key in keys(fact)])
