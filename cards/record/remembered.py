"""Remembers what short JSON texts mean, by exact text: records repeat those of the same patient and of others."""

from __future__ import annotations

from typing import Generic, TypeVar

V = TypeVar("V")

_OVERHEAD = 200  # bytes of an entry, apart from its text


class Remembered(Generic[V]):
    """What is known about texts of up to `longest` bytes each, within `room` bytes in all."""

    def __init__(self, room: int, longest: int) -> None:
        self._known: dict[bytes, V] = {}
        self.get = self._known.get
        self._all = self._room = room
        self._longest = longest

    def add(self, text: bytes, value: V) -> None:
        """Keep what a text means; when there is no more room, all others are forgotten.

        Otherwise one request with that many odd texts would keep out all others for good.
        """
        if len(text) > self._longest:
            return
        self._room -= len(text) + _OVERHEAD
        if self._room < 0:
            self._known.clear()
            self._room = self._all
        self._known[text] = value
