"""What the value[x] of an Observation says: a grade, yes or no, a number; None when it says nothing certain.

Its quantity is given beside it, since records keep that as JSON.
"""

from __future__ import annotations

import re
from math import inf, isfinite

from msgspec import Raw

from cards.record.body import starts_with
from cards.record.codes import Codes
from cards.record.elements import Quantity, Valued
from cards.value_sets.systems import EXAM
from cards.value_sets.value_set import VALUE_SETS

# 4-, 4 and 4+ are grade 4. Every repeat is possessive: what it has taken it never gives back to try again.
_GRADE = re.compile(r"([0-5])(?:\s++[+-]|(?<![05])[+-])?+\s*+(?:/\s*+5)?+")
_GRADE_UNITS = frozenset({"", "1", "{score}"})

# "Sensation present" and "reflex present" mean opposite things: these findings have coded values of their own
_YES_AND_NO = {
    "saddle-sensation": ("answer.reduced", "answer.normal"),
    "anal-tone": ("answer.reduced", "answer.normal"),
    "sensation-dorsum-foot": ("answer.reduced", "answer.normal"),
    "ambulatory": ("answer.walks", "answer.does-not-walk"),
    "spine-stability": ("answer.unstable", "answer.stable"),
}
EXAM_NAMES = {
    code: name
    for key in ("observation.mrc", "observation.signs", "observation.spine-stability", "observation.pvr-ml")
    for code, name in VALUE_SETS[key].codes[EXAM].items()
}
ANSWERED = frozenset(EXAM_NAMES) - VALUE_SETS["observation.pvr-ml"].codes[EXAM].keys()
"""The findings with a few possible answers; all others are measurements."""
_STATED = {
    "ambulatory": ("Walks", "Does not walk"),
    "spine-stability": ("Spine unstable", "Spine stable"),
    "slr": ("Straight leg raise positive", "Straight leg raise negative"),
    "tinel-fibular-head": ("Tinel sign at the fibular head positive", "Tinel sign at the fibular head negative"),
}
_PRESENT_AND_ABSENT = ("answer.present", "answer.absent")
_NO_BOOLEAN = frozenset({"saddle-sensation", "anal-tone", "sensation-dorsum-foot", "spine-stability"})
_OTHER_VALUES = tuple(set(Valued.__struct_fields__) - {"code", "interpretation", "valueQuantity"})

# Factors to the unit of bindings.toml, by UCUM code and by what people write for it.
_PRESSURE = {"mm[Hg]": 1.0, "mmHg": 1.0, "mm Hg": 1.0}
_UNITS: dict[str, dict[str, float]] = {
    "post-void-residual": {"mL": 1, "ml": 1, "L": 1000},
    "pain-nrs": {"1": 1, "{score}": 1},
    "egfr": dict.fromkeys(("mL/min/{1.73_m2}", "mL/min/1.73m2", "mL/min/1.73 m2", "mL/min/{1.73m2}", "mL/min"), 1.0),
    "creatinine": {"mg/dL": 1, "umol/L": 1 / 88.4, "µmol/L": 1 / 88.4, "μmol/L": 1 / 88.4},
    "body-weight": {"kg": 1, "g": 0.001, "[lb_av]": 0.45359237},
    "gestation": {"wk": 1, "d": 1 / 7},
    "map": _PRESSURE,
    "sbp": _PRESSURE,
    "dbp": _PRESSURE,
}
# Outside of these a number is a slip of the hand, not a measurement.
_LARGEST = 10**9
_RANGES: dict[str, tuple[float, float]] = {"pain-nrs": (0, 10)}


def stated(code: str, key: str, value: float) -> str:
    """A valid reading in words: `Ankle dorsiflexion 2/5`, `Saddle sensation reduced`, `eGFR 22`."""
    if code in _STATED:
        return _STATED[code][0 if value else 1]
    name = EXAM_NAMES.get(code)
    if name is None:
        return f"{VALUE_SETS[f'observation.{key}'].name} {value:g}"
    if key == "mrc":
        muscle = code.removeprefix("mrc-").replace("-", " ")
        return f"{muscle.capitalize()} {value:.0f}/5"
    if key == "signs":
        yes, no = ("reduced", "normal") if code in _NO_BOOLEAN else ("present", "absent")
        return f"{name} {yes if value else no}"
    return f"{name} {value:g}"


def grade(valued: Valued, quantity: Quantity | None) -> int | None:
    """MRC grade 0 to 5; 4-, 4 and 4+ are all grade 4. Anything else is None."""
    if valued.valueInteger is not None:
        number: float | None = valued.valueInteger
    elif quantity is not None:
        number = _amount(quantity, dict.fromkeys(_GRADE_UNITS, 1.0))
    else:
        written = _GRADE.fullmatch((valued.valueString or "").strip())
        number = int(written[1]) if written else None
    return int(number) if number is not None and number in range(6) else None


def yes_no(valued: Valued, quantity: Quantity | None, finding: str, codes: Codes) -> bool | None:
    """True for present, positive, abnormal or reduced, False for the opposite, None for anything else.

    One without any value is read from its interpretation.
    """
    abnormal, normal = _YES_AND_NO.get(finding, _PRESENT_AND_ABSENT)
    if valued.valueBoolean is not None:
        return None if finding in _NO_BOOLEAN else valued.valueBoolean
    if valued.valueCodeableConcept is not None:
        said = set(codes.keys(valued.valueCodeableConcept, "answer"))
    elif quantity is not None or any(_is_given(getattr(valued, name)) for name in _OTHER_VALUES):
        return None
    else:
        said = {key for concept in valued.interpretation or [] for key in codes.keys(concept, "answer")}
    if abnormal in said:
        return True
    return False if normal in said else None


def _is_given(value: object) -> bool:
    """Whether a value[x] is there, of those that are read and of those that stay JSON."""
    return value is not None and not (isinstance(value, Raw) and (not value or starts_with(value, b"null")))


def amount(valued: Valued, quantity: Quantity | None, measurement: str) -> float | None:
    """A number in the unit of bindings.toml; None for another unit, for none, or for a comparator.

    A number below zero, and a pain score over 10, is none either.
    """
    if valued.valueInteger is not None:
        number: float | None = valued.valueInteger if abs(valued.valueInteger) < _LARGEST else None
    else:
        number = _amount(quantity, _UNITS.get(measurement, {}))
    least, most = _RANGES.get(measurement, (0.0, inf))
    return number if number is not None and least <= number <= most else None


def _amount(quantity: Quantity | None, units: dict[str, float]) -> float | None:
    if quantity is None or quantity.value is None or quantity.comparator or not isfinite(quantity.value):
        return None
    factor = units.get((quantity.code or quantity.unit or "").strip())
    return None if factor is None else quantity.value * factor
