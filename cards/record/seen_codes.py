"""The codes of records that were seen, as JSON, and what they mean: nearly every patient's are those of others."""

from __future__ import annotations

from typing import Generic, TypeVar

from cards.record.side import Side

M = TypeVar("M")

_BYTES = 4 * 1024 * 1024
_OVERHEAD = 200  # bytes of an entry, beside its text
_LONGEST = 2_000  # bytes of a code that is kept


class SeenCodes(Generic[M]):
    """What the JSON of a code means, to the letter, within 4 MiB."""

    def __init__(self) -> None:
        self.meanings: dict[bytes, tuple[M, ...]] = {}
        self.sides: dict[bytes, tuple[Side, bool]] = {}
        """The side that it carries in itself, and whether it forbids reading one from a body site."""
        self.meaningless: set[bytes] = set()
        """Those that mean nothing here, as nearly every one of a chart."""
        self._forget()

    def add(self, text: bytes, meanings: tuple[M, ...]) -> None:
        """Keep what a code means; when there is no more room, all others are forgotten.

        Else one request of so many odd codes would keep out all others for ever.
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
        """Keep which side a code has whose meaning is kept."""
        if text in self.meanings:
            self.sides[text] = side

    def _forget(self) -> None:
        self._room = _BYTES
        self.sides.clear()
        self.meanings.clear()
        self.meaningless.clear()
        self.meanings[b""] = ()
        self.meaningless.add(b"")
