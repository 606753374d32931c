"""Off, shadow, pilot or live, by client and rule; read from the store at intervals, so that no worker need restart."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from time import monotonic

from service.middleware.log import logger
from service.modes.last_known import LastKnown
from service.modes.quiet import NOTHING_QUIET, Change, Quiet, by_client
from service.wire.refusal import ModesAwayRefusedError

LOOK_S = 20  # seconds after which the store is read again, in the background
MOST_S = 45  # seconds after which a request waits for that, so that a rule falls silent within a minute
RETRY_S = 5  # between two attempts as long as nothing is known


class Modes:
    """The modes in force, no more than a minute old. While the store is away, the modes that were last read stay.

    A worker that starts while the store is away uses the modes that any worker of this machine read last.
    """

    def __init__(
        self,
        read: Callable[[], Iterable[Change]],
        clock: Callable[[], float] = monotonic,
        last_known: LastKnown | None = None,
    ) -> None:
        self._read = read
        self._clock = clock
        self._last_known = last_known or LastKnown(None)
        self._by_client: Mapping[str, Quiet] | None = None
        self._looked: float | None = None
        self._lock = threading.Lock()

    def of(self, client: str) -> Quiet:
        """The modes in force for a client. Raises ModesAwayRefusedError while they are not known."""
        age = self._age()
        if age > self._longest():
            self._look_if_older(self._longest())
        elif age > LOOK_S and self._lock.acquire(blocking=False):
            self._look_beside()
        if self._by_client is None:
            # A rule that was switched off must not speak, and no cards would mean that there is nothing to say.
            raise ModesAwayRefusedError(RETRY_S)
        return self._by_client.get(client, NOTHING_QUIET)

    def are_known(self) -> bool:
        """Whether calls can be answered; reads the store first if that is due. Call it in the background."""
        self._look_if_older(min(LOOK_S, self._longest()))
        return self._by_client is not None

    def _longest(self) -> float:
        return RETRY_S if self._by_client is None else MOST_S

    def _age(self) -> float:
        return float("inf") if self._looked is None else self._clock() - self._looked

    def _look_if_older(self, seconds: float) -> None:
        with self._lock:
            if self._age() > seconds:
                self._look()

    def _look_beside(self) -> None:
        """Look in a separate thread, which then releases the lock."""
        try:
            threading.Thread(target=self._look_and_release, name="rule modes", daemon=True).start()
        except RuntimeError:  # no more threads can be started now
            self._lock.release()

    def _look_and_release(self) -> None:
        try:
            self._look()
        finally:
            self._lock.release()

    def _look(self) -> None:
        try:
            changes = list(self._read())
            self._by_client = by_client(changes)
        except Exception as error:  # the store is away, no descriptor is free: what was read stays
            logger().error("rule modes not read", why=type(error).__name__)
            self._take_last_known()
        else:
            self._last_known.keep(changes)
        self._looked = self._clock()

    def _take_last_known(self) -> None:
        changes = self._last_known.read() if self._by_client is None else None
        if changes is not None:
            self._by_client = by_client(changes)
            logger().warning("rule modes as last known")
