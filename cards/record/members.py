"""Reads a record that does not fit, member by member: the members that fit are read as in a record in which all fit.

So such a record costs little more than one that fits, however many of its kind there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, Union, cast, get_type_hints

import msgspec
from msgspec import Raw, Struct, inspect, structs

from cards.record.body import MOST_LOOSELY, TOO_DEEP, is_too_deep
from cards.record.defects import Defect
from cards.record.elements import LONGEST_TEXT, NOTHING, Contained, Elements, Reference
from cards.record.fitting import RECORDS, MisfitError, decode_anything, fit_record
from cards.record.mending import Loose, Mended
from cards.record.other_types import OTHER_TYPES
from cards.record.records import Other, Resource

Member = tuple[inspect.Field, str, Callable[[Raw], Any] | None]
"""An element of a record, its name, and its decoder, which is None for an element that records keep as JSON."""


class _Typed(Struct):
    resourceType: Raw = NOTHING


class _Stranger(Struct):
    """The elements that are read of a record of any type."""

    resourceType: Raw = NOTHING
    id: str | None = None
    subject: Reference | None = None
    patient: Reference | None = None
    contained: Elements[Contained] | None = None


_KNOWN = frozenset(RECORDS) | frozenset(OTHER_TYPES)
_decode_typed = msgspec.json.Decoder(_Typed).decode
_decode_stranger = msgspec.json.Decoder(_Stranger).decode


def read_stranger(raw: Raw) -> Other | None:
    """A record of a type that R4 does not know, or of none; None when its type is known, or when it does not fit."""
    try:
        seen = _decode_stranger(raw)
    except msgspec.ValidationError:
        return None
    kind = kind_of(seen.resourceType)
    if not isinstance(kind, str | None) or kind in _KNOWN:
        return None
    return Other(
        id=seen.id,
        subject=seen.subject,
        patient=seen.patient,
        contained=seen.contained,
        is_typed=kind is not None,
    )


def kind_of(resource_type: Raw) -> object:
    """The resourceType as it was sent; one that is not text, or is too long for a name, is not a type."""
    if not resource_type:
        return None
    return decode_anything(resource_type) if len(resource_type) <= LONGEST_TEXT else False


def read_loosely(
    raw: bytes | Raw, where: str, defects: list[Defect], *, draft: bool, mended: Mended | None = None
) -> Resource | None:
    """A record, as far as it fits; None when it is not a record, or when its meaning cannot be read.

    `mended` is what is known from the other records of its Bundle.
    """
    if is_too_deep(bytes(raw)):
        defects.append(Defect(where, "", f"is {TOO_DEEP}", dropped=True))
        return None
    try:
        if (split := _members(raw)) is not None:
            record, loose = _apart(split)
            mended = mended or Mended()
            mended.note(type(record), loose)
            mend(record, loose, mended, where, defects, draft=draft)
            return record
        value = decode_anything(raw) if len(raw) <= MOST_LOOSELY else _decode_in_part(raw)
        if not isinstance(value, dict):
            defects.append(Defect(where, "", "is not a FHIR resource", dropped=True))
            return None
        return fit_record(value, where, defects, draft=draft)
    except MisfitError as misfit:
        defects.append(Defect(where, str(misfit), "cannot be read", dropped=True))
        return None


def _decode_in_part(raw: bytes | Raw) -> object:
    """The members of a large record, as generic objects; those that are large themselves stay JSON and fit nothing."""
    try:
        kind = kind_of(_decode_typed(raw).resourceType)
    except msgspec.ValidationError:
        return None
    members = _RAW_MEMBERS.get(str(kind), _RAW_MEMBERS["Other"])(raw)
    texts = {name: text for name, text in structs.asdict(members).items() if text is not NOTHING}
    value: dict[str, object] = {"resourceType": kind}
    room = MOST_LOOSELY
    for name, text in sorted(texts.items(), key=lambda member: len(member[1])):
        room -= len(text)
        value[name] = decode_anything(text) if room >= 0 else text
    return value


def _members(raw: bytes | Raw) -> Struct | None:
    """The members of a record, each as JSON; None for a Bundle, and for anything that is not of a type that is read."""
    try:
        split: Struct = _split(raw)
    except msgspec.ValidationError:
        return None
    return split


def _apart(split: Struct) -> tuple[Resource, list[Loose]]:
    """The record with those of these members that fit, and the members that do not."""
    kind, its_members = _READ[type(split)]
    record: Any = kind()
    loose: list[Loose] = []
    for (element, name, decode), text in zip(its_members, structs.astuple(split), strict=True):
        if text is NOTHING:
            continue
        try:
            setattr(record, name, text if decode is None else decode(text))
        except msgspec.DecodeError:
            loose.append((element, text, None))
    return cast(Resource, record), loose


def mend(
    record: Resource, loose: Sequence[Loose], mended: Mended, where: str, defects: list[Defect], *, draft: bool
) -> None:
    """Set what can be read of the members of a record that do not fit. Raises MisfitError.

    Only the shortest of these are examined, `MOST_LOOSELY` bytes of them together.
    """
    longest = 0
    for element, text, known in loose:
        made = known or mended.known(type(record), element.name, text)
        if made is None:
            longest = longest or _longest([len(text) for _, text, _ in loose])
            made = mended.make(type(record), element, text, draft=draft, is_read=len(text) <= longest)
        made.set(record, element.name, where, defects)


def _longest(lengths: list[int]) -> int:
    """The length up to which members may be examined."""
    if sum(lengths) <= MOST_LOOSELY:
        return MOST_LOOSELY
    together = zip(sorted(lengths), accumulate(sorted(lengths)), strict=True)
    return max((length for length, total in together if total <= MOST_LOOSELY), default=0)


def _its_members(kind: inspect.StructType) -> list[Member]:
    types = get_type_hints(kind.cls, include_extras=True)
    return [
        (element, element.name, None if types[element.name] is Raw else _decoder(types[element.name]))
        for element in kind.fields
    ]


def _decoder(kind: Any) -> Callable[[Raw], Any]:
    return msgspec.json.Decoder(kind).decode


def _raw(kind: inspect.StructType) -> type[Struct]:
    """A struct with the members of a record, each as JSON."""
    fields = [(element.name, Raw, msgspec.field(default=NOTHING, name=element.encode_name)) for element in kind.fields]
    return msgspec.defstruct(str(kind.tag), fields, tag_field="resourceType", tag=kind.tag, gc=False)


_KINDS = {_raw(kind): kind for tag, kind in RECORDS.items() if tag not in ("Bundle", "Other")}
_READ = {raw: (kind.cls, _its_members(kind)) for raw, kind in _KINDS.items()}
MEMBERS: dict[type, list[Member]] = dict(_READ.values())
"""The members of the records that are read, in their order."""
_split: Callable[[bytes | Raw], Struct] = msgspec.json.Decoder(Union[tuple(_KINDS)]).decode  # noqa: UP007
_RAW_MEMBERS = {
    kind: msgspec.json.Decoder(
        msgspec.defstruct(kind, [(element.encode_name, Raw, NOTHING) for element in struct_type.fields])
    ).decode
    for kind, struct_type in RECORDS.items()
}
