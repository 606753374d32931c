"""What the value[x] of an Observation says: a grade, yes or no, a number; None when it says nothing certain.

Its quantity is passed separately, since records keep it as JSON.
"""

from __future__ import annotations

import re
from math import inf
from operator import attrgetter

import msgspec
from msgspec import Raw

from cards.record import quantities
from cards.record.body import starts_with
from cards.record.codes import Codes
from cards.record.elements import Quantity, Valued, texts
from cards.record.quantities import Amount, Units, units
from cards.value_sets.systems import EXAM
from cards.value_sets.value_set import VALUE_SETS

_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_GRADE = re.compile(rf"M?\s*+(?:([0-5])(?:\.0++)?+|([1-4])(?:\s*+[{_DASHES}+])?+)\s*+(?:/\s*+5)?+", re.IGNORECASE)
_NAMED_GRADE = re.compile(rf"M?\s*+([0-5])\s*+[{_DASHES}]\s*+(\w++)", re.IGNORECASE)
_GRADE_NAMES = ("zero none absent", "trace", "poor", "fair", "good", "normal")
_LONGEST_GRADE = 50  # characters
_GRADE_UNITS = units({"": 1, "1": 1, "{score}": 1})

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
_other_values = attrgetter(*(set(Valued.__struct_fields__) - {"code", "interpretation"}))
_NO_VALUES = _other_values(Valued())
# Values that no rule reads, as they are named to a reader.
_OTHER_KINDS = {
    "valueRange": "a range",
    "valueRatio": "a ratio",
    "valueDateTime": "a date",
    "valueTime": "a time",
    "valuePeriod": "a period",
    "valueSampledData": "sampled data",
}
_LONGEST_QUANTITY = 10_000  # bytes

# Factors to the unit of bindings.toml, by UCUM code and by what people write for it.
_PRESSURE = units({"mm[Hg]": 1, "mmHg": 1})
_EGFR = ("mL/min/{1.73_m2}", "mL/min/1.73.m2", "mL/min/1.73/m2", "mL/min")
_MICROMOLES = dict.fromkeys(("umol/L", "\u00b5mol/L", "\u03bcmol/L", "micromol/L"), 1 / 88.4)
_UNITS: dict[str, Units] = {
    "post-void-residual": units({"mL": 1, "L": 1000}),
    "pain-nrs": units({"1": 1, "{score}": 1}),
    "egfr": units(dict.fromkeys(_EGFR, 1)),
    "creatinine": units({"mg/dL": 1, "mmol/L": 1000 / 88.4} | _MICROMOLES),
    "body-weight": units({"kg": 1, "g": 0.001} | dict.fromkeys(("[lb_av]", "lb", "lbs"), 0.45359237)),
    "gestation": units(dict.fromkeys(("wk", "week", "weeks"), 1) | dict.fromkeys(("d", "day", "days"), 1 / 7)),
    "map": _PRESSURE,
    "sbp": _PRESSURE,
    "dbp": _PRESSURE,
}
# Outside these limits a number is a typing error, not a measurement.
_LARGEST = 10**9
_SAID = {
    "post-void-residual": " mL",
    "pain-nrs": " of 10",
    "egfr": " mL/min/1.73 m²",
    "creatinine": " mg/dL",
    "body-weight": " kg",
    "gestation": " weeks",
    **dict.fromkeys(("map", "sbp", "dbp"), " mmHg"),
}
_RANGES: dict[str, tuple[float, float]] = {"pain-nrs": (0, 10)}


def stated(code: str, key: str, value: float, bound: str = "") -> str:
    """A valid reading in words: `Ankle dorsiflexion 2/5`, `Saddle sensation reduced`, `eGFR >60 mL/min/1.73 m²`."""
    if code in _STATED:
        return _STATED[code][0 if value else 1]
    name = EXAM_NAMES.get(code)
    if name is None:
        return f"{VALUE_SETS[f'observation.{key}'].name} {bound}{value:g}{_SAID.get(code, '')}"
    if key == "mrc":
        muscle = code.removeprefix("mrc-").replace("-", " ")
        return f"{muscle.capitalize()} {value:.0f}/5"
    if key == "signs":
        yes, no = ("reduced", "normal") if code in _NO_BOOLEAN else ("present", "absent")
        return f"{name} {yes if value else no}"
    return f"{name} {bound}{value:g}{_SAID.get(code, '')}"


