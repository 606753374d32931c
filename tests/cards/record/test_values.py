"""What the value of an Observation says: grade, yes or no, number, in every form that records write."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cards.record import values
from cards.record.codes import Codes
from cards.record.decoding import QUANTITY, read_resource
from cards.record.records import Observation
from cards.value_sets.systems import EXAM, SNOMED, V2_0136, V3_INTERPRETATION

CODES = Codes()
PLAIN = ("babinski", "clonus", "slr", "bladder-dysfunction", "progression-rapid", "tinel-fibular-head")
SENSATIONS = ("saddle-sensation", "anal-tone", "sensation-dorsum-foot")

YES = [(EXAM, "present"), (EXAM, "positive"), (EXAM, "reduced"), (SNOMED, "52101004"), (SNOMED, "10828004"),
       (V3_INTERPRETATION, "POS"), (V3_INTERPRETATION, "A"), (V2_0136, "Y")]  # fmt: skip
NO = [(EXAM, "absent"), (EXAM, "negative"), (EXAM, "normal"), (SNOMED, "2667000"), (SNOMED, "260385009"),
      (SNOMED, "17621005"), (V3_INTERPRETATION, "NEG"), (V3_INTERPRETATION, "N"), (V2_0136, "N")]  # fmt: skip
REDUCED = [(EXAM, "reduced"), (V3_INTERPRETATION, "A")]
NORMAL = [(EXAM, "normal"), (SNOMED, "17621005"), (V3_INTERPRETATION, "N")]
WALKS = [(EXAM, "present"), (SNOMED, "52101004"), (V3_INTERPRETATION, "POS"), (V2_0136, "Y")]
WALKS_NOT = [(EXAM, "absent"), (SNOMED, "2667000"), (V3_INTERPRETATION, "NEG"), (V2_0136, "N")]

Code = tuple[str, str]


def observation(**elements: Any) -> Observation:
    record = read_resource(json.dumps({"resourceType": "Observation"} | elements).encode(), "observations", [])
    assert isinstance(record, Observation)
    return record


def grade(record: Observation) -> int | None:
    return values.grade(record, QUANTITY.read(record.valueQuantity, record, []))


def yes_no(record: Observation, finding: str, codes: Codes) -> bool | None:
    return values.yes_no(record, finding, codes)


def amount(record: Observation, measurement: str) -> float | None:
    read = values.amount(record, QUANTITY.read(record.valueQuantity, record, []), measurement)
    return read.value if read is not None and not read.bound else None


def concept(*codes: Code, text: str = "") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code} for system, code in codes], "text": text}


# ---- grades ----


@pytest.mark.parametrize("number", range(6))
def test_a_grade_in_every_written_form(number: int) -> None:
    for value in (
        {"valueInteger": number},
        {"valueInteger": float(number)},
        {"valueQuantity": {"value": number}},
        {"valueQuantity": {"value": float(number), "unit": "1"}},
        {"valueQuantity": {"value": number, "unit": "points", "code": "{score}"}},
        {"valueQuantity": {"value": number, "unit": "{score}"}},
        {"valueQuantity": {"value": number, "code": " 1 "}},
        {"valueString": f"{number}"},
        {"valueString": f"{number}/5"},
        {"valueString": f" {number} / 5 "},
    ):
        assert grade(observation(**value)) == number, value


@pytest.mark.parametrize("text", ["4-", "4", "4+", "4-/5", "4+/5", "4 +", "4 - / 5"])
def test_four_minus_four_and_four_plus_are_grade_four(text: str) -> None:
    assert grade(observation(valueString=text)) == 4


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"valueInteger": 6},
        {"valueInteger": 7},
        {"valueInteger": -1},
        {"valueInteger": 10**30},
        {"valueInteger": True},
        {"valueQuantity": {"value": 2.5}},
        {"valueQuantity": {"value": 4.0001, "unit": "1"}},
        {"valueQuantity": {"value": 6, "unit": "1"}},
        {"valueQuantity": {"value": 4, "unit": "kg"}},
        {"valueQuantity": {"value": 4, "code": "%"}},
        {"valueQuantity": {"value": 4, "comparator": "<"}},
        {"valueQuantity": {"value": 4, "comparator": ">="}},
        {"valueQuantity": {"unit": "1"}},
        {"valueString": ""},
        {"valueString": "IV"},
        {"valueString": "7"},
        {"valueString": "44"},
        {"valueString": "4/4"},
        {"valueString": "4/50"},
        {"valueString": "3.5"},
        {"valueString": "-4"},
        {"valueString": "3-4"},
        {"valueString": "not 4"},
        {"valueString": "grade 4"},
        {"valueString": "4++"},
        {"valueString": "\u0664"},
        {"valueBoolean": True},
        {"valueCodeableConcept": {"text": "4"}},
        {"interpretation": [{"text": "4"}]},
    ],
)
def test_anything_else_is_no_grade(value: dict[str, Any]) -> None:
    assert grade(observation(**value)) is None


# ---- yes and no ----


@pytest.mark.parametrize("code", YES)
@pytest.mark.parametrize("finding", PLAIN)
def test_present_in_every_encoding(finding: str, code: Code) -> None:
    assert yes_no(observation(valueCodeableConcept=concept(code)), finding, CODES) is True
    assert yes_no(observation(interpretation=[concept(code)]), finding, CODES) is True


@pytest.mark.parametrize("code", NO)
@pytest.mark.parametrize("finding", PLAIN)
def test_absent_in_every_encoding(finding: str, code: Code) -> None:
    assert yes_no(observation(valueCodeableConcept=concept(code)), finding, CODES) is False
    assert yes_no(observation(interpretation=[concept(code)]), finding, CODES) is False


@pytest.mark.parametrize("finding", PLAIN)
def test_a_boolean_answers(finding: str) -> None:
    assert yes_no(observation(valueBoolean=True), finding, CODES) is True
    assert yes_no(observation(valueBoolean=False), finding, CODES) is False


@pytest.mark.parametrize("finding", SENSATIONS)
@pytest.mark.parametrize("code", [*YES, *NO])
def test_of_sensation_and_tone_only_reduced_and_normal_are_read(finding: str, code: Code) -> None:
    """Sensation present is no red flag, and no reassurance either."""
    wanted = True if code in REDUCED else False if code in NORMAL else None
    assert yes_no(observation(valueCodeableConcept=concept(code)), finding, CODES) is wanted
    assert yes_no(observation(interpretation=[concept(code)]), finding, CODES) is wanted


@pytest.mark.parametrize("finding", [*SENSATIONS, "spine-stability"])
def test_of_sensation_tone_and_stability_no_boolean_is_read(finding: str) -> None:
    assert yes_no(observation(valueBoolean=True), finding, CODES) is None
    assert yes_no(observation(valueBoolean=False), finding, CODES) is None


def test_ambulatory_says_walks_or_does_not() -> None:
    for code in WALKS:
        assert yes_no(observation(valueCodeableConcept=concept(code)), "ambulatory", CODES) is True, code
    for code in WALKS_NOT:
        assert yes_no(observation(valueCodeableConcept=concept(code)), "ambulatory", CODES) is False, code
    assert yes_no(observation(valueBoolean=True), "ambulatory", CODES) is True
    assert yes_no(observation(valueBoolean=False), "ambulatory", CODES) is False


@pytest.mark.parametrize(
    "code",
    [(V3_INTERPRETATION, "A"), (V3_INTERPRETATION, "N"), (SNOMED, "17621005"), (EXAM, "normal"), (EXAM, "reduced")],
)
def test_ambulatory_abnormal_or_normal_is_unknown(code: Code) -> None:
    assert yes_no(observation(valueCodeableConcept=concept(code)), "ambulatory", CODES) is None
    assert yes_no(observation(interpretation=[concept(code)]), "ambulatory", CODES) is None


@pytest.mark.parametrize(
    ("code", "answer"), [("unstable", True), ("stable", False), ("present", None), ("unknown", None)]
)
def test_the_spine_is_stable_or_unstable(code: str, answer: bool | None) -> None:
    assert yes_no(observation(valueCodeableConcept=concept((EXAM, code))), "spine-stability", CODES) is answer


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"valueString": "present"},
        {"valueInteger": 1},
        {"valueQuantity": {"value": 1}},
        {"valueCodeableConcept": {"text": "present"}},
        {"valueCodeableConcept": concept((SNOMED, "373068000"))},
        {"valueCodeableConcept": concept((EXAM, "Present"))},
        {"valueCodeableConcept": concept(("https://ehr.example", "present"))},
        {"valueCodeableConcept": concept((V2_0136, "POS"))},
        {"interpretation": [concept((V3_INTERPRETATION, "H"))]},
        {"interpretation": []},
    ],
)
def test_anything_else_is_unknown(value: dict[str, Any]) -> None:
    assert yes_no(observation(**value), "babinski", CODES) is None


@pytest.mark.parametrize(
    "value",
    [
        {"valueString": "see note"},
        {"valueCodeableConcept": {"text": "see note"}},
        {"valueCodeableConcept": concept((EXAM, "absent"))},
        {"valueInteger": 0},
        {"valueQuantity": {"value": 2, "unit": "beats"}},
        {"valueDateTime": "2026-03-01"},
        {"valueTime": "10:00:00"},
        {"valuePeriod": {"start": "2026"}},
        {"valueRange": {"low": {"value": 1}}},
        {"valueRatio": {"numerator": {"value": 1}}},
        {"valueSampledData": {"dimensions": 1}},
        {"valueBoolean": False},
    ],
)
def test_an_interpretation_answers_only_without_a_value(value: dict[str, Any]) -> None:
    positive = {"interpretation": [concept((V3_INTERPRETATION, "POS"))]}
    assert yes_no(observation(**positive), "clonus", CODES) is True
    assert yes_no(observation(**positive, **value), "clonus", CODES) is not True


def test_one_coding_of_several_and_stray_spaces_are_enough() -> None:
    several = concept(("https://ehr.example", "LOCAL-7"), (SNOMED, " 52101004 "))
    assert yes_no(observation(valueCodeableConcept=several), "clonus", CODES) is True
    interpretations = [concept((V3_INTERPRETATION, "H")), concept((V3_INTERPRETATION, "POS"))]
    assert yes_no(observation(interpretation=interpretations), "clonus", CODES) is True


# ---- other numbers ----


@pytest.mark.parametrize(
    ("measurement", "value", "number"),
    [
        ("post-void-residual", {"valueQuantity": {"value": 350, "code": "mL"}}, 350),
        ("post-void-residual", {"valueQuantity": {"value": 0.4, "unit": "L"}}, 400),
        ("post-void-residual", {"valueInteger": 200}, 200),
        ("post-void-residual", {"valueQuantity": {"value": 350, "code": "mg"}}, None),
        ("pain-nrs", {"valueQuantity": {"value": 7, "code": "{score}"}}, 7),
        ("pain-nrs", {"valueQuantity": {"value": 7, "code": "1"}}, 7),
        ("pain-nrs", {"valueInteger": 0}, 0),
        ("pain-nrs", {"valueString": "7"}, None),
        ("pain-nrs", {"valueQuantity": {"value": 7, "code": "{score}", "comparator": ">"}}, None),
        ("pain-nrs", {"valueQuantity": {"code": "{score}"}}, None),
        ("pain-nrs", {}, None),
    ],
)
def test_a_number_is_read_in_its_unit(measurement: str, value: dict[str, Any], number: float | None) -> None:
    assert amount(observation(**value), measurement) == number


def test_a_number_beyond_measure_is_no_answer() -> None:
    """Four hundred digits are valid JSON: they must not end the evaluation."""
    endless = observation(valueInteger=10**400)
    assert grade(endless) is None
    assert amount(endless, "pain-nrs") is None
