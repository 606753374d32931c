"""What short JSON texts mean, to the letter: the records of one patient repeat each other, and those of others."""

from __future__ import annotations

from typing import Generic, TypeVar

V = TypeVar("V")

_OVERHEAD = 200  # bytes of an entry, beside its text


class Remembered(Generic[V]):
    """What is known of texts of up to `longest` bytes, within `room` bytes of them."""

    def __init__(self, room: int, longest: int) -> None:
        self._known: dict[bytes, V] = {}
        self.get = self._known.get
        self._all = self._room = room
        self._longest = longest

    def add(self, text: bytes, value: V) -> None:
        """Keep what a text means; when there is no more room, all others are forgotten.

        Else one request of so many odd texts would keep out all others for ever.
        """
        if len(text) > self._longest:
            return
        self._room -= len(text) + _OVERHEAD
        if self._room < 0:
            self._known.clear()
            self._room = self._all
        self._known[text] = value
