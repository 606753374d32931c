"""The turns of requests: a worker answers one at a time, and between two it handles what has arrived meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from service.computing import is_debugged
from service.operations.metrics import METRICS


class Turns:
    """The order in which requests are answered. A request is turned away if `most` requests are already waiting."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._is_taken = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> bool:
        """Wait for a turn. Returns False if the request is turned away; otherwise the caller must pass the turn on."""
        if self._is_taken:
            if len(self._waiting) >= self._most:
                METRICS.overloaded.add()
                return False
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            METRICS.waiting.set(len(self._waiting))
            await future
        self._is_taken = True
        if not is_debugged():
            METRICS.busy_since.set(time.monotonic())
        return True

    def pass_on(self) -> None:
        """Give the turn to the next request, once the loop has handled what has arrived meanwhile."""
        METRICS.busy_since.set(0)
        asyncio.get_running_loop().call_soon(self._call_next)

    def _call_next(self) -> None:
        if self._waiting:
            self._waiting.popleft().set_result(None)
            METRICS.waiting.set(len(self._waiting))
        else:
            self._is_taken = False
