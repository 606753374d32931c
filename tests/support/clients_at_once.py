"""Clients that send something again and again while a test does something else."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Self


class ClientsAtOnce(ABC):
    """Threads that each send, and send again after `pause` seconds, until the block ends."""

    def __init__(self, number: int, pause: float = 0) -> None:
        self._pause = pause
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(number)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._pause):
            self.send()

    @abstractmethod
    def send(self) -> None:
        """Send once, and note what came of it."""
