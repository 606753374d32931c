"""The memory in a database, SQLite or PostgreSQL. Rows are written many at a time, and each row once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Any

from msgspec import structs

from service.memory.forgetting import forget_old
from service.memory.rows import Answer, Answered, Card, Evaluation, Feedback, Row, Taken, UnknownCode, Verdict, is_own
from service.store.database import Database

_MOST_ROWS = 128  # in a statement. Every statement has a power of two of rows, so there are few to prepare
_MOST_TAKEN = 500  # entries of feedback in one transaction: 10,000 locked an SQLite for over a second
_KNOWN_S = 600  # for which a worker relies on a set of verdicts being in the store
_MOST_KNOWN = 1000
USERS = 5  # who were shown a card about one patient without any of them answering
_ANSWERS = """
SELECT cards.rule, cards.indicator, cards.fingerprint, evaluations.asker,
       CASE WHEN feedback.at < feedback.received THEN feedback.at ELSE feedback.received END,
       feedback.outcome, feedback.reason
FROM cards JOIN evaluations ON evaluations.id = cards.evaluation
JOIN feedback ON feedback.card = cards.uuid AND feedback.client = cards.client
AND (feedback.tenant = cards.tenant OR feedback.tenant = '' OR cards.tenant = '')
WHERE cards.quietens = {mark} AND cards.quietens <> '' AND cards.at >= {mark} AND cards.shown
"""
_ANSWERED = """
UPDATE cards SET quietens = COALESCE((SELECT patient FROM evaluations WHERE evaluations.id = cards.evaluation), '')
WHERE uuid = {mark} AND quietens = ''
"""
_UNHEEDED = f"""
SELECT rule, count(*) FROM (
    SELECT cards.rule, evaluations.patient FROM evaluations JOIN cards ON cards.evaluation = evaluations.id
    WHERE evaluations.at > {{mark}} AND cards.shown AND evaluations.patient <> '' AND evaluations.asker <> ''
    GROUP BY cards.rule, evaluations.patient
    HAVING count(DISTINCT evaluations.asker) >= {USERS} AND max(cards.quietens) = ''
) AS unheeded GROUP BY rule ORDER BY rule
"""


class Tables:
    """Reads and writes the tables.

    `answers` writes what was shown, `durable` writes feedback, which is acknowledged, and `asked` serves what a request
    asks, so that a request does not wait for what is being written.
    """

    def __init__(
        self,
        answers: Database,
        durable: Database,
        asked: Database | None = None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._answers = answers
        self._durable = durable
        self._asked = asked or answers
        self._find_answers = _ANSWERS.format(mark=self._asked.mark)
        self._steady = steady
        self._known: dict[str, float] = {}
        """The sets of verdicts that are in the store, and until when a worker relies on that."""

    def close(self) -> None:
        """Close the connections."""
        self._answers.close()
        self._durable.close()
        self._asked.close()

    def write(self, answered: Sequence[Answered]) -> None:
        """Keep answers. Raises StoreAwayError; part of them may be kept then, and writing them again does no harm.

        Each statement is a transaction. One transaction for all would lock an SQLite file while this thread waits for
        its turn to compute, and a request that has to write its token would wait too.
        """
        now = self._steady()
        sets = {one.evaluation.verdict_set: one.verdicts for one in answered}
        new = {name: verdicts for name, verdicts in sorted(sets.items()) if self._known.get(name, 0) < now}
        rows: list[tuple[type[Row], list[Row]]] = [
            (Verdict, [verdict for verdicts in new.values() for verdict in verdicts]),
            (Evaluation, [one.evaluation for one in answered]),
            (Card, [card for one in answered for card in one.cards]),
            (UnknownCode, [code for one in answered for code in one.unknown]),
        ]
        for kind, of_kind in rows:
            for sql, values in _inserts(self._answers.mark, kind, of_kind):
                self._answers.alone(sql, values)
        self._note_answered([card.uuid for one in answered for card in one.cards if card.shown])
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        self._known.update(dict.fromkeys(new, now + _KNOWN_S))

    def _note_answered(self, uuids: Sequence[str]) -> None:
        """Note which of these cards were answered before they were written."""
        for some in _pieces(uuids):
            sql = f"SELECT DISTINCT card FROM feedback WHERE card IN ({_marks(self._answers.mark, len(some))})"
            for card in self._answers.read(sql, some):
                self._answers.alone(_ANSWERED.format(mark=self._answers.mark), card)

    def take(self, events: Sequence[Feedback], tenants: frozenset[str]) -> Taken:
        """Keep feedback from a client that may speak for these tenants; it is stored durably once this returns.

        It is written in portions, so that others who write to an SQLite get their turn in between. Raises
        StoreAwayError; part of it may be kept then, and writing it again does no harm.
        """

        def keep(some: Sequence[Feedback]) -> Taken:
            return self._durable.together(lambda cursor: _take(cursor, self._durable.mark, some, tenants))

        taken = Taken()
        for start in range(0, len(events), _MOST_TAKEN):
            taken.add(keep(events[start : start + _MOST_TAKEN]))
        return taken

    def answers(self, patient: str, since: int) -> list[Answer]:
        """What became of the cards that were shown for a patient since a time. Raises StoreAwayError."""
        return [Answer(*row) for row in self._asked.read(self._find_answers, (patient, since))]

    def unheeded(self, since: int) -> list[tuple[str, int]]:
        """By rule, for how many patients several users were shown its card since a time and none has answered.

        Raises StoreAwayError.
        """
        return [(rule, count) for rule, count in self._asked.read(_UNHEEDED.format(mark=self._asked.mark), (since,))]

    def newest(self, before: int) -> int | None:
        """The moment of the newest evaluation before a time; None without one. Raises StoreAwayError."""
        sql = f"SELECT max(at) FROM evaluations WHERE at < {self._asked.mark}"
        return next((at for (at,) in self._asked.read(sql, (before,))), None)

    def forget(self, before: int) -> int:
        """Delete what is older than a time (milliseconds since 1970), and return the number of evaluations deleted.

        If there is much, only part of it is deleted: call it again. Raises StoreAwayError.
        """
        return self._answers.together(lambda cursor: forget_old(cursor, self._answers.mark, before)).evaluations


def _inserts(mark: str, kind: type[Row], rows: Iterable[Row]) -> Iterator[tuple[str, list[Any]]]:
    """The statements that insert rows unless they exist. Names of tables are our own, and every value is bound."""
    for some in _pieces(rows):
        yield _insert(mark, kind, len(some)), [value for row in some for value in structs.astuple(row)]


@cache
def _insert(mark: str, kind: type[Row], count: int) -> str:
    one = f"({_marks(mark, len(kind.__struct_fields__))})"
    values = ", ".join([one] * count)
    return f"INSERT INTO {kind.table} ({', '.join(kind.__struct_fields__)}) VALUES {values} ON CONFLICT DO NOTHING"


@cache
def _marks(mark: str, count: int) -> str:
    return ", ".join([mark] * count)


def _take(cursor: Any, mark: str, events: Sequence[Feedback], tenants: frozenset[str]) -> Taken:
    shown: dict[str, tuple[str, str]] = {}
    for cards in _pieces({event.card for event in events}):
        sql = f"SELECT uuid, client, tenant FROM cards WHERE uuid IN ({_marks(mark, len(cards))})"
        shown |= {uuid: (client, tenant) for uuid, client, tenant in cursor.execute(sql, cards).fetchall()}
    own = [event for event in events if is_own(shown.get(event.card), event.client, tenants)]
    in_order = sorted(own, key=lambda event: event.id)  # the order of all writers, so that no two wait for each other
    new = sum(cursor.execute(*insert).rowcount for insert in _inserts(mark, Feedback, in_order))
    for card in sorted({event.card for event in own} & shown.keys()):
        cursor.execute(_ANSWERED.format(mark=mark), [card])
    return Taken(
        new=new,
        again=len(own) - new,
        unknown=sum(event.card not in shown for event in own),
        others=len(events) - len(own),
    )


def _pieces(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """The rows in pieces. The last row is repeated, which does no harm, until their number is a power of two."""
    rest = iter(rows)
    while piece := list(islice(rest, _MOST_ROWS)):
        missing = (1 << (len(piece) - 1).bit_length()) - len(piece)
        yield piece + piece[-1:] * missing
