"""The class of an encounter, as R4 and R5 write it (O12)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Raw

from cards.record.elements import NOTHING

_LONGEST = 10_000  # bytes


def encounter_class(raw: Raw) -> str | None:
    """The code of a class that is a coding, a concept, or a list of either; None when it has none."""
    if raw is NOTHING or len(raw) > _LONGEST:
        return None
    return _read(bytes(raw))


@lru_cache(maxsize=100)  # all patients of a hospital have the same few
def _read(text: bytes) -> str | None:
    try:
        return next(_codes(msgspec.json.decode(text)), None)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _codes(value: Any) -> Any:
    if isinstance(value, str) and value.strip():
        yield value.strip().upper()
    elif isinstance(value, list):
        for item in value:
            yield from _codes(item)
    elif isinstance(value, dict):
        yield from _codes(value.get("coding") or value.get("code"))
