"""What an Observation answers in FHIR R4: yes or no, a muscle's grade, a number with its unit, or nothing."""

from collections.abc import Sequence

from cards.value_sets.systems import EXAM, SNOMED, V2_0136, V3_INTERPRETATION
from tests.support.encodings import Encoding, Fact, Json, key_of

# A yes or no is a coding, or (None, word) for valueBoolean.
_Answer = tuple[str | None, str]
_YES: Sequence[_Answer] = (
    (EXAM, "present"), (None, "true"), (SNOMED, "52101004"), (SNOMED, "10828004"), (EXAM, "positive"),
    (EXAM, "reduced"), (V3_INTERPRETATION, "POS"), (V3_INTERPRETATION, "A"), (V2_0136, "Y"),
)  # fmt: skip
_NO: Sequence[_Answer] = (
    (EXAM, "absent"), (None, "false"), (SNOMED, "2667000"), (SNOMED, "260385009"), (SNOMED, "17621005"),
    (EXAM, "negative"), (EXAM, "normal"), (V3_INTERPRETATION, "NEG"), (V3_INTERPRETATION, "N"),
    (V2_0136, "N"),
)  # fmt: skip
_REDUCED: Sequence[_Answer] = ((EXAM, "reduced"), (V3_INTERPRETATION, "A"))
_NORMAL: Sequence[_Answer] = ((EXAM, "normal"), (SNOMED, "17621005"), (V3_INTERPRETATION, "N"))
_WALKS: Sequence[_Answer] = (
    (EXAM, "present"), (None, "true"), (SNOMED, "52101004"), (V3_INTERPRETATION, "POS"), (V2_0136, "Y"),
)  # fmt: skip
_WALKS_NOT: Sequence[_Answer] = (
    (EXAM, "absent"), (None, "false"), (SNOMED, "2667000"), (V3_INTERPRETATION, "NEG"), (V2_0136, "N"),
)  # fmt: skip
_ANSWERS = {
    **dict.fromkeys(("present", "positive", "reduced", "yes"), True),
    **dict.fromkeys(("absent", "negative", "normal", "no"), False),
}
_SENSATIONS = ("saddle-sensation", "anal-tone", "sensation-dorsum-foot")
_UNITS: dict[str, Sequence[tuple[str, float]]] = {
    "body-weight": (("kg", 1), ("g", 1000), ("[lb_av]", 1 / 0.45359237)),
    "creatinine": (("mg/dL", 1), ("umol/L", 88.4)),
    "dbp": (("mm[Hg]", 1),),
    "egfr": (("mL/min/{1.73_m2}", 1),),
    "map": (("mm[Hg]", 1),),
    "pain-nrs": (("{score}", 1), ("1", 1)),
    "pvr-ml": (("mL", 1),),
    "sbp": (("mm[Hg]", 1),),
}


def answer(write: Encoding, fact: Fact) -> Json:
    """The code of an Observation or component, and its value."""
    return {"code": write.of("observation", fact["code"])} | _value(write, fact)


def _value(write: Encoding, fact: Fact) -> Json:
    code, value = fact["code"], fact.get("value")
    key = key_of("observation", code)
    if key == "observation.signs":
        return _yes_no(write, code, value)
    if value is None:
        return write.pick([{}, {"dataAbsentReason": {"text": "not examined"}}])
    if code == "spine-stability":
        known = [write.coding(EXAM, value)] if value in ("stable", "unstable") else []
        return {"valueCodeableConcept": write.concept(*known, text=str(value))}
    if isinstance(value, str):
        return {"valueString": value}
    if key == "observation.mrc":
        return _grade(write, value)
    if code == "gestation":
        return _gestation(write, value)
    unit, factor = write.pick(_UNITS[code])
    if isinstance(value, int) and factor == 1 and write.chance(0.3):
        return {"valueInteger": value}
    return {"valueQuantity": write.quantity(value * factor, unit)}


def _grade(write: Encoding, value: float) -> Json:
    if not isinstance(value, int):
        return {"valueQuantity": write.quantity(value, "{score}")}
    words = [f"{value}", f"{value}/5"] + (["4-", "4+"] if value == 4 else [])
    forms: list[Json] = [{"valueInteger": value}]
    forms += [{"valueQuantity": write.quantity(value, unit)} for unit in ("1", "{score}", None)]
    return write.pick([*forms, {"valueString": write.pick(words)}])


def _gestation(write: Encoding, weeks: float) -> Json:
    days = round(weeks * 7)
    exact = abs(days / 7 - weeks) < 1e-9
    number, unit = write.pick([(weeks, "wk"), (days, "d")] if exact else [(weeks, "wk")])
    return {"valueQuantity": write.quantity(number, unit)}


def _yes_no(write: Encoding, code: str, value: object) -> Json:
    if value is None:
        return write.pick([{}, {"dataAbsentReason": {"text": "not asked"}}])
    yes, no, opposed = _words(code)
    said = {"reduced": True, "normal": False}.get(str(value)) if code in _SENSATIONS else _ANSWERS.get(str(value))
    if said is None:
        return _no_answer(write, str(value), opposed)
    return _said(write, write.pick(yes if said else no))


def _words(code: str) -> tuple[Sequence[_Answer], Sequence[_Answer], Sequence[_Answer]]:
    """The answers that mean yes, those that mean no, and those that belong only to other findings."""
    if code in _SENSATIONS:
        return _REDUCED, _NORMAL, [one for one in (*_YES, *_NO) if one not in (*_REDUCED, *_NORMAL)]
    if code == "ambulatory":
        return _WALKS, _WALKS_NOT, [(V3_INTERPRETATION, "A"), (V3_INTERPRETATION, "N"), (SNOMED, "17621005")]
    return _YES, _NO, []


def _said(write: Encoding, one: _Answer) -> Json:
    system, word = one
    if system is None:
        return {"valueBoolean": word == "true"}
    concept = write.concept(write.coding(system, word))
    return {"interpretation": [concept]} if write.chance(0.2) else {"valueCodeableConcept": concept}


def _no_answer(write: Encoding, value: str, opposed: Sequence[_Answer]) -> Json:
    """A word or code that is neither yes nor no to this finding."""
    if opposed and write.chance(0.6):
        return _said(write, write.pick(opposed))
    positive = [write.concept(write.coding(V3_INTERPRETATION, "POS"))]
    return write.pick([
        {"valueCodeableConcept": {"text": value}},
        {"valueString": "present"},
        {"valueCodeableConcept": {"text": "see note"}, "interpretation": positive},
    ])  # fmt: skip
