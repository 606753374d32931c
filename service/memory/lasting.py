"""The memory in a database: answers are written later, feedback at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import URL

from service.memory.rows import Answer, Feedback, Taken
from service.memory.tables import Tables
from service.memory.writer import RETRY_S, Writer
from service.middleware.log import logger
from service.store.database import Database, StoreAwayError
from service.wire.refusal import FeedbackAwayRefusedError

FIRST_RETRY_S = 0.5


class _Pause:
    """A time without calls to the store, since each may keep a worker waiting. Short at first: often it was only busy.

    Each pause is twice as long as the last, up to RETRY_S, until the store answers.
    """

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._seconds = 0.0
        self._over = 0.0

    @property
    def lasts(self) -> bool:
        """Whether the pause still lasts."""
        return self._steady() < self._over

    def begin(self) -> None:
        """Start a pause, because the store did not answer."""
        self._seconds = min(2 * self._seconds or FIRST_RETRY_S, RETRY_S)
        self._over = self._steady() + self._seconds

    def end(self) -> None:
        """The store has answered."""
        self._seconds = 0.0


class Lasting:
    """Keeps rows in the store at `url` for `keep_days`; `now` tells the time."""

    def __init__(
        self,
        url: URL,
        keep_days: int,
        now: Callable[[], datetime],
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tables = Tables(Database(url), Database(url, is_durable=True), Database(url))
        self.writer = Writer(self._tables, keep_days, now)
        self.put = self.writer.put
        self._taking, self._looking = _Pause(steady), _Pause(steady)
        self._log = logger()

    @property
    def lost(self) -> int:
        """How many answers could not be kept."""
        return self.writer.lost

    def close(self) -> None:
        """Write what waits, and close the connections."""
        self.writer.close()
        self._tables.close()

    def take(self, events: Sequence[Feedback], tenants: frozenset[str]) -> Taken:
        """Keep feedback; it is stored durably once this returns.

        Raises FeedbackAwayRefusedError while the store is away. During a pause the store is not asked.
        """
        if self._taking.lasts:
            raise FeedbackAwayRefusedError(RETRY_S)
        try:
            taken = self._tables.take(events, tenants)
        except StoreAwayError as error:
            self._taking.begin()
            self._log.error("feedback not kept", why=str(error))
            raise FeedbackAwayRefusedError(RETRY_S) from None
        self._taking.end()
        return taken

    def answers(self, patient: str, since: int) -> list[Answer]:
        """What became of the cards of a patient; nothing while the store is away, so that every card is shown.

        During a pause the store is not asked.
        """
        if self._looking.lasts:
            return []
        try:
            answers = self._tables.answers(patient, since)
        except StoreAwayError as error:
            self._looking.begin()
            self._log.error("quiet time not read", why=str(error))
            return []
        self._looking.end()
        return answers
