"""Off, shadow, pilot or live, by client and rule; read from the store again and again, so that no worker restarts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from time import monotonic

from service.middleware.log import logger
from service.modes.quiet import NOTHING_QUIET, Change, Quiet, by_client

LOOK_S = 20  # seconds after which the store is looked at again, beside the requests
MOST_S = 45  # seconds after which a request waits for that: a rule falls silent within a minute


class Modes:
    """The modes that are in force, no older than a minute. When the store is away, those that were last read stay."""

    def __init__(self, read: Callable[[], Iterable[Change]], clock: Callable[[], float] = monotonic) -> None:
        self._read = read
        self._clock = clock
        self._by_client: Mapping[str, Quiet] = {}
        self._looked: float | None = None
        self._lock = threading.Lock()

    def of(self, client: str) -> Quiet:
        """The modes in force for a client."""
        age = None if self._looked is None else self._clock() - self._looked
        if age is None or age > MOST_S:
            with self._lock:
                if self._looked is None or self._clock() - self._looked > MOST_S:
                    self._look()
        elif age > LOOK_S and self._lock.acquire(blocking=False):
            threading.Thread(target=self._look_and_release, name="rule modes", daemon=True).start()
        return self._by_client.get(client, NOTHING_QUIET)

    def _look_and_release(self) -> None:
        try:
            self._look()
        finally:
            self._lock.release()

    def _look(self) -> None:
        try:
            self._by_client = by_client(self._read())
        except Exception as error:  # the store away, a mode of a newer program, no descriptor: what was read stays
            logger().error("rule modes not read", why=type(error).__name__)
        self._looked = self._clock()
