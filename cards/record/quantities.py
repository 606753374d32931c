"""Numbers with units and comparators, as records really write them (O1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from math import isfinite
from typing import NamedTuple

from cards.record.elements import Quantity

_SPACE = re.compile(r"\s+")
_LONGEST_UNIT = 50  # characters
COMPARATORS = frozenset({"<", "<=", ">", ">="})
_SIGNS = {"\u2264": "<=", "\u2265": ">="}
# The ways of writing 1.73 m\u00b2 differ only in their marks: {1.73_m2}, 1.73 m^2, 1,73 m\u00b2.
_MARKS = str.maketrans({"{": None, "}": None, "_": None, "^": None, "\u00b2": "2", ",": "."})

Units = Mapping[str, float]
"""Units in the form in which they are compared, with the factor to the unit that the rules use."""


class Amount(NamedTuple):
    """A number in the unit that the rules use; `bound` is its comparator, or empty."""

    value: float
    bound: str = ""


def units(factors: Mapping[str, float]) -> Units:
    """A table of units for `amount`, regardless of case and spaces."""
    return {_folded(unit[:_LONGEST_UNIT]): factor for unit, factor in factors.items()}


def amount(quantity: Quantity | None, factors: Units) -> Amount | None:
    """The number of a quantity, converted; None when the number, its unit or its comparator cannot be read."""
    if quantity is None or quantity.value is None or not isfinite(quantity.value):
        return None
    comparator = (quantity.comparator or "").strip()
    bound = _SIGNS.get(comparator, comparator)
    factor = _factor(quantity, factors)
    return None if factor is None or (bound and bound not in COMPARATORS) else Amount(quantity.value * factor, bound)


def _factor(quantity: Quantity, factors: Units) -> float | None:
    """The factor of the code, or else of the unit; None when neither is known, or both are known and differ."""
    written = [_folded(unit[:_LONGEST_UNIT]) for unit in (quantity.code, quantity.unit) if unit]
    stated = [factors[unit] for unit in written if unit and unit in factors]
    if not stated and not quantity.code and not quantity.unit:
        return factors.get("")
    return stated[0] if stated and len(set(stated)) == 1 else None


@lru_cache(maxsize=1000)
def _folded(unit: str) -> str:
    return _SPACE.sub("", unit).translate(_MARKS).casefold()


def at_least(value: float, bound: str, limit: float) -> bool | None:
    """Whether a bounded number is at least the limit; None when its bound does not decide that."""
    if bound in (">", ">="):
        return True if value >= limit else None
    if bound:
        return False if value < limit or (bound == "<" and value == limit) else None
    return value >= limit
