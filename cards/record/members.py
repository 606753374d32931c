"""A record that does not fit, member by member: what fits of it is read as in a record in which all does.

So it costs little more than one that fits, however many of its kind there are.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any, NamedTuple, Union, cast, get_type_hints

import msgspec
from msgspec import Raw, Struct, inspect, structs

from cards.record.body import MOST_LOOSELY
from cards.record.defects import Defect
from cards.record.elements import NOTHING
from cards.record.fitting import RECORDS, decode_anything, fit_element
from cards.record.records import Resource


class _Member(NamedTuple):
    """An element of a record; `decode` is None for one that records keep as JSON."""

    element: inspect.Field
    name: str
    decode: Callable[[Raw], Any] | None


def members(raw: bytes | Raw) -> Struct | None:
    """The members of a record, each as JSON; None for what is no record of a type that is read, and for a Bundle."""
    try:
        split: Struct = _split(raw)
    except msgspec.ValidationError:
        return None
    return split


def fit_members(split: Struct, where: str, defects: list[Defect], *, draft: bool) -> Resource:
    """The record of these members. Raises MisfitError when what it means cannot be read.

    Of the members that do not fit the shortest are looked at, `MOST_LOOSELY` bytes of them together.
    """
    kind, its_members = _READ[type(split)]
    record: Any = kind()
    loose: list[tuple[inspect.Field, Raw]] = []
    for (element, name, decode), text in zip(its_members, structs.astuple(split), strict=True):
        if text is NOTHING:
            continue
        try:
            setattr(record, name, text if decode is None else decode(text))
        except msgspec.DecodeError:
            loose.append((element, text))
    longest = _longest([len(text) for _, text in loose])
    for element, text in loose:
        given = decode_anything(text) if len(text) <= longest else text
        fit_element(record, element, given, where, defects, draft=draft)
    return cast(Resource, record)


def _longest(lengths: list[int]) -> int:
    """The length up to which members may be looked at."""
    if sum(lengths) <= MOST_LOOSELY:
        return MOST_LOOSELY
    together = zip(sorted(lengths), accumulate(sorted(lengths)), strict=True)
    return max((length for length, total in together if total <= MOST_LOOSELY), default=0)


def _its_members(kind: inspect.StructType) -> list[_Member]:
    types = get_type_hints(kind.cls, include_extras=True)
    return [
        _Member(element, element.name, None if types[element.name] is Raw else _decoder(types[element.name]))
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
_split: Callable[[bytes | Raw], Struct] = msgspec.json.Decoder(Union[tuple(_KINDS)]).decode  # noqa: UP007
