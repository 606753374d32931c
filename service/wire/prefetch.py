"""The prefetch of a hook request: its keys in one pass, or each by itself where one does not fit."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from cards.record.body import starts_with
from cards.record.decoding import read_resource
from cards.record.defects import Defect
from cards.record.prefetch_keys import PREFETCH_KEYS
from cards.record.records import Decoded

MOST_ODD_KEYS = 3  # that are set apart, each at the cost of another pass
_PLACE = " - at `$.prefetch."

# What is sent under a key that no template has is passed over, however much it is.
Prefetch = msgspec.defstruct("Prefetch", [(key, Decoded | None | UnsetType, UNSET) for key in PREFETCH_KEYS])
RawPrefetch = msgspec.defstruct("RawPrefetch", [(key, Raw, Raw()) for key in PREFETCH_KEYS])


def read_prefetch(members: Any, defects: list[Defect]) -> Any:
    """A Prefetch of a RawPrefetch; a key that is no resource is dropped, and counted."""
    prefetch = Prefetch()
    for key in PREFETCH_KEYS:
        _read_key(prefetch, key, getattr(members, key), defects)
    return prefetch


def read_around(body: bytes, error: Exception, kind: type[Struct], defects: list[Defect]) -> Any:
    """The body of a request as `kind`, with the keys that do not fit, of which `error` names one, read by themselves.

    None when they are many, or something else does not fit. Raises msgspec.DecodeError and the like for no JSON.
    """
    odd: list[str] = []
    while len(odd) < MOST_ODD_KEYS:
        key = str(error).rpartition(_PLACE)[2].partition(".")[0].rstrip("`")
        if key in odd or key not in PREFETCH_KEYS:
            return None
        odd.append(key)
        try:
            members = _decoder(kind, frozenset(odd))(body)
        except msgspec.ValidationError as other:
            error = other
            continue
        for name in PREFETCH_KEYS:
            if name in odd:
                text = getattr(members.prefetch, name)
                setattr(members.prefetch, name, UNSET)
                _read_key(members.prefetch, name, text, defects, is_misfit=True)
        return members
    return None


@lru_cache(maxsize=64)
def _decoder(kind: type[Struct], odd: frozenset[str]) -> Callable[[bytes], Any]:
    """What decodes a body in one pass, with some keys of its prefetch kept as JSON."""
    of_key = [(key, Raw, Raw()) if key in odd else (key, Decoded | None | UnsetType, UNSET) for key in PREFETCH_KEYS]
    prefetch = msgspec.defstruct("Prefetch", of_key)
    return msgspec.json.Decoder(msgspec.defstruct("Body", [("prefetch", prefetch | None, None)], bases=(kind,))).decode


def _read_key(prefetch: Any, key: str, value: Raw, defects: list[Defect], *, is_misfit: bool = False) -> None:
    if not value:
        return
    if starts_with(value, b"null"):
        setattr(prefetch, key, None)
    elif (resource := read_resource(value, key, defects, is_misfit=is_misfit)) is not None:
        setattr(prefetch, key, resource)
