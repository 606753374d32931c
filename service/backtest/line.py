"""What a line of an export is, and what becomes of it."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from itertools import repeat
from typing import Any

from msgspec import Struct, field


class Fate(StrEnum):
    """What becomes of a line; every line of an export has one, and is counted under it."""

    KEPT = "kept"
    NOT_ASKED = "observations that the prefetch queries do not ask for"
    UNREAD_TYPE = "resources of a type that no rule reads"
    UNKNOWN_TYPE = "resources of an unknown type"
    NO_JSON = "lines that are not JSON"
    NO_RESOURCE = "lines that are not a resource"
    NO_PATIENT = "resources that name no patient"
    TOO_LONG = "lines that are too long"
    CUT_OFF = "lines that are cut off at the end of a file"

    __hash__ = str.__hash__  # that of an enumeration takes ten times as long, and lines are counted by it


class Line(Struct, gc=False):
    """What a line is: its fate; if it is kept its JSON, its patient, its type and its id.

    `known` is since when it is known, as it is written, of a Patient the birth date. One that `is_trigger` may make a
    rule speak, or is odd enough to be looked at closely.
    """

    fate: Fate
    raw: bytes = b""
    patient: str = ""
    kind: str = ""
    id: str = ""
    known: str = ""
    is_trigger: bool = False


KEPT = Fate.KEPT  # the member of an enumeration takes as long to look up as all else here


class Lines(Struct, gc=False):
    """Of some lines those that are kept, a list for each thing that is known of them (see Line), in their order.

    `places` tells which of the lines each was; `others` how many there were of another fate, by type, and `is_cut` that
    the last one is no JSON.
    """

    places: list[int] = []
    raws: list[bytes] = []
    patients: list[str] = []
    kinds: list[str] = []
    ids: list[str] = []
    known: list[str] = []
    are_triggers: list[bool] = []
    others: Counter[tuple[Fate, str]] = field(default_factory=Counter)
    is_cut: bool = False

    @property
    def columns(self) -> tuple[list[Any], ...]:
        """The lists, in the order of the elements of a Line."""
        return self.raws, self.patients, self.kinds, self.ids, self.known, self.are_triggers

    def every(self) -> list[Line]:
        """The same one by one."""
        return list(map(Line, repeat(KEPT), *self.columns))

    def add(self, place: int, line: Line) -> None:
        """Take in a line of any fate."""
        if line.fate is not KEPT:
            self.lose(line.fate, line.kind, 1)
            return
        self.places.append(place)
        values = line.raw, line.patient, line.kind, line.id, line.known, line.is_trigger
        for column, value in zip(self.columns, values, strict=True):
            column.append(value)

    def lose(self, fate: Fate, kind: str, number: int) -> None:
        """Take in that so many lines of a type have another fate."""
        if number:
            self.others[fate, kind] += number

    def sort(self) -> None:
        """Put them into the order in which they came."""
        order = sorted(range(len(self.places)), key=self.places.__getitem__)
        for column in (self.places, *self.columns):
            column[:] = [column[number] for number in order]
