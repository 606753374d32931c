"""The rows of the memory in order of time, page by page. Each query is short, so it keeps no writer waiting."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TypeVar

import sqlalchemy as sa

from service.memory.rows import Card, Evaluation, Feedback, Row, Verdict
from service.store.database import Database

PAGE = 500  # rows

AnyRow = TypeVar("AnyRow", bound=Row)


def _table(kind: type[Row]) -> sa.TableClause:
    return sa.table(kind.table, *(sa.column(name) for name in kind.__struct_fields__))


def in_order(database: Database, kind: type[AnyRow], time: str, since: int, until: int) -> Iterator[list[AnyRow]]:
    """The rows whose column `time` lies between two moments (milliseconds since 1970; the second excluded), in pages.

    Raises StoreAwayError.
    """
    table = _table(kind)
    at, key = table.c[time], table.c.id
    place: tuple[int, str] = since, ""
    while True:
        later = sa.and_(at >= place[0], at < until, sa.or_(at > place[0], key > place[1]))
        page = [kind(*row) for row in database.rows(sa.select(*table.c).where(later).order_by(at, key).limit(PAGE))]
        if not page:
            return
        yield page
        place = getattr(page[-1], time), page[-1].id  # type: ignore[attr-defined]


def evaluations(database: Database, since: int, until: int) -> Iterator[list[Evaluation]]:
    """The evaluations between two moments, in pages. Raises StoreAwayError."""
    return in_order(database, Evaluation, "at", since, until)


def feedback(database: Database, since: int, until: int) -> Iterator[list[Feedback]]:
    """The feedback that was received between two moments, in pages. Raises StoreAwayError."""
    return in_order(database, Feedback, "received", since, until)


def cards_of(database: Database, page: Collection[Evaluation]) -> dict[tuple[str, str], Card]:
    """The cards of some evaluations, by evaluation and rule. Raises StoreAwayError."""
    table = _table(Card)
    query = sa.select(*table.c).where(table.c.evaluation.in_([one.id for one in page]))
    cards = [Card(*row) for row in database.rows(query)]
    return {(card.evaluation, card.rule): card for card in cards}


def verdicts_of(database: Database, sets: Collection[str]) -> dict[str, list[Verdict]]:
    """The verdicts of some sets, by set and sorted by rule. Raises StoreAwayError."""
    table = _table(Verdict)
    query = sa.select(*table.c).where(table.c.verdict_set.in_(list(sets))).order_by(table.c.rule)
    verdicts: dict[str, list[Verdict]] = {name: [] for name in sets}
    for row in database.rows(query):
        verdict = Verdict(*row)
        verdicts[verdict.verdict_set].append(verdict)
    return verdicts
