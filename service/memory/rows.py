"""The rows that are kept: a struct for each table, with its name and its columns in order.

Times are milliseconds since 1970 (UTC). Patients, encounters and users are keyed hashes, and reasons and evidence are
in this program's own words: no row holds anything from a record.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct


class Row(Struct, frozen=True):
    """A row of the table `table`."""

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
    """What one rule said. Evaluations in which all rules said the same share a set of verdicts."""

    table: ClassVar[str] = "verdicts"
    verdict_set: str
    rule: str
    version: str
    outcome: str
    reason: str


class Card(Row, frozen=True):
    """A card that was sent, by its uuid; or, if it is not `shown`, one that was withheld because its rule is in shadow.

    `fingerprint` stays the same as long as the facts that made the card speak. `evidence` is a JSON list of these
    facts, and `suggestions` a JSON list of the suggestions, each with its uuid. `quietens` is the patient of its
    evaluation once the card has been answered. `mode` is the mode of the rule for the client at that time; it is empty
    in rows from before modes were kept.
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
    """What a client reported about a card; the same report sent again has the same `id`.

    `suggestions` holds the uuids of the accepted ones, separated by blanks; `extension` is the client's own JSON.
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
    """What became of a patient's card: feedback, with the card that it is about. `at` is not after its receipt."""

    rule: str
    indicator: str
    fingerprint: str
    asker: str
    at: int
    outcome: str
    reason: str


class UnknownCode(Row, frozen=True):
    """A code that no value set knows, from a sampled answer. A row without a code says that an answer was sampled.

    All rows of a sampled answer share a `sample`, which says nothing else about it. `day` is midnight of its day in
    UTC, `place` the prefetch key, and `looks_like` the key of ours that the code's words resemble, if any.
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
    """How many of those name a card that is not known, or not yet."""
    others: int = 0
    """How many were refused, because the card was shown to another client or tenant."""

    def add(self, other: Taken) -> None:
        """Count those too."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def is_own(shown_to: tuple[str, str] | None, client: str, tenants: frozenset[str]) -> bool:
    """Whether a card may be the client's: shown to it and one of these tenants, or not known, perhaps not yet."""
    if shown_to is None:
        return True
    of_client, tenant = shown_to
    return of_client == client and (not tenant or tenant in tenants)
