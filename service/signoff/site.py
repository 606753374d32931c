"""The sign-offs of one site: its rules with its own codes, and the file in which it records who approved them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, tzinfo
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from cards.record.codes import Codes
from cards.rule_book import RuleBook
from service.signoff.records import Record, RefusedSignoffError, Signoffs, Withdrawal, add, read
from service.signoff.standing import Standings, standings
from service.signoff.withdrawals import Withdrawals

if TYPE_CHECKING:  # the sources are read only if something is signed, or about to be
    from service.signoff.dossier import Dossier

Clock = Callable[[], datetime] | datetime | None


class Site:
    """The rules of a book, the codes of a site, and the sign-offs of that site."""

    def __init__(
        self,
        book: RuleBook,
        codes: Codes,
        file: Path | None = None,
        *,
        all_speak: bool = True,
        zone: tzinfo = UTC,
        now: Clock = None,
    ) -> None:
        """With `all_speak`, a rule speaks even if nobody has signed it."""
        self.book = book
        self.codes = codes
        self.file = file
        self._zone = zone
        self._now = now
        self._all_speak = all_speak

    @property
    def today(self) -> date:
        """The day at the site."""
        moment = self._now() if callable(self._now) else self._now or datetime.now(UTC)
        return moment.astimezone(self._zone).date()

    @cached_property
    def standings(self) -> Standings:
        """Which rules are signed. Raises RefusedSignoffError."""
        signoffs = read(self.file, self.today) if self.file else Signoffs()
        withdrawals = Withdrawals(self.file, signoffs, lambda: self.today)
        return standings(self.book, self.codes, signoffs.newest(), withdrawals, all_speak=self._all_speak)

    def dossier(self, rule: str) -> Dossier:
        """Everything to read about a rule. Raises NoSourceError and RefusedSignoffError."""
        from service.signoff.dossier import dossier

        return dossier(rule, self.book, self.codes, self.standings, self.file, self.today)

    def add(
        self, rule: str, name: str, role: str, body: str, conditions: str = "", expires: date | None = None
    ) -> Record:
        """Record that somebody approves a rule as it is today. Raises RefusedSignoffError and NoSourceError."""
        from service.signoff import frozen
        from service.signoff.description import describe

        if self.file is None:
            raise RefusedSignoffError("the settings name no file of sign-offs: signoff_file")
        read(self.file, self.today)  # nothing is added to a file that could not be read back
        description = describe(self.book.rules[rule], self.book, self.codes)
        with _in_sentences():
            record = Record(
                rule=rule,
                version=description.version,
                sha256=description.sha256,
                package=version("foot-drop-cds"),
                name=name,
                role=role,
                body=body,
                date=self.today,
                conditions=conditions,
                expires=expires,
            )
        frozen.keep(self.file, description)
        add(self.file, record)
        return record

    def withdraw(self, rule: str, name: str, role: str, reason: str) -> Withdrawal:
        """Record that somebody withdraws all approvals of a rule. Raises RefusedSignoffError if none stands."""
        signoffs = read(self.file, self.today) if self.file else Signoffs()
        record = signoffs.newest().get(rule)
        if self.file is None or record is None:
            raise RefusedSignoffError(f"nobody has approved {rule}: there is nothing to withdraw")
        if before := signoffs.withdrawal(record):
            raise RefusedSignoffError(f"the approval of {rule} was withdrawn by {before.name} on {before.date}")
        count = len(signoffs.approvals(rule))
        with _in_sentences():
            withdrawal = Withdrawal(rule=rule, name=name, role=role, date=self.today, approvals=count, reason=reason)
        add(self.file, withdrawal)
        return withdrawal


@contextmanager
def _in_sentences() -> Iterator[None]:
    """Turns the faults of a record into a RefusedSignoffError, with one sentence for each key."""
    try:
        yield
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False)
        told = ((".".join(map(str, one["loc"])) or "expires", one["msg"]) for one in wrong)
        sentences = (f"{where}: {why.removeprefix('Value error, ')}" for where, why in told)
        raise RefusedSignoffError("; ".join(sentences)) from None
