"""The codes seen in records, as JSON, and what they mean: nearly all codes of one patient occur in others too."""

from __future__ import annotations

from typing import Generic, TypeVar

from cards.record.side import Side

M = TypeVar("M")

_BYTES = 4 * 1024 * 1024
_OVERHEAD = 200  # bytes of an entry, apart from its text
_LONGEST = 2_000  # bytes of a code that is kept


class SeenCodes(Generic[M]):
    """What the JSON of a code means, by exact text, within 4 MiB."""

    def __init__(self) -> None:
        self.meanings: dict[bytes, tuple[M, ...]] = {}
        self.sides: dict[bytes, tuple[Side, bool]] = {}
        """The side that a code itself carries, and whether it forbids reading a side from a body site."""
        self.meaningless: set[bytes] = set()
        """The codes that mean nothing here, as do nearly all codes of a chart."""
        self._forget()

    def add(self, text: bytes, meanings: tuple[M, ...]) -> None:
        """Keep what a code means; when there is no more room, all others are forgotten.

        Otherwise one request with that many odd codes would keep out all others for good.
        """
        if len(text) > _LONGEST:
            return
        self._room -= len(text) + _OVERHEAD
        if self._room < 0:
            self._forget()
        self.meanings[text] = meanings
        if not meanings:
            self.meaningless.add(text)

    def add_side(self, text: bytes, side: tuple[Side, bool]) -> None:
        """Keep the side of a code, if its meaning is kept."""
        if text in self.meanings:
            self.sides[text] = side

    def _forget(self) -> None:
        self._room = _BYTES
        self.sides.clear()
        self.meanings.clear()
        self.meaningless.clear()
        self.meanings[b""] = ()
        self.meaningless.add(b"")
