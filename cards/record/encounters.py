"""The class of an encounter, as R4 and R5 write it (O12), and where it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import msgspec
from msgspec import Raw

from cards.record.elements import NOTHING
from cards.record.records import Encounter, Resource, reference_id
from cards.record.statuses import flat

_LONGEST = 10_000  # bytes
_ACT_CODE = ("/v3-actcode", "/v3/actcode", "2.16.840.1.113883.5.4")  # its addresses in R4, in STU3, and as an OID
_VOID = frozenset({"entered-in-error", "cancelled"})


def encounter_class(raw: Raw) -> str | None:
    """The code of a class that is a coding, a concept, or a list of either; None when it has none.

    If there are several, the first of v3-ActCode counts, whatever else a site codes.
    """
    return None if raw is NOTHING or len(raw) > _LONGEST else _class_in(bytes(raw))


def is_void(status: Raw) -> bool:
    """Whether an encounter never took place."""
    return status is not NOTHING and len(status) <= _LONGEST and flat(_decoded(bytes(status))) in _VOID


def places(records: Iterable[Resource], encounter: str | None) -> frozenset[str]:
    """Where the encounter with this id is now, as references (Location/7): not where it was or is planned to be."""
    if not encounter:
        return frozenset()
    those = (one for one in records if isinstance(one, Encounter) and one.id == encounter and not is_void(one.status))
    return frozenset(f"Location/{identity}" for one in those for identity in _locations(one.location))


def _locations(raw: Raw) -> Iterator[str]:
    stays = None if raw is NOTHING or len(raw) > _LONGEST else _decoded(bytes(raw))
    for stay in stays if isinstance(stays, list) else [stays]:
        if not isinstance(stay, dict) or stay.get("status", "active") != "active":
            continue
        location = stay.get("location")
        pointer = location.get("reference") if isinstance(location, dict) else None
        if isinstance(pointer, str) and (identity := reference_id(pointer, "Location")):
            yield identity


@lru_cache(maxsize=100)  # the patients of a hospital share a few classes
def _class_in(text: bytes) -> str | None:
    codes = list(_codes(_decoded(text)))
    return next((code for system, code in codes if _is_act_code(system)), codes[0][1] if codes else None)


def _decoded(text: bytes) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _codes(value: object, system: object = None) -> Iterator[tuple[object, str]]:
    """Each code, with the address of its system."""
    if isinstance(value, str) and value.strip():
        yield system, value.strip().upper()
    elif isinstance(value, list):
        for item in value:
            yield from _codes(item)
    elif isinstance(value, dict):
        yield from _codes(value.get("coding") or value.get("code"), value.get("system"))


def _is_act_code(system: object) -> bool:
    return isinstance(system, str) and system.strip().lower().removesuffix("/").endswith(_ACT_CODE)
