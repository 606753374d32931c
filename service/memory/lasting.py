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


class Lasting:
    """Keeps rows in the store at `url`, for `keep_days`; `now` says what time it is."""

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
        self._steady = steady
        self._next_try = 0.0
        self._next_look = 0.0
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
        """Keep feedback, for good once this returns.

        Raises FeedbackAwayRefusedError while the store is away, which is not asked at every call then: each may keep
        a worker waiting.
        """
        if self._steady() < self._next_try:
            raise FeedbackAwayRefusedError(RETRY_S)
        try:
            return self._tables.take(events, tenants)
        except StoreAwayError as error:
            self._next_try = self._steady() + RETRY_S
            self._log.error("feedback not kept", why=str(error))
            raise FeedbackAwayRefusedError(RETRY_S) from None

    def answers(self, patient: str, since: int) -> list[Answer]:
        """What became of the cards of a patient; nothing while the store is away, so that every card is shown.

        It is not asked at every call then either.
        """
        if self._steady() < self._next_look:
            return []
        try:
            return self._tables.answers(patient, since)
        except StoreAwayError as error:
            self._next_look = self._steady() + RETRY_S
            self._log.error("quiet time not read", why=str(error))
            return []
