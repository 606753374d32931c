"""Whose turn it is: a worker answers one request at a time, and between two it sees to what has come meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from service.computing import is_debugged
from service.operations.metrics import METRICS


class Turns:
    """The order in which requests are answered. Of more than `most` that wait, those that come last are turned away."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._is_taken = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> bool:
        """Wait for one's turn. Whether there is one: whoever has it passes it on at the end."""
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
        """Let the next one have its turn, once the loop has seen to what came meanwhile."""
        METRICS.busy_since.set(0)
        asyncio.get_running_loop().call_soon(self._call_next)

    def _call_next(self) -> None:
        if self._waiting:
            self._waiting.popleft().set_result(None)
            METRICS.waiting.set(len(self._waiting))
        else:
            self._is_taken = False
