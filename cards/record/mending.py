"""Mends members of records that do not fit, each once: a sender who writes one wrongly writes many that way."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import Raw, inspect

from cards.record.defects import Defect, Defects
from cards.record.elements import NOTHING
from cards.record.fitting import MisfitError, decode_anything, fit_element
from cards.record.records import Resource

_bytes = b"".join  # of one Raw: three times as fast as bytes()
_SHORT = 500  # bytes of a member that is remembered
_ROOM = 64 * 1024  # bytes of all of them: once decoded, they take up to 35 times as much
_OVERHEAD = 50  # bytes
_MANY = 100  # mending this many records takes as long as making a decoder for them


class Made(NamedTuple):
    """The effect of a member that does not fit: what is set, and what is lost; `essential` if the record is lost."""

    values: Sequence[tuple[str, object]]
    lost: Defects
    essential: str = ""

    def set(self, record: Resource, own: str, where: str, defects: list[Defect]) -> None:
        """Set the member `own` of a record, as far as it fits. Raises MisfitError if it is essential to the record."""
        self.lost.into(defects, where)
        if self.essential:
            raise MisfitError(self.essential)
        for name, value in self.values:
            if name == own or name != _WORDS or getattr(record, name) is None:
                setattr(record, name, value)


Loose = tuple[inspect.Field, Raw, Made | None]
"""A member of a record that does not fit its element, its JSON, and its effect if that is already known."""
_WORDS = "valueString"  # it takes an answer that cannot be read, unless it already holds a text
_STATUS = "status"  # it becomes unreadable with an element that would reverse the meaning of a record


class Mended:
    """The effects of members that did not fit, by their JSON, within one Bundle."""

    def __init__(self) -> None:
        self._known: dict[tuple[type, str, bytes], Made] = {}
        self._room = _ROOM
        self._misfits: Counter[type] = Counter()
        self._names: defaultdict[type, set[str]] = defaultdict(set)

    def note(self, kind: type, loose: Sequence[Loose]) -> None:
        """Count a record of this type in which these members do not fit."""
        self._misfits[kind] += 1
        self._names[kind].update(element.name for element, _, _ in loose)

    def often(self, kind: type) -> frozenset[str]:
        """The members that do not fit in records of this type, once there are many; the count then starts again."""
        if kind not in self._misfits or self._misfits[kind] < _MANY:
            return frozenset()
        self._misfits[kind] = 0
        return frozenset(self._names[kind])

    def known(self, kind: type, name: str, text: Raw) -> Made | None:
        """The effect of a member that does not fit a record of this type; None when it is not known yet."""
        return self._known.get((kind, name, _bytes((text,)))) if len(text) <= _SHORT else None

    def make(self, kind: type[Any], element: inspect.Field, text: Raw, *, draft: bool, is_read: bool) -> Made:
        """The effect of a member that does not fit; if it may not be read, nothing of it is set."""
        made = _made(kind, element, decode_anything(text) if is_read else text, draft=draft)
        self._room -= len(text) + _OVERHEAD
        if is_read and self._room > 0 and len(text) <= _SHORT:
            self._known[kind, element.name, _bytes((text,))] = made
        return made


def _made(kind: type[Any], element: inspect.Field, given: object, *, draft: bool) -> Made:
    record, lost = kind(), Defects()
    try:
        fit_element(record, element, given, "", lost, draft=draft)
    except MisfitError as misfit:
        return Made((), lost, str(misfit))
    values = [(name, getattr(record, name, None)) for name in {element.name: None, _STATUS: None, _WORDS: None}]
    return Made([(name, value) for name, value in values if value is not None and value is not NOTHING], lost)
