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

    __hash__ = str.__hash__  # an enumeration's own hash takes ten times as long, and lines are counted by fate


class Line(Struct, gc=False):
    """What a line is: its fate and, if it is kept, its JSON, its patient, its type and its id.

    `known` is the date on which it became known, as it is written; for a Patient, the birth date. A line with
    `is_trigger` may make a rule speak, or is odd enough to be looked at closely.
    """

    fate: Fate
    raw: bytes = b""
    patient: str = ""
    kind: str = ""
    id: str = ""
    known: str = ""
    is_trigger: bool = False


KEPT = Fate.KEPT  # looking up a member of an enumeration takes as long as everything else here


class Lines(Struct, gc=False):
    """The lines of a sequence that are kept, in their order: a list for each thing that is known of them (see Line).

    `places` gives the position of each in the sequence, `others` counts the lines with another fate by fate and type,
    and `is_cut` says that the last line is not JSON.
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
        """The same lines, one by one."""
        return list(map(Line, repeat(KEPT), *self.columns))

    def add(self, place: int, line: Line) -> None:
        """Add a line of any fate."""
        if line.fate is not KEPT:
            self.lose(line.fate, line.kind, 1)
            return
        self.places.append(place)
        values = line.raw, line.patient, line.kind, line.id, line.known, line.is_trigger
        for column, value in zip(self.columns, values, strict=True):
            column.append(value)

    def lose(self, fate: Fate, kind: str, number: int) -> None:
        """Count this many lines of a type under another fate."""
        if number:
            self.others[fate, kind] += number

    def sort(self) -> None:
        """Put the lines into the order in which they came."""
        order = sorted(range(len(self.places)), key=self.places.__getitem__)
        for column in (self.places, *self.columns):
            column[:] = [column[number] for number in order]
