"""Fits JSON that does not match its type, as far as it can be made to fit, and counts what is lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import inf
from types import NoneType
from typing import Any, NamedTuple, get_args

import msgspec
from msgspec import Raw, inspect

from cards.record.defects import Defect
from cards.record.elements import LONGEST_TEXT, Code, Coding, Component, Contained, Reference, Valued
from cards.record.in_quotes import written_boolean, written_number
from cards.record.records import Bundle, Entry, MedicationRequest, Other, Resource, ServiceRequest
from cards.record.statuses import UNREADABLE, flat

_LARGEST = 10**15  # beyond it a number is not a measurement
_MOST_DIGITS = 400  # of an integer; Python reads no more than 4,300

_STATUSES = frozenset({"status", "intent"})
_IDENTITIES = frozenset({"id", "resourceType", "subject", "patient"})  # a list is never one of these
_ESSENTIAL = frozenset({"resourceType", "code", "status"})
_OWNERS = frozenset({"subject", "patient"})  # whose a record is: unreadable is not the same as absent
_decode_numbers = msgspec.json.Decoder(float_hook=float).decode  # 1e999 becomes infinite, which fits no type


def decode_anything(raw: bytes | Raw) -> Any:
    """The JSON in Python's own types; a number with too many digits becomes infinite, which fits no type."""
    try:
        return _decode_numbers(raw)
    except msgspec.ValidationError:
        return json.loads(bytes(raw), parse_int=_integer)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else inf


class MisfitError(Exception):
    """A value does not have the type of its element."""

    why = "is of the wrong type"


class _TooLongError(MisfitError):
    """A text is longer than any text with a meaning."""

    why = f"is longer than {LONGEST_TEXT} characters"


def fit_record(value: dict[str, Any], where: str, defects: list[Defect], *, draft: bool) -> Resource:
    """A record as the struct of its type. Raises MisfitError when its meaning cannot be read."""
    kind = value.get("resourceType")
    if not isinstance(kind, str | None) and not draft:
        raise MisfitError("resourceType")
    struct = RECORDS.get(str(kind))
    record: Resource = _fit_struct(value, struct or _OTHER, where, defects, draft=draft)
    if isinstance(record, Other):
        record.is_typed = isinstance(kind, str)
    return record


class _Wanted(NamedTuple):
    """What an element may be, by the kinds of JSON values."""

    kind: inspect.Type  # keeps alive the object whose id is the key below
    is_raw: bool
    is_any: bool
    struct: inspect.StructType | None
    text: inspect.StrType | None
    number: inspect.IntType | inspect.FloatType | None
    is_boolean: bool
    list: inspect.ListType | None


_wanted: dict[int, _Wanted] = {}


def _what_is_wanted(kind: inspect.Type) -> _Wanted:
    """What an element of this type may be; it is remembered for each element of the structs of records."""
    wanted = _wanted.get(id(kind))
    if wanted is None:
        options = kind.types if isinstance(kind, inspect.UnionType) else (kind,)

        def one(*types: type) -> Any:
            return next((option for option in options if isinstance(option, types)), None)

        wanted = _wanted[id(kind)] = _Wanted(
            kind,
            is_raw=isinstance(kind, inspect.RawType),
            is_any=isinstance(kind, inspect.AnyType | inspect.CustomType),  # `object` is a custom type
            struct=one(inspect.StructType),
            text=one(inspect.StrType),
            number=one(inspect.IntType, inspect.FloatType),
            is_boolean=one(inspect.BoolType) is not None,
            list=one(inspect.ListType),
        )
    return wanted


def fit(value: Any, kind: inspect.Type, where: str, defects: list[Defect], *, draft: bool, may_fit: bool = True) -> Any:
    """The value as `kind` requires it. Raises MisfitError; anything lost inside it becomes a defect.

    `may_fit` is false for a value that is known not to fit as it is.
    """
    wanted = _what_is_wanted(kind)
    if wanted.is_raw:
        return value if isinstance(value, Raw) else Raw(msgspec.json.encode(value))
    if value is None or wanted.is_any:
        return value
    if wanted.struct is not None and isinstance(value, dict):
        if wanted.struct.tag is not None:
            return fit_record(value, where, defects, draft=draft)
        return _fit_struct(value, wanted.struct, where, defects, draft=draft, may_fit=may_fit)
    if wanted.text is not None and isinstance(value, str):
        return _fit_text(value, wanted.text)
    if wanted.number is not None and (number := written_number(value)) is not None:
        return _fit_number(number, wanted.number)
    if wanted.is_boolean:
        answer = value if isinstance(value, bool) else written_boolean(value)
        if answer is not None:
            return answer
    if wanted.list is not None:
        items = value if isinstance(value, list) else [value]
        return _fit_list(items, wanted.list, where, defects, draft=draft)
    if isinstance(value, list) and len(value) == 1 and not isinstance(value[0], list):
        return fit(value[0], kind, where, defects, draft=draft)
    raise MisfitError


