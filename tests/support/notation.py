"""Whether a code has the form of its terminology: check digits and patterns."""

import re
from collections.abc import Callable

from cards.value_sets.systems import (
    ATC,
    EXAM,
    HCPCS,
    ICD10,
    ICD10CM,
    ICD10GM,
    LOINC,
    MEDRT,
    NCIT,
    RXNORM,
    SNOMED,
    V2_0136,
    V2_0532,
    V3_INTERPRETATION,
)


def _d5(a: int, b: int) -> int:
    """The product of two elements of the dihedral group D5 (0-4 rotations, 5-9 reflections)."""
    turn, flip = (a % 5, a >= 5)
    turned = (turn - b % 5) % 5 if flip else (turn + b % 5) % 5
    return turned + 5 * (flip != (b >= 5))


def _permutations() -> list[list[int]]:
    rows = [list(range(10)), [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]]
    for _ in range(6):
        rows.append([rows[1][digit] for digit in rows[-1]])
    return rows


_PERMUTATIONS = _permutations()


def is_snomed(code: str) -> bool:
    """6 to 18 digits that pass Verhoeff, a concept by its partition (00 or 10)."""
    if not re.fullmatch(r"[1-9]\d{5,17}", code) or code[-3:-1] not in ("00", "10"):
        return False
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = _d5(check, _PERMUTATIONS[place % 8][int(digit)])
    return check == 0


def is_loinc(code: str) -> bool:
    """Digits, a hyphen and the mod-10 check digit; the codes of answers (LA33-6) have another check digit."""
    if re.fullmatch(r"LA\d{1,6}-\d", code):
        return True
    match = re.fullmatch(r"(\d{1,7})-(\d)", code)
    if not match:
        return False
    digits = [int(digit) for digit in reversed(match[1])]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[::2])
    return (doubled + sum(digits[1::2]) + int(match[2])) % 10 == 0


def _written_as(pattern: str) -> Callable[[str], bool]:
    return lambda code: re.fullmatch(pattern, code) is not None


NOTATION: dict[str, Callable[[str], bool]] = {
    SNOMED: is_snomed,
    LOINC: is_loinc,
    ICD10CM: _written_as(r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?"),
    ICD10: _written_as(r"[A-Z]\d\d(\.\d{1,2})?"),
    ICD10GM: _written_as(r"[A-Z]\d\d(\.\d{1,2})?"),
    ATC: _written_as(r"[A-Z]\d\d[A-Z]{2}\d\d"),
    MEDRT: _written_as(r"N\d{10}"),
    HCPCS: _written_as(r"[A-V]\d{4}"),
    RXNORM: _written_as(r"[1-9]\d{0,7}"),
    NCIT: _written_as(r"C\d+"),
    EXAM: _written_as(r"[a-z][a-z0-9]*(-[a-z0-9]+)*"),
    V3_INTERPRETATION: _written_as(r"[A-Z]+"),
    V2_0136: _written_as(r"[YN]"),
    V2_0532: _written_as(r"[YN]"),
}
