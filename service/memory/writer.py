"""A separate thread writes down what was shown, later: no answer waits for that, and none fails because of it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from service.memory.rows import Answered
from service.memory.tables import Tables
from service.middleware.log import fault, logger, survive
from service.operations.metrics import METRICS
from service.store.database import StoreAwayError, StoreRefusedError

MOST_WAITING = 5000  # answers; some 1 to 10 KiB each
PAUSE_S = 0.5  # in which answers gather, so that their rows are made and written together
RETRY_S = 5  # between two tries to reach a store that is away
FLUSH_S = 2  # at the end, for what is still waiting
_TOGETHER = 200  # answers
_LOOK_S = 3600  # between two looks for what is old, and between two for cards that nobody answers
_DAY = timedelta(hours=24)
_DOUBT = "nothing is remembered between keep_days ago and the last day: see that the clock is right"


class Writer:
    """Holds up to MOST_WAITING answers, in order, until they are written; any more are counted as lost.

    The thread starts with the first answer, so that there is none when a process forks.
    """

    def __init__(self, tables: Tables, keep_days: int, now: Callable[[], datetime]) -> None:
        self._tables = tables
        self._keep = timedelta(days=keep_days)
        self._now = now
        self._unmade: deque[Callable[[], Answered]] = deque()
        self._waiting: deque[Answered] = deque()
        self._has_some = threading.Event()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._log = logger()
        self._is_away = False
        self._told = 0
        self._next_look = 0.0
        self._doubted_since: float | None = None
        self._next_count = 0.0
        self.lost = 0
        """How many answers were not kept."""

    def put(self, rows: Callable[[], Answered]) -> None:
        """Have these rows made and written; if too many answers are waiting, this one is lost."""
        if len(self._unmade) + len(self._waiting) >= MOST_WAITING:
            self._lose(1)
            return
        self._unmade.append(rows)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="memory", daemon=True)
            self._thread.start()
        if not self._has_some.is_set():
            self._has_some.set()

    def close(self) -> None:
        """Write what is waiting, within two seconds, and end; what is left is lost."""
        self._ending.set()
        self._has_some.set()
        if self._thread is not None:
            self._thread.join(FLUSH_S)
        self._lose(len(self._unmade) + len(self._waiting))
        self._unmade.clear()
        self._waiting.clear()
        self._tell_lost()
        if self._thread is None or not self._thread.is_alive():
            self._tables.close()

    def _lose(self, count: int) -> None:
        self.lost += count
        METRICS.not_kept.add(amount=count)

    def _run(self) -> None:
        while not self._ending.is_set():
            self._has_some.wait()
            self._has_some.clear()
            self._ending.wait(PAUSE_S)
            survive("memory", self._write_waiting)
            if self._is_away:
                self._ending.wait(RETRY_S)
                self._has_some.set()
            else:
                survive("memory", self._forget_old)
                survive("memory", self._tell_unheeded)
        survive("memory", self._write_waiting)

    def _make(self) -> None:
        """Make the rows of the answers, one after the other: in the request it would cost several times as much."""
        while self._unmade:
            rows = self._unmade.popleft()
            try:
                self._waiting.append(rows())
            except Exception as error:
                self._lose(1)
                self._log.error("fault", place="memory", **fault(error))

    def _write_waiting(self) -> None:
        """Write until nothing is waiting, or the store is away."""
        self._make()
        while self._waiting:
            some = [self._waiting[number] for number in range(min(_TOGETHER, len(self._waiting)))]
            try:
                self._write(some)
            except StoreAwayError as error:
                self._note_away(str(error))
                return
            with suppress(IndexError):  # `close` has given them up meanwhile
                for _ in some:
                    self._waiting.popleft()
            self._note_back()

    def _write(self, some: list[Answered]) -> None:
        """Write them together, or one by one if the store refuses that. Raises StoreAwayError."""
        try:
            self._tables.write(some)
        except StoreAwayError as error:
            if not isinstance(error, StoreRefusedError):
                raise
            self._leave_out(some, error)
        except Exception as error:
            self._leave_out(some, error)

    def _leave_out(self, some: list[Answered], error: Exception) -> None:
        if len(some) == 1:
            self._lose(1)
            self._log.error("fault", place="memory", **fault(error))
            return
        for one in some:
            self._write([one])

    def _tell_unheeded(self) -> None:
        """Log, by rule, for how many patients five users were shown a card in the last day and none answered."""
        if time.monotonic() < self._next_count:
            return
        self._next_count = time.monotonic() + _LOOK_S
        try:
            unheeded = self._tables.unheeded(_milliseconds(self._now() - _DAY))
        except StoreAwayError as error:
            self._log.warning("unheeded cards not counted", why=str(error))
            return
        for rule, count in unheeded:
            self._log.warning("cards unheeded", rule=rule, count=count)

    def _forget_old(self) -> None:
        if time.monotonic() < self._next_look:
            return
        now = self._now()
        before = _milliseconds(now - self._keep)
        try:
            if self._is_clock_doubted(now, before):
                self._log.error("old answers not forgotten", why=_DOUBT)
            elif self._tables.forget(before):
                return  # there may be more: looked for again after the next answers
        except StoreAwayError as error:
            self._log.warning("old answers not forgotten", why=str(error))
        self._next_look = time.monotonic() + _LOOK_S

    def _is_clock_doubted(self, now: datetime, before: int) -> bool:
        """Whether all but the newest rows would be deleted, as after a clock has jumped ahead.

        A service that was idle for long looks the same, so the doubt ends when it has lasted a day in this process.
        """
        newest = self._tables.newest(_milliseconds(now - min(_DAY, self._keep / 2)))
        if newest is None or newest >= before:
            self._doubted_since = None
            return False
        if self._doubted_since is None:
            self._doubted_since = time.monotonic()
        return time.monotonic() - self._doubted_since < _DAY.total_seconds()

    def _note_away(self, why: str) -> None:
        if not self._is_away:
            self._is_away = True
            self._log.error("memory away", why=why, waiting=len(self._waiting), room=MOST_WAITING)
        self._tell_lost()

    def _note_back(self) -> None:
        if self._is_away:
            self._is_away = False
            self._log.warning("memory back")
        self._tell_lost()

    def _tell_lost(self) -> None:
        if self.lost > self._told:
            self._log.error("answers not kept", count=self.lost - self._told, in_all=self.lost)
            self._told = self.lost


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