def _fit_text(value: str, kind: inspect.StrType) -> str:
    if kind.max_length is not None and len(value) > kind.max_length:
        raise _TooLongError
    return value


def _fit_number(value: Any, kind: inspect.IntType | inspect.FloatType) -> int | float:
    if abs(value) > _LARGEST or (isinstance(kind, inspect.IntType) and value != int(value)):
        raise MisfitError
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
            fitted.append(fit(item, kind.item_type, place, defects, draft=draft))
        except MisfitError as misfit:
            defects.append(Defect(where, f"element {number + 1} of a list", misfit.why))
    if items and not fitted:
        raise MisfitError
    return fitted


def _fit_struct(
    value: Mapping[str, Any],
    kind: inspect.StructType,
    where: str,
    defects: list[Defect],
    *,
    draft: bool,
    may_fit: bool = True,
) -> Any:
    if kind.cls in _CODINGS and type(value.get("code")) is int:
        value = {**value, "code": str(value["code"])}
    if may_fit and kind.cls not in _WITH_RAW:
        try:  # enough for nearly every element inside a record that does not fit
            return msgspec.convert(value, kind.cls)
        except msgspec.ValidationError:
            pass
    struct = kind.cls()
    for element in kind.fields:
        if element.encode_name not in value:
            continue
        given = value[element.encode_name]
        if type(given) is str and _is_text(given, element.type):
            setattr(struct, element.name, given)
        else:
            fit_element(struct, element, given, where, defects, draft=draft)
    return struct


def _is_text(given: str, kind: inspect.Type) -> bool:
    """Whether a text fits an element as it is."""
    wanted = _what_is_wanted(kind)
    text = wanted.text
    return text is not None and not wanted.is_raw and (text.max_length is None or len(given) <= text.max_length)


def fit_element(
    struct: Any, element: inspect.Field, given: object, where: str, defects: list[Defect], *, draft: bool
) -> None:
    """Set an element of a record, or of a part of one, as far as the given value fits."""
    owner, name = type(struct), element.encode_name
    try:
        value = fit(_meant(given, name, element.type, owner), element.type, where, defects, draft=draft)
        setattr(struct, element.name, value)
    except MisfitError as misfit:
        if owner is Entry and name == "resource":
            defects.append(Defect(where, str(misfit), "cannot be read", dropped=True))
            return
        if owner in _MEANING and name in _ESSENTIAL and not draft:
            raise MisfitError(name) from None
        if owner is Reference:
            raise MisfitError(name) from None  # the rest of it might lead elsewhere
        defects.append(Defect(where, name, misfit.why))
        if name in _OWNERS:
            setattr(struct, element.name, Reference())
        if name == "doNotPerform" and isinstance(struct, _REQUESTS) and not draft:
            struct.status = UNREADABLE  # it may be the opposite of an order
        if name in _ANSWERS and isinstance(struct, Valued) and struct.valueString is None:
            struct.valueString = _as_text(given)


def _meant(given: object, name: str, kind: inspect.Type, owner: type) -> object:
    """The value of an element, in the shape that it has in R4. Raises MisfitError for a list, which names nobody."""
    if isinstance(given, list) and (owner is Reference or name in _IDENTITIES):
        raise MisfitError
    if name in _STATUSES and isinstance(kind, inspect.UnionType):
        is_odd = type(given) in (dict, list) or (name == "intent" and type(given) not in (str, NoneType))
        return flat(given) if is_odd else given
    return str(given) if name == "code" and type(given) is int and owner in _CODINGS else given


def _as_text(value: object) -> str:
    """A value that cannot be read, as text for the reader: it is recorded nevertheless."""
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=lambda _: "...")
    return written[:LONGEST_TEXT]


def _is_entry(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.StructType) and kind.cls is Entry


RECORDS = {
    str(struct_type.tag): struct_type
    for struct_type in inspect.multi_type_info(get_args(Resource))
    if isinstance(struct_type, inspect.StructType)
}
_OTHER = RECORDS["Other"]
_REQUESTS = (ServiceRequest, MedicationRequest)
_WITH_RAW = frozenset({Component, Bundle, Entry, *get_args(Resource)})  # types that keep JSON, or contain one that does
_CODINGS = frozenset({Code, Coding})
_ANSWERS = frozenset({"valueBoolean", "valueInteger", "valueCodeableConcept"})
_MEANING = frozenset({Contained, *get_args(Resource)})  # their code and status say what they mean
