"""The records of a Bundle's entries: as fast as they fit, and one by one where they do not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter

import msgspec
from msgspec import Raw

from cards.record.alike import Alike, alike
from cards.record.body import RawEntry, is_too_deep
from cards.record.defects import Defect
from cards.record.fitting import MisfitError
from cards.record.members import mend, read_loosely, read_stranger
from cards.record.mending import Mended
from cards.record.records import Decoded, Resource

MOST_MISFITS = 20_000  # entries of a Bundle: each costs as much as several that fit

_decode_entry: Callable[[Raw], Resource | None] = msgspec.json.Decoder(Decoded | None).decode
_resource = attrgetter("resource")


class Entries:
    """The entries of a Bundle as records, and the places of those that do not fit at once.

    A record is None when its entry holds none, or when it is lost. Of those that do not fit, the first `MOST_MISFITS`
    are read.
    """

    def __init__(
        self, held: Sequence[RawEntry], numbers: Sequence[int], where: str, defects: list[Defect], *, draft: bool
    ) -> None:
        self.records: list[Resource | None] = []
        self.misfits: list[int] = []
        self._held = held
        self._numbers = numbers
        self._where = where
        self._defects = defects
        self._draft = draft
        self._mended = Mended()
        self._alike: Alike | None = None
        self._read()

    def _read(self) -> None:
        texts = map(_resource, self._held)
        fitting = map(_decode_entry, texts)
        while True:
            try:
                self.records.extend(fitting)  # as far as the next one that does not fit, without a step of Python each
            except msgspec.ValidationError as error:
                if not self._is_read_alike():
                    self._read_misfit(is_strange="resourceType" in str(error))
            else:
                return
            while self._is_read_alike():  # what comes next is mostly a misfit too
                next(texts)

    def _is_read_alike(self) -> bool:
        """Whether the next record could be read as those before it that do not fit."""
        place = len(self.records)
        if self._alike is None or place == len(self._held) or len(self.misfits) >= MOST_MISFITS:
            return False
        text = self._held[place].resource
        parts = self._alike.apart(text, self._mended)
        if parts is None or (parts[1] and is_too_deep(bytes(text))):
            return False
        record: Resource | None = parts[0]
        if parts[1]:
            self.misfits.append(place)
            try:
                mend(parts[0], parts[1], self._mended, self._place(place), self._defects, draft=self._draft)
            except MisfitError as misfit:
                self._defects.append(Defect(self._place(place), str(misfit), "cannot be read", dropped=True))
                record = None
        self.records.append(record)
        return True

    def _read_misfit(self, *, is_strange: bool) -> None:
        place = len(self.records)
        self.misfits.append(place)
        self.records.append(None)
        if len(self.misfits) > MOST_MISFITS:
            return
        text = self._held[place].resource
        record = read_stranger(text) if is_strange else None
        if record is None:
            record = read_loosely(text, self._place(place), self._defects, draft=self._draft, mended=self._mended)
        self.records[place] = record
        if record is not None and (names := self._mended.often(type(record))):
            self._alike = alike(type(record), names)

    def _place(self, place: int) -> str:
        return f"{self._where}, entry {self._numbers[place]}"
