"""A circuit breaker: a silent server is not asked for a while, or it would cost every request the whole deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable

from msgspec import Struct

AFTER = 5  # times in a row, so that one slow moment or one lost connection costs nothing
PAUSE = 10.0  # seconds
_MOST = 256  # servers


class _Silence(Struct):
    times: int = 0
    until: float = 0.0  # by time.monotonic


class Breaker:
    """Counts for each server how often in a row it gave no answer at all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._silent: dict[Hashable, _Silence] = {}

    def lets_through(self, server: Hashable) -> bool:
        """Whether to ask a server. Once its pause is over, one request tries, and the server stays closed to others."""
        with self._lock:
            silence = self._silent.get(server)
            if silence is None or silence.times < AFTER:
                return True
            now = time.monotonic()
            if now < silence.until:
                return False
            silence.until = now + PAUSE
            return True

    def note(self, server: Hashable, *, has_answered: bool) -> None:
        """Note the result of asking a server."""
        with self._lock:
            silence = self._silent.pop(server, None)
            if has_answered:
                return
            silence = silence or _Silence()
            silence.times += 1
            silence.until = time.monotonic() + PAUSE
            self._silent[server] = silence
            while len(self._silent) > _MOST:
                del self._silent[next(iter(self._silent))]