def written(valued: Valued, quantity: Quantity | None) -> str:
    """A value that cannot be read, as it is written, for a reader: `354 in umol/l`; empty when there is nothing."""
    if quantity is not None and quantity.value is not None:
        return _in_unit(f"{(quantity.comparator or '').strip()}{quantity.value:g}", quantity.unit or quantity.code)
    said = valued.valueString or next(iter(texts(valued.valueCodeableConcept)), "") or _as_sent(valued.valueQuantity)
    return said.strip() or next((words for name, words in _OTHER_KINDS.items() if _is_given(getattr(valued, name))), "")


def _as_sent(quantity: Raw) -> str:
    """What an invalid quantity holds: text, or a number in words; empty when it states no number."""
    if not quantity or len(quantity) > _LONGEST_QUANTITY:
        return "a quantity too long to read" if quantity else ""
    try:
        sent = msgspec.json.decode(quantity)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    if not isinstance(sent, dict):
        return "" if sent is None else str(sent)
    value = sent.get("value")
    return "" if value is None else _in_unit(str(value), str(sent.get("unit") or sent.get("code") or ""))


def _in_unit(number: str, unit: str | None) -> str:
    return f"{number} in {unit}" if unit else f"{number} without a unit"


def grade(valued: Valued, quantity: Quantity | None) -> int | None:
    """MRC grade 0 to 5; 4-, 4 and 4+ are all grade 4. Anything else is None."""
    if valued.valueInteger is not None:
        number: float | None = valued.valueInteger
    elif quantity is not None:
        read = quantities.amount(quantity, _GRADE_UNITS)
        number = read.value if read is not None and not read.bound else None
    else:
        number = _written_grade(valued.valueString or "")
    return int(number) if number is not None and number in range(6) else None


def _written_grade(text: str) -> int | None:
    """A grade in words: `4`, `M4`, `4/5`, `4-/5`, `4 - Good`."""
    text = text.strip()
    if len(text) > _LONGEST_GRADE:
        return None
    if written := _GRADE.fullmatch(text):
        return int(written[1] or written[2])
    named = _NAMED_GRADE.fullmatch(text)
    return int(named[1]) if named and named[2].lower() in _GRADE_NAMES[int(named[1])].split() else None


def yes_no(valued: Valued, finding: str, codes: Codes) -> bool | None:
    """True for present, positive, abnormal or reduced, False for the opposite, None for anything else.

    If there is no value at all, the interpretation is read instead.
    """
    abnormal, normal = _YES_AND_NO.get(finding, _PRESENT_AND_ABSENT)
    if valued.valueBoolean is not None:
        return None if finding in _NO_BOOLEAN else valued.valueBoolean
    if valued.valueCodeableConcept is not None:
        said = set(codes.keys(valued.valueCodeableConcept, "answer"))
    elif _has_another_value(valued):
        return None
    else:
        said = {key for concept in valued.interpretation or [] for key in codes.keys(concept, "answer")}
    if (abnormal in said) is (normal in said):
        return None  # neither, or both
    return abnormal in said


def _has_another_value(valued: Valued) -> bool:
    """Whether it has a value that is neither a concept nor a boolean; almost none of those asked about does."""
    values = _other_values(valued)
    return values != _NO_VALUES and any(map(_is_given, values))


def _is_given(value: object) -> bool:
    """Whether a value[x] is present, whether it is decoded or stays JSON."""
    return value is not None and not (isinstance(value, Raw) and (not value or starts_with(value, b"null")))


def amount(valued: Valued, quantity: Quantity | None, measurement: str) -> Amount | None:
    """A number in the unit of bindings.toml; None for another unit or for none.

    A number below zero and a pain score over 10 are None as well.
    """
    if valued.valueInteger is not None:
        read = Amount(valued.valueInteger) if abs(valued.valueInteger) < _LARGEST else None
    else:
        read = quantities.amount(quantity, _UNITS.get(measurement, {}))
    least, most = _RANGES.get(measurement, (0.0, inf))
    return read if read is not None and least <= read.value <= most else None
