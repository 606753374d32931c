"""Which rules are signed, which may therefore speak, and the words for it on a card."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date
from enum import StrEnum

from msgspec import Struct

from cards.language.escaping import markdown
from cards.record.codes import Codes
from cards.rule_book import RuleBook
from service.signoff.records import Record

DRAFT = "draft, not yet signed"
"""How a card of a rule without a valid sign-off ends."""

NOBODY: Mapping[str, str] = {}
"""Who has signed, by rule: nobody."""


Withdrawn = Callable[[], Mapping[str, str]]
"""Tells, by rule, who withdrew an approval and why. It is asked each time, since a withdrawal counts at once."""


class State(StrEnum):
    """The state of a rule's sign-off."""

    SIGNED = "signed"
    EXPIRED = "expired"
    VOID = "void"
    WITHDRAWN = "withdrawn"
    UNSIGNED = "unsigned"


class Standing(Struct, frozen=True):
    """The state of a rule's sign-off, its newest record, and why that is not valid."""

    state: State
    record: Record | None = None
    why: str = ""

    @property
    def words(self) -> str:
        """What a card says about the sign-off, as Markdown."""
        if self.state is not State.SIGNED or self.record is None:
            return DRAFT
        return f"signed by {markdown(self.record.body)}, {self.record.date.year}"


UNSIGNED = Standing(State.UNSIGNED)
"""The standing of a rule that nobody has ever signed."""


class Standings:
    """The standing of every rule of a book, by day: a sign-off may expire while the service runs.

    With `all_speak`, in development or if the settings allow it, an unsigned rule speaks as a draft.
    """

    def __init__(
        self,
        rules: Collection[str],
        records: Mapping[str, Record],
        void: Mapping[str, str],
        withdrawn: Withdrawn = dict,
        *,
        all_speak: bool,
    ) -> None:
        """`void` says, by rule, why a record is not valid for the rule as it is."""
        self._rules = tuple(rules)
        self._records = records
        self._void = void
        self._withdrawn = withdrawn
        self.all_speak = all_speak
        self._known: tuple[date, Mapping[str, str]] | None = None
        self._today: tuple[frozenset[str], dict[str, str]] = frozenset(), {}

    def of(self, rule: str, today: date) -> Standing:
        """The standing of a rule on a day."""
        record = self._records.get(rule)
        if record is None:
            return UNSIGNED
        if why := self._withdrawn().get(rule):
            return Standing(State.WITHDRAWN, record, why)
        if rule in self._void:
            return Standing(State.VOID, record, self._void[rule])
        if record.is_expired(today):
            return Standing(State.EXPIRED, record, f"it expired on {record.expires}")
        return Standing(State.SIGNED, record)

    def hidden(self, today: date) -> frozenset[str]:
        """The rules that run in shadow on a day: evaluated but not shown."""
        return self._on(today)[0]

    def words(self, today: date) -> Mapping[str, str]:
        """What the cards of each signed rule say about its sign-off on a day; all other cards say DRAFT."""
        return self._on(today)[1]

    def _on(self, today: date) -> tuple[frozenset[str], dict[str, str]]:
        known = today, self._withdrawn()
        if known != self._known:  # two threads that get here at once do the same
            standings = {rule: self.of(rule, today) for rule in self._rules}
            signed = {rule: one.words for rule, one in standings.items() if one.state is State.SIGNED}
            silent = frozenset() if self.all_speak else frozenset(self._rules) - signed.keys()
            self._today, self._known = (silent, signed), known
        return self._today

    def sentences(self, today: date, *, with_causes: bool = True) -> Iterator[str]:
        """How many rules are signed, what becomes of the others, and why a sign-off is not valid."""
        signed = len(self.words(today))
        others = len(self._rules) - signed
        fate = "speak as drafts (allow_unsigned)" if self.all_speak else "run in shadow: evaluated, but not shown"
        rest = f"; the other {others} {fate}" if others and signed else f"; all {fate}" if others else ""
        yield f"{signed} of {len(self._rules)} rules are signed{rest}"
        for rule in self._rules if with_causes else ():
            standing = self.of(rule, today)
            if standing.why:
                yield f"The sign-off of {rule} is {standing.state}: {standing.why}"
        for rule in sorted(self._records.keys() - set(self._rules)):
            yield f"The sign-off of {rule} has no effect: this version has no such rule"


def standings(
    book: RuleBook, codes: Codes, records: Mapping[str, Record], withdrawn: Withdrawn, *, all_speak: bool
) -> Standings:
    """The standings of the rules of a book, with the site's own codes."""
    return Standings(tuple(book.rules), records, dict(_void(book, codes, records)), withdrawn, all_speak=all_speak)


def _void(book: RuleBook, codes: Codes, records: Mapping[str, Record]) -> Iterator[tuple[str, str]]:
    if not records:
        return
    from service.signoff.definitions import NoSourceError
    from service.signoff.description import describe  # the sources are read only if something is signed

    for id, record in records.items():
        if id not in book.rules:
            continue
        rule = book.rules[id]
        try:
            changed = describe(rule, book, codes).sha256 != record.sha256
        except NoSourceError as error:
            yield id, str(error)
            continue
        if changed and record.version != rule.version:
            yield id, f"version {record.version} was signed, but this is {rule.version}"
        elif changed:
            yield id, f"what was signed has changed since (foot-drop-cds signoff show {id})"
