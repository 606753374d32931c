"""JSON to records, tolerantly: one pass when everything fits, record by record when something does not.

An object where FHIR has a list is its one element; a mistyped element is absent and counted; a record is
dropped, and counted, only when its resourceType, code or status cannot be read. A draft order never is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import Any, Generic, Self, TypeVar, get_args

import msgspec
from msgspec import Raw, Struct, inspect, structs

from cards.record.body import MOST_LOOSELY, NO_ENTRY, TOO_DEEP, is_too_deep, resources, starts_with
from cards.record.elements import (
    LONGEST_TEXT,
    NOTHING,
    CodeableConcept,
    Component,
    Concept,
    Contained,
    Dosage,
    Elements,
    Link,
    Quantity,
    Reference,
)
from cards.record.errors import UnreadableError
from cards.record.records import Bundle, Entry, Other, Resource, reference

MOST_MISFITS = 20_000  # entries of a Bundle: each costs as much as twenty that fit
T = TypeVar("T")

_LARGEST = 10**15  # beyond it a number is no measurement
_MOST_DIGITS = 400  # of an integer; Python reads no more than 4,300

_ESSENTIAL = frozenset({"resourceType", "code", "status"})
_OWNERS = frozenset({"subject", "patient"})  # whose a record is: what cannot be read of them is not the same as absent


class Defect(Struct, frozen=True):
    """What could not be read: where (key and entry), which element, what was done about it."""

    where: str
    element: str
    why: str
    dropped: bool = False


MOST_DEFECTS = 100


class Defects(list[Defect]):
    """What could not be read: the first hundred, and in `total` how many there were."""

    def __init__(self, defects: Iterable[Defect] = ()) -> None:
        super().__init__()
        self.total = 0
        self.extend(defects)

    def append(self, defect: Defect) -> None:
        """Count one more."""
        self.total += 1
        if len(self) < MOST_DEFECTS:
            super().append(defect)

    def extend(self, defects: Iterable[Defect]) -> None:
        """Count more; of others that were counted, as many as they were."""
        known = list(defects)
        for defect in known:
            self.append(defect)
        if isinstance(defects, Defects):
            self.total += defects.total - len(known)

    def __iadd__(self, defects: Iterable[Defect]) -> Self:  # type: ignore[override]
        self.extend(defects)
        return self


class _RawBundle(Struct):
    resourceType: Raw = NOTHING
    entry: Raw = NOTHING
    link: Raw = NOTHING


class _Stranger(Struct):
    """What is read of a record whatever its type is."""

    resourceType: Raw = NOTHING
    id: str | None = None
    subject: Reference | None = None
    patient: Reference | None = None
    contained: Elements[Contained] | None = None


_decode_record: Callable[[bytes | Raw], Resource] = msgspec.json.Decoder(Resource).decode
_decode_numbers = msgspec.json.Decoder(float_hook=float).decode  # 1e999 is infinite, and then of no type
NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_decode_stranger = msgspec.json.Decoder(_Stranger).decode
_decode_raw_bundle = msgspec.json.Decoder(_RawBundle).decode


def _decode_anything(raw: bytes | Raw) -> Any:
    """What the JSON says, in Python's own types; a number of too many digits is infinite, and then of no type."""
    try:
        return _decode_numbers(raw)
    except msgspec.ValidationError:
        return json.loads(bytes(raw), parse_int=_integer)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else inf


class _MisfitError(Exception):
    """A value is not of the type that its element has."""

    why = "is of the wrong type"


class _TooLongError(_MisfitError):
    """A text is longer than any that has a meaning."""

    why = f"is longer than {LONGEST_TEXT} characters"


