"""Numbers and booleans that a record writes as strings (O1)."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")
_LONGEST = 50  # characters
_BOOLEANS = {"true": True, "false": False}


def written_number(value: object) -> int | float | None:
    """A number, or the number that a string holds; None for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) <= _LONGEST and _NUMBER.fullmatch(value.strip()):
        return float(value)
    return None


def written_boolean(value: object) -> bool | None:
    """The boolean that a string holds; None for anything else."""
    return _BOOLEANS.get(value.strip().lower()) if isinstance(value, str) and len(value) <= _LONGEST else None
