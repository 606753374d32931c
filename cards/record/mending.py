"""Members of records that do not fit, each mended once: who writes one of them wrongly writes many so."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Raw, inspect

from cards.record.defects import Defect, Defects
from cards.record.fitting import MisfitError, decode_anything, fit_meant, lose_element
from cards.record.records import Resource

Loose = tuple[inspect.Field, Raw]
"""A member of a record that does not fit its element."""

_bytes = b"".join  # of one Raw: three times as fast as bytes()
_SHORT = 500  # bytes of a member that is remembered
_ROOM = 64 * 1024  # bytes of all of them: what is made of them takes up to 35 times as much
_OVERHEAD = 50  # bytes
_MANY = 100  # records that are mended take as long as to make a decoder for them


class Mended:
    """What was made of members that did not fit, by their JSON: who writes one of them wrongly writes many so."""

    def __init__(self) -> None:
        self._known: dict[tuple[type, str, bytes], _Made] = {}
        self._room = _ROOM
        self._misfits: Counter[type] = Counter()
        self._names: defaultdict[type, set[str]] = defaultdict(set)

    def note(self, kind: type, loose: Sequence[Loose]) -> None:
        """Count a record of this type, of whose members these do not fit."""
        self._misfits[kind] += 1
        self._names[kind].update(element.name for element, _ in loose)

    def often(self, kind: type) -> frozenset[str]:
        """The members that do not fit in records of this type, when by now there are many; they are counted anew."""
        if self._misfits[kind] < _MANY:
            return frozenset()
        self._misfits[kind] = 0
        return frozenset(self._names[kind])

    def knows(self, kind: type, name: str, text: Raw) -> bool:
        """Whether this member of a record of this type is known not to fit."""
        return (kind, name, _bytes((text,))) in self._known

    def set(
        self,
        record: Resource,
        element: inspect.Field,
        text: Raw,
        where: str,
        defects: list[Defect],
        *,
        draft: bool,
        is_read: bool,
    ) -> None:
        """Set a member as far as it fits; one that is not read fits nothing. Raises MisfitError."""
        place = (type(record), element.name, _bytes((text,)))
        made = self._known.get(place)
        if made is None:
            made = _made(type(record), element, text, draft=draft, is_read=is_read)
            self._room -= len(text) + _OVERHEAD
            if is_read and self._room > 0 and len(text) <= _SHORT:
                self._known[place] = made
        if made.lost:
            defects.extend(made.lost.at(where))
        if made.misfit is None:
            setattr(record, element.name, made.value)
        else:
            lose_element(record, element, made.given, made.misfit, where, defects, draft=draft)


class _Made(NamedTuple):
    """What was made of a member: what was given, what it is, what of it was lost; or why it is nothing."""

    given: object
    value: object
    lost: Defects
    misfit: MisfitError | None


def _made(kind: type, element: inspect.Field, text: Raw, *, draft: bool, is_read: bool) -> _Made:
    lost = Defects()
    given = decode_anything(text) if is_read else text
    try:
        return _Made(given, fit_meant(kind, element, given, "", lost, draft=draft), lost, None)
    except MisfitError as misfit:
        return _Made(given, None, lost, type(misfit)(*misfit.args))  # another, which holds no frames
