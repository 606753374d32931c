"""The rows that are kept, a struct for each table: its name, and its columns in their order.

Times are milliseconds since 1970 (UTC). Patients, encounters and users are keyed hashes, and reasons and evidence are
in this program's own words: nothing of a record stands in a row.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct


class Row(Struct, frozen=True):
    """A row; `table` is where it stands."""

    table: ClassVar[str] = ""


class Evaluation(Row, frozen=True):
    """A hook request that was answered: who asked about whom, how long it took, which prefetch keys were missing."""

    table: ClassVar[str] = "evaluations"
    id: str
    at: int
    client: str
    tenant: str
    service: str
    hook: str
    patient: str
    encounter: str
    asker: str
    milliseconds: float
    records: int
    unreadable: int
    missing: str
    verdict_set: str


class Verdict(Row, frozen=True):
    """What one rule said; evaluations in which all rules said the same share a set of verdicts."""

    table: ClassVar[str] = "verdicts"
    verdict_set: str
    rule: str
    version: str
    outcome: str
    reason: str


class Card(Row, frozen=True):
    """A card that was sent, by its uuid; one that is not `shown` would have been, did its rule not run in shadow.

    `fingerprint` is the same for as long as the facts are that made it speak; `evidence` is a JSON list of them, and
    `suggestions` one of the suggestions, each with its uuid. `quietens` is the patient of its evaluation, once it has
    been answered; `mode` is that of the rule for the client at that time, empty where it was not kept yet.
    """

    table: ClassVar[str] = "cards"
    uuid: str
    evaluation: str
    at: int
    client: str
    tenant: str
    rule: str
    version: str
    indicator: str
    fingerprint: str
    evidence: str
    suggestions: str
    shown: bool = True
    quietens: str = ""
    mode: str = ""


class Feedback(Row, frozen=True):
    """What a client said became of a card; `id` is the same whenever the same is said again.

    `suggestions` are the uuids of the accepted ones with blanks between; `extension` is the client's own JSON.
    """

    table: ClassVar[str] = "feedback"
    id: str
    at: int
    received: int
    client: str
    tenant: str
    service: str
    card: str
    outcome: str
    suggestions: str
    reason: str
    system: str
    display: str
    extension: str
    comment: str


class Answer(Struct, frozen=True):
    """What became of a card of a patient: feedback, with what it is about. `at` is no later than when it came."""

    rule: str
    indicator: str
    fingerprint: str
    asker: str
    at: int
    outcome: str
    reason: str


class UnknownCode(Row, frozen=True):
    """A code that no value set knows, in an answer that was looked at; without a code: that one was.

    `sample` is what such an answer has in common, and says no more about it; `day` is its midnight in UTC;
    `place` is the prefetch key, and `looks_like` the key of ours that the code's words look like, if any.
    """

    table: ClassVar[str] = "unknown_codes"
    sample: str
    day: int
    client: str
    place: str
    system: str
    code: str
    looks_like: str


class Answered(Struct, frozen=True):
    """All that is kept of one answer."""

    evaluation: Evaluation
    verdicts: tuple[Verdict, ...]
    cards: tuple[Card, ...] = ()
    unknown: tuple[UnknownCode, ...] = ()


class Taken(Struct):
    """What became of the entries of a message of feedback, in numbers."""

    new: int = 0
    again: int = 0
    unknown: int = 0
    """Among those: no card of this uuid is known, or not yet."""
    others: int = 0
    """Refused: the card was shown to another client or tenant."""

    def add(self, other: Taken) -> None:
        """Count those too."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def is_own(shown_to: tuple[str, str] | None, client: str, tenants: frozenset[str]) -> bool:
    """Whether a card may be the client's: it was shown to it and one of these tenants, or is not known, or not yet."""
    if shown_to is None:
        return True
    of_client, tenant = shown_to
    return of_client == client and (not tenant or tenant in tenants)
