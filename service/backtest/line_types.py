"""What is decoded from a line of an export, by its type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar, Union, cast

import msgspec
from msgspec import Raw, Struct, defstruct

from cards.record.elements import NOTHING
from cards.record.other_types import OTHER_TYPES
from cards.record.prefetch_keys import PREFETCH_KEYS
from service.backtest.as_of import elements_told

SHARED = "Medication"
"""The type that prescriptions of many patients point at; it names no patient."""
KNOWN = frozenset(
    {key.resource_type for key in PREFETCH_KEYS.values()} | {SHARED, "Bundle", "OperationOutcome", *OTHER_TYPES}
)
"""The types that a line may have."""
T = TypeVar("T", bound=Struct)


class Pointer(Struct, gc=False):
    """Whose a record is."""

    reference: str | None = None


class Part(Struct, gc=False):
    """A component of an observation."""

    code: Raw = NOTHING


class Told(Struct, gc=False):
    """What is read of a line of any type that matters; each type adds the dates on which a record became known."""

    id: str | None = None
    subject: Pointer | None = None
    patient: Pointer | None = None
    code: Raw = NOTHING
    codeCodeableConcept: Raw = NOTHING
    component: list[Part] | None = None
    clinicalStatus: Raw = NOTHING
    verificationStatus: Raw = NOTHING
    modifierExtension: Raw = NOTHING
    contained: Raw = NOTHING
    meta: Raw = NOTHING


class _Unread(Struct, gc=False):
    """A type of which nothing is read."""


@cache
def types(kinds: frozenset[str]) -> tuple[Mapping[str, type[Told]], Callable[[bytes], Any]]:
    """What is read of each of these types, and the decoder of a line; nothing is read of other known types."""
    read = {kind: _tagged(kind, Told, [(name, object, None) for name in elements_told(kind)]) for kind in sorted(kinds)}
    unread = (_tagged(kind, _Unread, []) for kind in sorted(KNOWN - kinds))
    return read, msgspec.json.Decoder(Union[(*read.values(), *unread)]).decode


def _tagged(kind: str, base: type[T], elements: list[tuple[str, Any, Any]]) -> type[T]:
    return cast(type[T], defstruct(kind, elements, bases=(base,), tag_field="resourceType", tag=kind, gc=False))
