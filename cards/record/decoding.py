"""Decodes JSON to records tolerantly: in one pass when everything fits, record by record when something does not.

An object where FHIR has a list counts as its one element. A mistyped element is absent and counted. A record is
dropped and counted only when its resourceType, code or status cannot be read. A draft order is never dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import Raw, Struct, inspect

from cards.record.body import (
    MOST_LOOSELY,
    MixedEntries,
    RawEntry,
    is_too_deep,
    raw_entries,
    starts_with,
)
from cards.record.defects import Defect, Defects
from cards.record.elements import (
    NOTHING,
    CodeableConcept,
    Concept,
    Contained,
    Dosage,
    Elements,
    Ingredient,
    Link,
    Quantity,
    Reference,
)
from cards.record.entries import MOST_MISFITS, Entries
from cards.record.errors import UnreadableError
from cards.record.fitting import MisfitError, decode_anything, fit
from cards.record.members import kind_of, read_loosely
from cards.record.records import Bundle, Decoded, Entry, Resource, reference
from cards.record.remembered import Remembered

T = TypeVar("T")
# Bytes of one element that does not fit and is remembered, and of all those of one kind. Once decoded, they take up to
# 35 times as much.
_SHORT, _ROOM = 500, 32 * 1024


class _RawBundle(Struct):
    resourceType: Raw = NOTHING
    total: Raw = NOTHING
    entry: Raw = NOTHING
    link: Raw = NOTHING


class SplitBundle(Struct):
    """A Bundle that fits, except for its entries, which are kept as JSON."""

    resourceType: Literal["Bundle"]
    id: str | None = None
    subject: Reference | None = None
    patient: Reference | None = None
    contained: Elements[Contained] | None = None
    total: int | None = None
    entry: list[RawEntry] | None = None
    link: Elements[Link] | None = None


class _LooseBundle(Struct):
    """A possible Bundle whose entries are a list of objects, as they are in nearly every Bundle."""

    resourceType: Raw = NOTHING
    total: Raw = NOTHING
    entry: list[RawEntry] = []
    link: Raw = NOTHING


_decode_record: Callable[[bytes | Raw], Resource] = msgspec.json.Decoder(Decoded).decode
NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_search = attrgetter("search")
_decode_loose_bundle = msgspec.json.Decoder(_LooseBundle).decode
_decode_raw_bundle = msgspec.json.Decoder(_RawBundle).decode


def read_resource(raw: bytes | Raw, where: str, defects: list[Defect], *, draft: bool = False) -> Resource | None:
    """Decode one resource, which may be a Bundle; None when it is not a FHIR resource at all.

    `where` names it in the defects, which are appended. Raises UnreadableError when `raw` is not JSON.
    """
    try:
        return _decode_record(raw)
    except msgspec.ValidationError:
        pass
    except NO_JSON:
        raise UnreadableError("the text is not JSON") from None
    try:
        return _read_by_entry(raw, where, defects, draft=draft)
    except NO_JSON:
        raise UnreadableError("the text is not JSON") from None


class _Read(NamedTuple, Generic[T]):
    """The part that was read of an element that does not fit, and the part that was lost."""

    element: T | None
    lost: Defects


class Element(Generic[T]):
    """An element that records keep as JSON until a rule wants it; `essential` if they say nothing without it."""

    def __init__(self, kind: Any, name: str, *, essential: bool = False) -> None:
        self.decode: Callable[[Raw], T | None] = msgspec.json.Decoder(kind | None).decode
        self._kind = inspect.type_info(kind)
        self._name = name
        self._essential = essential
        self._misfits: Remembered[_Read[T]] = Remembered(_ROOM, _SHORT)

    def read(self, raw: Raw, where: str | Resource, defects: list[Defect], *, draft: bool = False) -> T | None:
        """The element; None when it is missing, or when it cannot be read, which is a defect of `where`."""
        if raw is NOTHING:
            return None
        try:
            return self.decode(raw)
        except NO_JSON:
            return self.read_loosely(raw, where, defects, draft=draft)

    def read_loosely(self, raw: Raw, where: str | Resource, defects: list[Defect], *, draft: bool = False) -> T | None:
        """The same, for an element that is known not to fit."""
        is_remembered = len(raw) <= _SHORT and not draft
        text = bytes(raw) if is_remembered else b""
        read = self._misfits.get(text) if is_remembered else None
        if read is None:
            read = self._fitted(raw, draft)
            if is_remembered:
                self._misfits.add(text, read)
        if read.lost.total:
            read.lost.into(defects, where if isinstance(where, str) else reference(where))
        return read.element

    def _fitted(self, raw: Raw, draft: bool) -> _Read[T]:
        lost = Defects()
        try:
            if len(raw) > MOST_LOOSELY or is_too_deep(bytes(raw)):
                raise MisfitError
            return _Read(fit(decode_anything(raw), self._kind, "", lost, draft=draft, may_fit=False), lost)
        except (*NO_JSON, MisfitError):
            dropped = self._essential and not draft
            why = "cannot be read" if dropped else "is of the wrong type"
            lost.append(Defect("", self._name, why, dropped=dropped))
            return _Read(None, lost)


def _read_by_entry(raw: bytes | Raw, where: str, defects: list[Defect], *, draft: bool) -> Resource | None:
    split = _split(raw)
    if split is None:
        return read_loosely(raw, where, defects, draft=draft)
    bundle, held = split
    entries, misfits = ([], 0) if held is None else _read_entries(held, where, defects, draft=draft)
    is_lost = held is None or (bool(held) and entries is None)
    if is_lost:
        defects.append(Defect(where, "entry", "is of the wrong type"))
    link = _LINK.read(bundle.link, where, defects)
    total = TOTAL.read(bundle.total, where, defects)
    is_cut, kept = misfits > MOST_MISFITS, None if is_lost else entries
    return Bundle(entry=kept, link=link, total=total, is_cut=is_cut, is_lost=is_lost, is_by_entry=True)


def join(split: SplitBundle, where: str, defects: list[Defect]) -> tuple[Bundle, bool]:
    """The Bundle with its entries, and whether all of them fit; an entry that does not fit affects no other entry.

    A Bundle in which all entries fit is the same as when it is decoded in one pass.
    """
    if not split.entry:
        return Bundle(entry=None if split.entry is None else [], link=split.link, total=split.total), True
    entries, misfits = _read_entries(split.entry, where, defects, draft=False, fits=True)
    is_cut, is_by_entry = misfits > MOST_MISFITS, bool(misfits)
    bundle = Bundle(entry=entries, link=split.link, total=split.total, is_cut=is_cut, is_by_entry=is_by_entry)
    return bundle, not misfits


def _split(raw: bytes | Raw) -> tuple[_LooseBundle | _RawBundle, list[RawEntry] | MixedEntries | None] | None:
    """A Bundle and its entries, which are None if they are not a list; None for anything but a Bundle with entries."""
    try:
        split = _decode_loose_bundle(raw)
        if split.entry:
            return (split, split.entry) if kind_of(split.resourceType) == "Bundle" else None
    except msgspec.ValidationError:
        pass
    try:
        bundle = _decode_raw_bundle(raw)
    except msgspec.ValidationError:
        return None
    if kind_of(bundle.resourceType) != "Bundle" or not bundle.entry or starts_with(bundle.entry, b"null"):
        return None
    return bundle, raw_entries(bundle.entry)


def _read_entries(
    held: list[RawEntry] | MixedEntries, where: str, defects: list[Defect], *, draft: bool, fits: bool = False
) -> tuple[list[Entry] | None, int]:
    """The entries of a Bundle that hold a record, or None if none of them is an entry; and how many did not fit.

    Only the first `MOST_MISFITS` of those that do not fit at once are read. As long as everything `fits`, entries
    that hold nothing stay, as they do when a Bundle is decoded in one pass.
    """
    numbers: Sequence[int]
    if isinstance(held, MixedEntries):
        for number in held.strays:
            defects.append(Defect(where, f"element {number} of a list", "is of the wrong type"))
        if held.count > len(held.strays):
            defects.extend(Defects.beyond_the_first(held.count))
        if not held.entries:
            return (None if held.is_astray else []), 0
        numbers, held = held.numbers, held.entries
    else:
        numbers = range(1, len(held) + 1)
    read = Entries(held, numbers, where, defects, draft=draft)
    records, misfits = read.records, read.misfits
    if fits and not misfits:
        return list(map(Entry, records, map(_search, held))), 0
    lost = {place for place in misfits[:MOST_MISFITS] if records[place] is None}  # it was a match of the search
    together = enumerate(zip(records, held, strict=True))
    kept = [(record, entry) for place, (record, entry) in together if record is not None or place in lost]
    return [Entry(record, entry.search) for record, entry in kept], len(misfits)


CODE = Element[Concept](Concept, "code", essential=True)
QUANTITY = Element[Quantity](Quantity, "valueQuantity")
TOTAL = Element[int](int, "total")
INGREDIENTS = Element[list[Ingredient]](Elements[Ingredient], "ingredient")
RESULTS = Element[list[Reference]](Elements[Reference], "result")
MEDICINE = Element[CodeableConcept](CodeableConcept, "medicationCodeableConcept")
DOSAGE_INSTRUCTION = Element[list[Dosage]](Elements[Dosage], "dosageInstruction")
_LINK = Element[list[Link]](Elements[Link], "link")
DOSAGE = Element[list[Dosage]](Elements[Dosage], "dosage")
