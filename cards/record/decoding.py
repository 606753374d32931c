"""JSON to records, tolerantly: one pass when everything fits, record by record when something does not.

An object where FHIR has a list is its one element; a mistyped element is absent and counted; a record is
dropped, and counted, only when its resourceType, code or status cannot be read. A draft order never is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from math import inf
from typing import Any, Generic, TypeVar, get_args

import msgspec
from msgspec import Raw, Struct, inspect

from cards.record.elements import (
    LONGEST_TEXT,
    NOTHING,
    CodeableConcept,
    Component,
    Concept,
    Contained,
    Dosage,
    Elements,
    Ingredient,
    Link,
    Quantity,
    Reference,
)
from cards.record.errors import TooLargeError, UnreadableError
from cards.record.in_quotes import written_boolean, written_number
from cards.record.records import Bundle, Entry, Other, Resource, reference
from cards.record.statuses import flat

MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 100
MOST_MISFITS = 20_000  # entries of a Bundle: each costs as much as twenty that fit
TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"
_SEARCHED = 64 * 1024  # bytes: in a larger body the search for depth would cost a tenth of the request and more
T = TypeVar("T")

_LARGEST = 10**15  # beyond it a number is no measurement
_MOST_DIGITS = 400  # of an integer; Python reads no more than 4,300

_STATUSES = frozenset({"status", "intent"})
_ESSENTIAL = frozenset({"resourceType", "code", "status"})
_OWNERS = frozenset({"subject", "patient"})  # whose a record is: what cannot be read of them is not the same as absent
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # to the end when nothing closes it: no second try
_NOT_A_BRACKET = bytes(byte for byte in range(256) if byte not in b"[]{}")
_ONE_KIND = bytes.maketrans(b"{}", b"[]")


class Defect(Struct, frozen=True):
    """What could not be read: where (key and entry), which element, what was done about it."""

    where: str
    element: str
    why: str
    dropped: bool = False


class _RawEntry(Struct):
    resource: Raw = Raw(b"null")
    search: Raw = NOTHING


class _RawBundle(Struct):
    resourceType: str | None = None
    total: Raw = NOTHING
    entry: list[_RawEntry | list[Raw] | str | float | bool | None] | None = None
    link: list[Link] | None = None


class _Stranger(Struct):
    """What is read of a record whatever its type is."""

    resourceType: object = None
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


def check_body(body: bytes) -> None:
    """Refuse a body that is too large, not UTF-8, or nested more than 100 levels deep.

    Raises TooLargeError or UnreadableError. Over 64 KiB only what is made into objects is held to 100 levels;
    what no rule reads is passed over, and there the decoder's own recursion limit (under 1,000) stands alone.
    """
    if len(body) > MAX_BYTES:
        raise TooLargeError(f"the body is larger than {MAX_BYTES // (1024 * 1024)} MiB")
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError:
            raise UnreadableError("the body is not UTF-8") from None
    if len(body) <= _SEARCHED and is_too_deep(body):
        raise UnreadableError(f"the body is {TOO_DEEP}")


def is_too_deep(body: bytes) -> bool:
    """Whether brackets nest over `MAX_DEPTH`; innermost pairs are taken away until none is left."""
    if _levels(body.translate(_ONE_KIND, _NOT_A_BRACKET)) <= MAX_DEPTH:
        return False
    return _levels(_STRING.sub(b"", body).translate(_ONE_KIND, _NOT_A_BRACKET)) > MAX_DEPTH


def _levels(brackets: bytes) -> int:
    """An upper bound of the depth; over `MAX_DEPTH` it is exact when every bracket has its partner."""
    for taken in range(MAX_DEPTH + 1):
        if taken + len(brackets) <= MAX_DEPTH:
            return taken + len(brackets)
        shorter = brackets.replace(b"[]", b"")
        if len(shorter) == len(brackets):
            return taken + brackets.count(b"[")
        brackets = shorter
    return MAX_DEPTH + 1


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
            if is_too_deep(bytes(raw)):
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
    if bundle.resourceType != "Bundle" or bundle.entry is None:
        return _read_loosely(raw, where, defects, draft=draft)
    entries: list[Entry] = []
    misfits = 0
    # By type, not by isinstance: entries of nothing may be as many as the body has bytes.
    strays = [n for n, entry in enumerate(bundle.entry, 1) if entry is not None and type(entry) is not _RawEntry]
    if strays:
        more = f", and so are {len(strays) - 1} others" if len(strays) > 1 else ""
        defects.append(Defect(where, f"element {strays[0]} of a list", _MisfitError.why + more))
    held = [(number, entry) for number, entry in enumerate(bundle.entry, 1) if type(entry) is _RawEntry]
    for number, entry in held:
        resource = entry.resource
        if bytes(resource) == b"null":
            continue  # a link or an outcome of the search, no record
        try:
            record: Resource | None = _decode_record(resource)
        except msgspec.ValidationError:
            misfits += 1
            if misfits > MOST_MISFITS:
                continue
            record = _read_stranger(resource)
            if record is None:
                record = _read_loosely(resource, f"{where}, entry {number}", defects, draft=draft)
        entries.append(Entry(record, entry.search))  # one that is lost was among those that match
    total = TOTAL.read(bundle.total, where, defects)
    return Bundle(entry=entries, link=bundle.link, total=total, is_cut=misfits > MOST_MISFITS)


def _read_stranger(raw: Raw) -> Other | None:
    """A record of a type that no rule reads, or of none; None when it is another, or does not fit."""
    try:
        seen = _decode_stranger(raw)
    except msgspec.ValidationError:
        return None
    if not isinstance(seen.resourceType, str | None) or seen.resourceType in _RECORDS:
        return None
    return Other(
        id=seen.id,
        subject=seen.subject,
        patient=seen.patient,
        contained=seen.contained,
        is_typed=seen.resourceType is not None,
    )


def _read_loosely(raw: bytes | Raw, where: str, defects: list[Defect], *, draft: bool) -> Resource | None:
    if is_too_deep(bytes(raw)):
        defects.append(Defect(where, "", f"is {TOO_DEEP}", dropped=True))
        return None
    value = _decode_anything(raw)
    if not isinstance(value, dict):
        defects.append(Defect(where, "", "is not a FHIR resource", dropped=True))
        return None
    try:
        return _fit_record(value, where, defects, draft=draft)
    except _MisfitError as misfit:
        defects.append(Defect(where, str(misfit), "cannot be read", dropped=True))
        return None


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
        return Raw(msgspec.json.encode(value))
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
        if isinstance(option, inspect.IntType | inspect.FloatType):
            number = written_number(value)
            if number is not None:
                return _fit_number(number, option)
        if isinstance(option, inspect.BoolType) and (answer := written_boolean(value)) is not None:
            return answer
    for option in options:
        if isinstance(option, inspect.ListType):
            items = value if isinstance(value, list) else [value]
            return _fit_list(items, option, where, defects, draft=draft)
    raise _MisfitError


def _fit_text(value: str, kind: inspect.StrType) -> str:
    if kind.max_length is not None and len(value) > kind.max_length:
        raise _TooLongError
    return value


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
            given = value[name]
            if name in _STATUSES and isinstance(given, dict | list) and isinstance(element.type, inspect.UnionType):
                given = flat(given)
            setattr(struct, element.name, _fit(given, element.type, where, defects, draft=draft))
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
_MEANING = frozenset({Contained, *get_args(Resource)})  # what these are of is told by their code and status

CODE = Element[Concept](Concept, "code", essential=True)
QUANTITY = Element[Quantity](Quantity, "valueQuantity")
TOTAL = Element[int](int, "total")
INGREDIENTS = Element[list[Ingredient]](Elements[Ingredient], "ingredient")
RESULTS = Element[list[Reference]](Elements[Reference], "result")
MEDICINE = Element[CodeableConcept](CodeableConcept, "medicationCodeableConcept")
DOSAGE_INSTRUCTION = Element[list[Dosage]](Elements[Dosage], "dosageInstruction")
DOSAGE = Element[list[Dosage]](Elements[Dosage], "dosage")
