"""The milligrams a day that the instructions of a prescription state, or none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.fhir_records import SUBJECT, Json, chart


def daily_of(**elements: Any) -> float | None:
    """The milligrams a day of a prescription of gabapentin with these elements."""
    core = {"resourceType": "MedicationRequest", "id": "m1", "status": "active", "subject": SUBJECT}
    record = core | {"medicationCodeableConcept": {"text": "gabapentin"}} | elements
    (taken,) = chart(record).medicines("medication.gabapentin")
    return taken.daily_mg


def take(value: float = 300, unit: str = "mg", *, code: Any = None, sequence: int | None = None, **repeat: Any) -> Json:
    """An instruction; `code` is that of the timing, `repeat` so often in a period."""
    timing = ({"repeat": repeat} if repeat else {}) | ({"code": code} if code else {})
    dose = {"doseAndRate": [{"doseQuantity": {"value": value, "code": unit}}], "timing": timing}
    return dose | ({} if sequence is None else {"sequence": sequence})


def daily(*instructions: Json) -> float | None:
    """The milligrams a day of a prescription with these instructions."""
    return daily_of(dosageInstruction=list(instructions))


THRICE: Json = {"frequency": 3, "period": 1, "periodUnit": "d"}


@pytest.mark.parametrize(
    ("word", "times"), [("QD", 1), ("BID", 2), ("TID", 3), ("QID", 4), ("Q6H", 4), ("Q8H", 3), ("Q12H", 2)]
)
def test_an_abbreviation_says_how_often(word: str, times: int) -> None:
    for code in ({"coding": [{"code": word}]}, {"text": f" {word.lower()} "}, {"coding": [{"code": f" {word} "}]}):
        assert daily(take(code=code)) == 300 * times
    assert daily(take(code={"coding": [{"code": "X"}, {"code": word}], "text": "as said"})) == 300 * times
    assert daily(take(code={"text": word}, frequency=times, period=1, periodUnit="d")) == 300 * times
    assert daily(take(code={"text": word}, frequency=times + 1, period=1, periodUnit="d")) is None


@pytest.mark.parametrize("code", [{}, {"text": "PRN"}, {"text": "Q4H"}, {"coding": [{"code": "BID"}, {"code": "TID"}]}])
def test_a_code_that_says_nothing_or_two_things_leaves_the_dose_unknown(code: Json) -> None:
    assert daily(take(code=code)) is None


@pytest.mark.parametrize(
    ("repeat", "mg"),
    [
        (THRICE, 900),
        ({"frequency": 1, "period": 8, "periodUnit": "h"}, 900),
        ({"frequency": 1, "period": 480, "periodUnit": "min"}, 900),
        ({"frequency": 21, "period": 1, "periodUnit": "wk"}, 900),
        ({"frequency": 3, "period": 2, "periodUnit": "d"}, 450),
        ({"frequency": 3, "period": 0.5, "periodUnit": " d "}, 1800),
        ({"frequency": 3, "period": 1}, None),
        ({"frequency": 3, "periodUnit": "d"}, None),
        ({"period": 1, "periodUnit": "d"}, None),
        ({"frequency": 3, "period": 1, "periodUnit": "mo"}, None),
        ({"frequency": 0, "period": 1, "periodUnit": "d"}, None),
        ({"frequency": 3, "period": 0, "periodUnit": "d"}, None),
        ({"frequency": -3, "period": 1, "periodUnit": "d"}, None),
        ({"frequency": -3, "period": -1, "periodUnit": "d"}, None),
        ({"frequency": 3, "period": 1e-310, "periodUnit": "d"}, None),
        ({"count": 3}, None),
    ],
)
def test_a_timing_says_how_often_a_day(repeat: Json, mg: float | None) -> None:
    assert daily(take(**repeat)) == (None if mg is None else pytest.approx(mg))


def test_a_code_beside_a_timing_that_says_nothing_is_enough() -> None:
    assert daily(take(code={"text": "BID"}, count=3)) == 600
    assert daily(take(code={"text": "BID"}, frequency=2)) is None
    assert daily(take(code={"text": "BID"}, period=1, periodUnit="d")) is None


def test_steps_that_follow_each_other_are_not_added() -> None:
    first, second, third = (take(mg, sequence=number, **THRICE) for number, mg in ((1, 100), (2, 300), (3, 200)))
    assert daily(first, second, third) == 900
    assert daily(third, second, first) == 900
    assert daily(first, first) == 600
    assert daily(first, first, first, second) == 900
    assert daily(first, second, take(50, **THRICE)) == 1050
    assert daily(take(50, **THRICE), take(100, **THRICE)) == 450
    assert daily(take(0, sequence=0, **THRICE), take(100, sequence=1, **THRICE)) == 300


def test_one_instruction_that_says_no_dose_leaves_the_day_unknown() -> None:
    assert daily() is None
    assert daily(take(**THRICE), {"text": "one more in pain"}) is None
    assert daily({"text": "one more in pain"}, take(**THRICE)) is None
    assert daily(take(0, **THRICE)) == 0


@pytest.mark.parametrize(
    ("doses", "mg"),
    [
        ([(300, "mg")], 900), ([(0.3, "g")], 900), ([(300, "mg"), (0.3, "g")], 900), ([(300, "mg"), (301, "mg")], None),
        ([(301, "mg"), (300, "mg")], None), ([(300, "mg"), (300, "mg"), (301, "mg")], None), ([(-300, "mg")], None),
        ([(300, "mg"), (1, "{tbl}")], None), ([(300, "ug")], None), ([], None), ([(0, "mg")], 0),
    ],
)  # fmt: skip
def test_a_dose_is_in_milligrams_and_one_alone(doses: list[tuple[float, str]], mg: float | None) -> None:
    rates = [{"doseQuantity": {"value": value, "code": unit}} for value, unit in doses]
    assert daily({"timing": {"repeat": THRICE}, "doseAndRate": rates}) == mg


def test_a_bounded_dose_is_unknown() -> None:
    quantity = {"value": 300, "code": "mg", "comparator": "<"}
    assert daily({"timing": {"repeat": THRICE}, "doseAndRate": [{"doseQuantity": quantity}]}) is None


def test_numbers_beyond_what_can_be_calculated_say_no_dose() -> None:
    assert daily(take(1e308, **THRICE)) is None
    assert daily(*[take(5e307, **THRICE)] * 2) is None
    assert daily(take(300, frequency=10**400, period=1, periodUnit="d")) is None


def test_the_instructions_of_a_prescription_are_read_before_those_of_what_is_taken() -> None:
    assert daily_of(dosageInstruction=[take(**THRICE)], dosage=[take(100, **THRICE)]) == 900
    assert daily_of(dosageInstruction=[], dosage=[take(100, **THRICE)]) == 300
