"""Reads the records of a Bundle's entries: fast as long as they fit, and one by one where they do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
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
_bytes = b"".join  # of one Raw: three times as fast as bytes()


class Entries:
    """The entries of a Bundle as records, and the places of those that do not fit at once.

    A record is None when its entry holds none, or when it is lost. Only the first `MOST_MISFITS` of those that do not
    fit are read.
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
        while len(self.records) < len(self._held):
            try:
                # Up to the next record that does not fit, without a Python step for each record.
                self.records.extend(map(_decode_entry, self._texts(len(self._held))))
            except msgspec.ValidationError as error:
                self._read_misfit(is_strange="resourceType" in str(error))
            while self._alike is not None and self._may_go_on() and self._is_mended(self._alike):
                pass  # the next record is mostly a misfit of the same kind

    def _texts(self, end: int) -> Iterator[Raw]:
        """The JSON of the next records, up to the entry before `end`."""
        return map(_resource, map(self._held.__getitem__, range(len(self.records), end)))

    def _may_go_on(self) -> bool:
        """Whether there are more entries, and more of those that do not fit may be read."""
        return len(self.records) < len(self._held) and len(self.misfits) < MOST_MISFITS

    def _read_misfit(self, *, is_strange: bool) -> None:
        place = len(self.records)
        if len(self.misfits) >= MOST_MISFITS:
            self.misfits.append(place)
            self.records.append(None)
            return
        if (is_strange and self._are_strangers()) or (self._alike is not None and self._is_mended(self._alike)):
            return
        text, where = self._held[place].resource, self._place(place)
        record = read_loosely(text, where, self._defects, draft=self._draft, mended=self._mended)
        self.misfits.append(place)
        self.records.append(record)
        if record is not None and (names := self._mended.often(type(record))):
            self._alike = alike(type(record), names)

    def _are_strangers(self) -> bool:
        """Whether the next record has no type that R4 knows; if so, it and those like it that follow are read."""
        place = len(self.records)
        end = min(len(self._held), place + MOST_MISFITS - len(self.misfits))
        self.records.extend(takewhile(bool, map(read_stranger, self._texts(end))))
        self.misfits.extend(range(place, len(self.records)))
        return len(self.records) > place

    def _is_mended(self, alike: Alike) -> bool:
        """Whether the next record is of the same type as those before, with the same misfits; if so, it is read."""
        place = len(self.records)
        text = self._held[place].resource
        parts = alike.apart(text, self._mended)
        if parts is None:
            return False
        record: Resource | None
        record, loose = parts
        if loose:
            if is_too_deep(_bytes((text,))):
                return False
            self.misfits.append(place)
            try:
                mend(record, loose, self._mended, self._place(place), self._defects, draft=self._draft)
            except MisfitError as misfit:
                self._defects.append(Defect(self._place(place), str(misfit), "cannot be read", dropped=True))
                record = None
        self.records.append(record)
        return True

    def _place(self, place: int) -> str:
        return f"{self._where}, entry {self._numbers[place]}"