def read_resource(raw: bytes | Raw, where: str, defects: list[Defect], *, draft: bool = False) -> Resource | None:
    """Decode one resource, a Bundle included; None when it is no FHIR resource at all.

    `where` names it in the defects, which are appended. Raises UnreadableError when `raw` is no JSON.
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


class Element(Generic[T]):
    """An element that records keep as JSON until a rule wants it; `essential` when without it they say nothing."""

    def __init__(self, kind: Any, name: str, *, essential: bool = False) -> None:
        self.decode: Callable[[Raw], T | None] = msgspec.json.Decoder(kind | None).decode
        self._kind = inspect.type_info(kind)
        self._name = name
        self._essential = essential

    def read(self, raw: Raw, where: str | Resource, defects: list[Defect], *, draft: bool = False) -> T | None:
        """The element; None when it is missing, or cannot be read, which is a defect of `where`."""
        if raw is NOTHING:
            return None
        try:
            return self.decode(raw)
        except NO_JSON:
            return self._read_loosely(raw, where if isinstance(where, str) else reference(where), defects, draft)

    def _read_loosely(self, raw: Raw, where: str, defects: list[Defect], draft: bool) -> T | None:
        try:
            if len(raw) > MOST_LOOSELY or is_too_deep(bytes(raw)):
                raise _MisfitError
            element: T | None = _fit(_decode_anything(raw), self._kind, where, defects, draft=draft)
            return element
        except (*NO_JSON, _MisfitError):
            dropped = self._essential and not draft
            why = "cannot be read" if dropped else "is of the wrong type"
            defects.append(Defect(where, self._name, why, dropped=dropped))
            return None


def _read_by_entry(raw: bytes | Raw, where: str, defects: list[Defect], *, draft: bool) -> Resource | None:
    try:
        bundle = _decode_raw_bundle(raw)
    except msgspec.ValidationError:
        return _read_loosely(raw, where, defects, draft=draft)
    if _kind_of(bundle.resourceType) != "Bundle" or not bundle.entry or starts_with(bundle.entry, b"null"):
        return _read_loosely(raw, where, defects, draft=draft)
    texts = resources(bundle.entry)
    entries, is_cut = ([], False) if texts is None else _read_entries(texts, where, defects, draft=draft)
    is_lost = texts is None or (bool(texts) and entries is None)
    if is_lost:
        defects.append(Defect(where, "entry", "is of the wrong type"))
    link = _LINK.read(bundle.link, where, defects)
    return Bundle(entry=None if is_lost else entries, link=link, is_cut=is_cut, is_lost=is_lost)


def _read_entries(texts: list[Raw], where: str, defects: list[Defect], *, draft: bool) -> tuple[list[Entry] | None, bool]:
    """The entries of a Bundle that hold a record, None when not one of them is an entry; and whether more did not fit.

    Of those that do not fit at once, the first `MOST_MISFITS` are read.
    """
    entries: list[Entry] = []
    are_entries, misfits = False, 0
    for number, text in enumerate(texts, 1):
        if text is NO_ENTRY:
            defects.append(Defect(where, f"element {number} of a list", "is of the wrong type"))
            continue
        are_entries = True
        if starts_with(text, b"null"):
            continue  # a link or an outcome of the search, no record
        try:
            record: Resource | None = _decode_record(text)
        except msgspec.ValidationError:
            misfits += 1
            if misfits > MOST_MISFITS:
                continue
            record = _read_stranger(text) or _read_loosely(text, f"{where}, entry {number}", defects, draft=draft)
        if record is not None:
            entries.append(Entry(record))
    return (entries if are_entries else None), misfits > MOST_MISFITS


def _read_stranger(raw: Raw) -> Other | None:
    """A record of a type that no rule reads, or of none; None when it is another, or does not fit."""
    try:
        seen = _decode_stranger(raw)
    except msgspec.ValidationError:
        return None
    kind = _kind_of(seen.resourceType)
    if not isinstance(kind, str | None) or kind in _RECORDS:
        return None
    return Other(seen.id, seen.subject, seen.patient, seen.contained, is_typed=kind is not None)


def _kind_of(resource_type: Raw) -> object:
    """The resourceType as it was sent; one that is no text, or no name for its length, is of no type."""
    if not resource_type:
        return None
    return _decode_anything(resource_type) if len(resource_type) <= LONGEST_TEXT else False


def _read_loosely(raw: bytes | Raw, where: str, defects: list[Defect], *, draft: bool) -> Resource | None:
    if is_too_deep(bytes(raw)):
        defects.append(Defect(where, "", f"is {TOO_DEEP}", dropped=True))
        return None
    value = _decode_anything(raw) if len(raw) <= MOST_LOOSELY else _decode_in_part(raw)
    if not isinstance(value, dict):
        defects.append(Defect(where, "", "is not a FHIR resource", dropped=True))
        return None
    try:
        return _fit_record(value, where, defects, draft=draft)
    except _MisfitError as misfit:
        defects.append(Defect(where, str(misfit), "cannot be read", dropped=True))
        return None


def _decode_in_part(raw: bytes | Raw) -> object:
    """The members of a large record, as any objects; those that are large themselves stay JSON, and fit nothing."""
    try:
        kind = _kind_of(_decode_raw_bundle(raw).resourceType)
    except msgspec.ValidationError:
        return None
    members = _RAW_MEMBERS.get(str(kind), _RAW_MEMBERS["Other"])(raw)
    texts = {name: text for name, text in structs.asdict(members).items() if text is not NOTHING}
    value: dict[str, object] = {"resourceType": kind}
    room = MOST_LOOSELY
    for name, text in sorted(texts.items(), key=lambda member: len(member[1])):
        room -= len(text)
        value[name] = _decode_anything(text) if room >= 0 else text
    return value


def _fit_record(value: dict[str, Any], where: str, defects: list[Defect], *, draft: bool) -> Resource:
    """A record as the struct of its type. Raises _MisfitError when what it means cannot be read."""
    kind = value.get("resourceType")
    if not isinstance(kind, str | None) and not draft:
        raise _MisfitError("resourceType")
    struct = _RECORDS.get(str(kind))
    record: Resource = _fit_struct(value, struct or _OTHER, where, defects, draft=draft)
    if isinstance(record, Other):
        record.is_typed = isinstance(kind, str)
    return record


def _fit(value: object, kind: inspect.Type, where: str, defects: list[Defect], *, draft: bool) -> Any:
    """The value as `kind` wants it. Raises _MisfitError; what is lost inside it becomes a defect."""
    if isinstance(kind, inspect.RawType):
        return value if isinstance(value, Raw) else Raw(msgspec.json.encode(value))
    if value is None or isinstance(kind, inspect.AnyType):
        return value
    options = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    for option in options:
        if isinstance(option, inspect.StructType) and isinstance(value, dict):
            if option.tag is not None:
                return _fit_record(value, where, defects, draft=draft)
            return _fit_struct(value, option, where, defects, draft=draft)
        if isinstance(option, inspect.StrType) and isinstance(value, str):
            return _fit_text(value, option)
        if isinstance(option, inspect.BoolType) and isinstance(value, bool):
            return value
        if isinstance(option, inspect.IntType | inspect.FloatType) and _is_number(value):
            return _fit_number(value, option)
    for option in options:
        if isinstance(option, inspect.ListType):
            items = value if isinstance(value, list) else [value]
            return _fit_list(items, option, where, defects, draft=draft)
    raise _MisfitError


def _fit_text(value: str, kind: inspect.StrType) -> str:
    if kind.max_length is not None and len(value) > kind.max_length:
        raise _TooLongError
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _fit_number(value: Any, kind: inspect.IntType | inspect.FloatType) -> int | float:
    if abs(value) > _LARGEST or (isinstance(kind, inspect.IntType) and value != int(value)):
        raise _MisfitError
    return float(value) if isinstance(kind, inspect.FloatType) else int(value)


def _fit_list(items: list[Any], kind: inspect.ListType, where: str, defects: list[Defect], *, draft: bool) -> list[Any]:
    fitted = []
    if kind.max_length is not None and len(items) > kind.max_length:
        defects.append(Defect(where, f"element {kind.max_length + 1} of a list", "is not read, nor what follows it"))
        items = items[: kind.max_length]
    for number, item in enumerate(items):
        if item is None:
            continue
        place = f"{where}, entry {number + 1}" if _is_entry(kind.item_type) else where
        try:
            fitted.append(_fit(item, kind.item_type, place, defects, draft=draft))
        except _MisfitError as misfit:
            defects.append(Defect(where, f"element {number + 1} of a list", misfit.why))
    if items and not fitted:
        raise _MisfitError
    return fitted


def _fit_struct(
    value: Mapping[str, Any], kind: inspect.StructType, where: str, defects: list[Defect], *, draft: bool
) -> Any:
    if kind.cls not in _WITH_RAW:
        try:  # nearly every element inside of a record that does not fit
            return msgspec.convert(value, kind.cls)
        except msgspec.ValidationError:
            pass
    struct = kind.cls()
    for element in kind.fields:
        name = element.encode_name
        if name not in value:
            continue
        try:
            setattr(struct, element.name, _fit(value[name], element.type, where, defects, draft=draft))
        except _MisfitError as misfit:
            if kind.cls is Entry and name == "resource":
                defects.append(Defect(where, str(misfit), "cannot be read", dropped=True))
                continue
            if kind.cls in _MEANING and name in _ESSENTIAL and not draft:
                raise _MisfitError(name) from None
            if kind.cls is Reference:
                raise _MisfitError(name) from None  # by what is left of it, it might lead elsewhere
            defects.append(Defect(where, name, misfit.why))
            if name in _OWNERS:
                setattr(struct, element.name, Reference())
    return struct


def _is_entry(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.StructType) and kind.cls is Entry


def _struct_type(kind: object) -> inspect.StructType:
    struct_type = inspect.type_info(kind)
    assert isinstance(struct_type, inspect.StructType)
    return struct_type


_RECORDS = {str(struct_type.tag): struct_type for struct_type in map(_struct_type, get_args(Resource))}
_OTHER = _RECORDS["Other"]
_WITH_RAW = frozenset({Component, Bundle, Entry, *get_args(Resource)})  # what keeps JSON, or holds such
_RAW_MEMBERS = {
    kind: msgspec.json.Decoder(
        msgspec.defstruct(kind, [(element.encode_name, Raw, NOTHING) for element in struct_type.fields])
    ).decode
    for kind, struct_type in _RECORDS.items()
}
_MEANING = frozenset({Contained, *get_args(Resource)})  # what these are of is told by their code and status

CODE = Element[Concept](Concept, "code", essential=True)
CLINICAL_STATUS = Element[CodeableConcept](CodeableConcept, "clinicalStatus")
VERIFICATION_STATUS = Element[CodeableConcept](CodeableConcept, "verificationStatus")
QUANTITY = Element[Quantity](Quantity, "valueQuantity")
RESULTS = Element[list[Reference]](Elements[Reference], "result")
MEDICINE = Element[CodeableConcept](CodeableConcept, "medicationCodeableConcept")
DOSAGE_INSTRUCTION = Element[list[Dosage]](Elements[Dosage], "dosageInstruction")
_LINK = Element[list[Link]](Elements[Link], "link")
DOSAGE = Element[list[Dosage]](Elements[Dosage], "dosage")
