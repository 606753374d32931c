"""Everything to read before a rule is signed: the same for the command line and for the rule's page."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from msgspec import Struct

from cards.language.appraisals import Appraisal, appraisal
from cards.language.departures import Departure, departures
from cards.language.rule import Rule
from cards.record.codes import Codes
from cards.rule_book import RuleBook
from cards.value_sets.value_set import VALUE_SETS
from service.signoff.changes import changes
from service.signoff.description import Description, describe, lines_of
from service.signoff.frozen import kept
from service.signoff.spoken import Words, spoken
from service.signoff.standing import Standing, Standings, State


class Dossier(Struct, frozen=True, kw_only=True):
    """What to read about one rule, and what has changed since it was signed.

    `thresholds` holds names and lines of source, with the comment behind them. `excludes` says what looks like one of
    the facts that the rule reads, but does not count. `changed` is None if there is nothing to compare.
    """

    rule: Rule
    description: Description
    standing: Standing
    words: Words
    thresholds: tuple[tuple[str, str], ...]
    departures: tuple[Departure, ...]
    appraised: Appraisal
    excludes: tuple[tuple[str, str], ...]
    changed: tuple[str, ...] | None

    @property
    def is_changed(self) -> bool:
        """Whether the rule differs from what was signed."""
        return self.standing.state is State.VOID


def dossier(rule_id: str, book: RuleBook, codes: Codes, signed: Standings, file: Path | None, today: date) -> Dossier:
    """The dossier of a rule; `file` is the file of sign-offs. Raises NoSourceError."""
    rule = book.rules[rule_id]
    description = describe(rule, book, codes)
    standing = signed.of(rule_id, today)
    record = standing.record
    before = kept(file, rule_id, record.sha256) if file and record else None
    return Dossier(
        rule=rule,
        description=description,
        standing=standing,
        words=spoken(rule_id, book),
        thresholds=tuple(lines_of(description.thresholds)),
        departures=tuple(departures(rule_id)),
        appraised=appraisal(rule),
        excludes=tuple(
            (VALUE_SETS[key].title, VALUE_SETS[key].excludes)
            for key in sorted(rule.reads)
            if key in VALUE_SETS and VALUE_SETS[key].excludes
        ),
        changed=tuple(changes(before, description)) if before else None,
    )
