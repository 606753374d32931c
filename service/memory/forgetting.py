"""Deletes what is older than a moment, or everything about one patient."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from service.memory.paging import evaluations
from service.memory.rows import Evaluation
from service.store.database import Database, StoreAwayError
from service.store.hashing import Hash

MOST_FORGOTTEN = 1000  # evaluations at a time: deleting many keeps other writers waiting
_SOME = 200  # evaluations of one statement
_PAUSE_S = 0.05  # between two steps of a command, so that the services can write
_TRIES = 10
_RETRY_S = 1
_FOREVER = 1 << 62
_DAY_MS = 86_400_000
_NO_CARD = "NOT EXISTS (SELECT 1 FROM cards WHERE cards.uuid = feedback.card)"
_NO_EVALUATION = "NOT EXISTS (SELECT 1 FROM evaluations WHERE evaluations.verdict_set = verdicts.verdict_set)"


class Forgotten(Struct):
    """How many rows of each table were deleted."""

    evaluations: int = 0
    cards: int = 0
    feedback: int = 0
    verdicts: int = 0

    def add(self, other: Forgotten) -> None:
        """Count those too."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def forget_old(cursor: Any, mark: str, before: int) -> Forgotten:
    """Delete what is older than a moment, or part of it if it is much. Feedback is kept as long as any other row."""
    oldest = f"SELECT id FROM evaluations WHERE at < {mark} ORDER BY at LIMIT {MOST_FORGOTTEN}"
    cards = f"SELECT uuid FROM cards WHERE evaluation IN ({oldest})"
    gone = Forgotten()
    gone.feedback = _deleted(cursor, f"feedback WHERE received < {mark} AND card IN ({cards})", [before, before])
    gone.cards = _deleted(cursor, f"cards WHERE evaluation IN ({oldest})", [before])
    gone.evaluations = _deleted(cursor, f"evaluations WHERE id IN ({oldest})", [before])
    if gone.evaluations < MOST_FORGOTTEN:
        gone.feedback += _deleted(cursor, f"feedback WHERE received < {mark} AND {_NO_CARD}", [before])
        gone.verdicts = _deleted(cursor, f"verdicts WHERE {_NO_EVALUATION}", [])
        _deleted(cursor, f"unknown_codes WHERE day < {mark}", [before - _DAY_MS])  # a day counts until it has ended
    return gone


def purge(database: Database, before: int) -> Forgotten:
    """Delete everything older than a moment while services run. Raises StoreAwayError."""
    gone = Forgotten()
    _overwrite(database)
    while True:
        step = _patiently(lambda: database.together(lambda cursor: forget_old(cursor, database.mark, before)))
        gone.add(step)
        if step.evaluations < MOST_FORGOTTEN:
            _empty_journal(database)
            return gone
        time.sleep(_PAUSE_S)


def forget_patient(database: Database, hashed: Hash, client: str, identity: str, tenant: str | None) -> Forgotten:
    """Delete the evaluations of a client's patient, with their cards and the feedback on those cards.

    With a `tenant` (the base URL of a FHIR server), only those of that server. A set of verdicts names nobody, and
    stays until no evaluation uses it. Raises StoreAwayError.
    """
    _overwrite(database)
    gone = Forgotten()
    names: dict[str, str] = {}

    def is_theirs(one: Evaluation) -> bool:
        if one.client != client or tenant not in (None, one.tenant):
            return False
        if one.tenant not in names:
            names[one.tenant] = hashed(client, one.tenant, "Patient", identity)
        return bool(one.patient) and one.patient == names[one.tenant]

    for page in evaluations(database, 0, _FOREVER):
        theirs = [one.id for one in page if is_theirs(one)]
        for start in range(0, len(theirs), _SOME):
            ids = theirs[start : start + _SOME]
            gone.add(_patiently(lambda ids=ids: database.together(lambda cursor: _forget(cursor, database.mark, ids))))  # type: ignore[misc]
            time.sleep(_PAUSE_S)
    _empty_journal(database)
    return gone


def _overwrite(database: Database) -> None:
    """Let SQLite overwrite what it deletes. Otherwise it stays in the file until the space is needed."""
    if database.is_sqlite:
        database.alone("PRAGMA secure_delete = ON", ())


def _empty_journal(database: Database) -> None:
    if database.is_sqlite:
        database.alone("PRAGMA wal_checkpoint(TRUNCATE)", ())


def _forget(cursor: Any, mark: str, ids: Sequence[str]) -> Forgotten:
    of_them = f"evaluation IN ({', '.join([mark] * len(ids))})"
    return Forgotten(
        feedback=_deleted(cursor, f"feedback WHERE card IN (SELECT uuid FROM cards WHERE {of_them})", ids),
        cards=_deleted(cursor, f"cards WHERE {of_them}", ids),
        evaluations=_deleted(cursor, f"evaluations WHERE {of_them.replace('evaluation', 'id', 1)}", ids),
    )


def _deleted(cursor: Any, what: str, values: Sequence[Any]) -> int:
    cursor.execute(f"DELETE FROM {what}", values)
    return int(cursor.rowcount)


def _patiently(step: Callable[[], Forgotten]) -> Forgotten:
    """A step, tried again if the services are writing. Raises StoreAwayError if it never gets its turn."""
    for _ in range(_TRIES - 1):
        try:
            return step()
        except StoreAwayError:
            time.sleep(_RETRY_S)
    return step()
