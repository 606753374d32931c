"""Decodes a series of records whose same members do not fit: in one pass, except for these members."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Union

import msgspec
from msgspec import Raw, Struct, structs

from cards.record.elements import NOTHING
from cards.record.members import MEMBERS, Member
from cards.record.mending import Loose, Mended
from cards.record.records import Other, Resource


class Alike(NamedTuple):
    """Decodes records of one type in which certain members may not fit."""

    kind: type
    loose: type[Struct]
    """The same type, with each member that may not fit kept as JSON."""
    decode: Callable[[Raw], Any]
    members: Sequence[tuple[int, Member]]
    """The members that may not fit, each with its position in the record."""

    def apart(self, text: Raw, mended: Mended) -> tuple[Resource, list[Loose]] | None:
        """The record with the members that fit, and those that do not; None when any other member does not fit."""
        try:
            record = self.decode(text)
        except msgspec.ValidationError:
            return None
        if type(record) is not self.loose:
            return None
        given = structs.astuple(record)
        values: list[Any] = list(given)
        loose: list[Loose] = []
        for place, (element, name, decode) in self.members:
            raw = given[place]
            values[place] = None
            if raw is NOTHING:
                continue
            if (made := mended.known(self.kind, name, raw)) is not None:
                loose.append((element, raw, made))
                continue
            try:
                values[place] = decode(raw) if decode else raw
            except msgspec.DecodeError:
                loose.append((element, raw, None))
        return self.kind(*values), loose


@lru_cache(maxsize=32)
def alike(kind: type, names: frozenset[str]) -> Alike:
    """The decoder of records of this type in which these members may not fit."""
    members = [(place, member) for place, member in enumerate(MEMBERS[kind]) if member[1] in names]
    kept = [(name, Raw, msgspec.field(default=NOTHING, name=element.encode_name)) for _, (element, name, _) in members]
    tag = kind.__name__
    loose = msgspec.defstruct(tag, kept, bases=(kind,), tag_field="resourceType", tag=tag, gc=False)
    # A decoder for one type alone would take a record without resourceType for that type.
    either = (loose, Other)
    decode = msgspec.json.Decoder(Union[either]).decode  # noqa: UP007
    return Alike(kind, loose, decode, members)
