"""Every unit of every quantity, by its UCUM code and by what people write, with the factor to the unit of the rules."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.fhir_records import chart, measured

MICRO_SIGN, GREEK_MU = "\u00b5", "\u03bc"
POUND = 0.45359237  # kg, by definition
CREATININE = 88.4  # umol/L in 1 mg/dL

# measurement, unit, value as written, value in the unit of the rules
READ = [
    ("post-void-residual", "mL", 350, 350),
    ("post-void-residual", "ml", 350, 350),
    ("post-void-residual", "L", 0.35, 350),
    ("pain-nrs", "{score}", 7, 7),
    ("pain-nrs", "1", 7, 7),
    ("egfr", "mL/min/{1.73_m2}", 45, 45),
    ("egfr", "mL/min/1.73m2", 45, 45),
    ("egfr", "mL/min/1.73 m2", 45, 45),
    ("egfr", "mL/min/{1.73m2}", 45, 45),
    ("egfr", "mL/min", 45, 45),
    ("creatinine", "mg/dL", 1.4, 1.4),
    ("creatinine", "umol/L", 2 * CREATININE, 2),
    ("creatinine", f"{MICRO_SIGN}mol/L", 2 * CREATININE, 2),
    ("creatinine", f"{GREEK_MU}mol/L", 2 * CREATININE, 2),
    ("creatinine", "umol/l", 2 * CREATININE, 2),
    ("creatinine", "mmol/L", 2 * CREATININE / 1000, 2),
    ("creatinine", "MG/DL", 1.4, 1.4),
    ("body-weight", "kg", 72, 72),
    ("body-weight", "KG", 72, 72),
    ("body-weight", "lb", 160, 160 * POUND),
    ("body-weight", "g", 72_000, 72),
    ("body-weight", "[lb_av]", 160, 160 * POUND),
    ("gestation", "wk", 29.5, 29.5),
    ("gestation", "weeks", 29.5, 29.5),
    ("gestation", "d", 205, 205 / 7),
    *(
        (pressure, unit, 85, 85)
        for pressure in ("map", "sbp", "dbp")
        for unit in ("mm[Hg]", "mmHg", "mm Hg")
    ),
]  # fmt: skip
OTHER_UNITS = [
    ("post-void-residual", ("dL", "mg", "m3", "%")),
    ("pain-nrs", ("%", "10", "mm")),
    ("egfr", ("mL/s", "L/min", "%", "mL")),
    ("creatinine", ("g/dL", "mg/L", "mol/L", "mg/mL", "umol")),
    ("body-weight", ("mg", "t", "[oz_av]", "cm")),
    ("gestation", ("mo", "h", "a", "min")),
    *((pressure, ("kPa", "cm[H2O]", "mm", "Pa")) for pressure in ("map", "sbp", "dbp")),
]


def read(measurement: str, **value: Any) -> list[float]:
    """The values that the chart holds of it."""
    return [reading.value for reading in chart(measured(measurement, **value)).readings(measurement)]


@pytest.mark.parametrize(("measurement", "unit", "written", "value"), READ)
def test_a_value_is_read_in_every_unit_that_it_is_recorded_in(
    measurement: str, unit: str, written: float, value: float
) -> None:
    forms = ({"code": unit}, {"unit": unit}, {"unit": "as displayed", "code": unit}, {"code": f" {unit} "})
    for named in (*forms, {"code": "units", "unit": unit}, {"code": unit, "unit": unit}):
        assert read(measurement, valueQuantity={"value": written, **named}) == [pytest.approx(value)], named


@pytest.mark.parametrize(("measurement", "units"), OTHER_UNITS)
def test_a_value_in_another_unit_or_in_none_is_no_value(measurement: str, units: tuple[str, ...]) -> None:
    for unit in units:
        assert read(measurement, valueQuantity={"value": 7, "code": unit}) == [], unit
    assert read(measurement, valueQuantity={"value": 7}) == []


@pytest.mark.parametrize("measurement", sorted({measurement for measurement, *_ in READ}))
def test_no_value_is_negative(measurement: str) -> None:
    unit = next(unit for known, unit, *_ in READ if known == measurement)
    assert read(measurement, valueQuantity={"value": 0, "code": unit}) == [0]
    assert read(measurement, valueQuantity={"value": -1, "code": unit}) == []
    assert read(measurement, valueInteger=-1) == []


def test_units_that_are_both_known_and_differ_leave_no_value() -> None:
    assert read("creatinine", valueQuantity={"value": 354, "code": "mg/dL", "unit": "umol/L"}) == []
    assert read("creatinine", valueQuantity={"value": 354, "code": "umol/L", "unit": "\u00b5mol/l"}) == [
        354 / CREATININE
    ]


@pytest.mark.parametrize(
    ("comparator", "value", "limit", "is_at_least"),
    [
        (">", 60, 60, True), (">=", 60, 60, True), (">", 45, 60, None), (">=", 59, 60, None),
        ("<", 15, 15, False), ("<=", 15, 15, None), ("<", 15, 30, False), ("<", 30, 15, None),
        ("<=", 14, 15, False), (" > ", 60, 60, True),
    ],
)  # fmt: skip
def test_a_comparator_bounds_a_number(comparator: str, value: float, limit: float, is_at_least: bool | None) -> None:
    quantity = {"value": value, "code": "mL/min", "comparator": comparator}
    (reading,) = chart(measured("egfr", valueQuantity=quantity)).readings("egfr")
    assert reading.at_least(limit) is is_at_least
    assert reading.text == f"eGFR {comparator.strip()}{value} mL/min/1.73 m²"


def test_a_comparator_that_is_unknown_leaves_no_value() -> None:
    assert read("egfr", valueQuantity={"value": 60, "code": "mL/min", "comparator": "ad"}) == []


@pytest.mark.parametrize(
    ("written", "value"),
    [("354", 354), (" 4 ", 4), ("+4.0", 4), ("1e2", 100), ("4,5", None), ("NaN", None), ("Infinity", None),
     (">60", None), ("", None), ("0x10", None), ("1_000", None), ("\u0664", None), (True, None), ([], None),
     ("1e400", None), ("9" * 60, None)],
)  # fmt: skip
def test_a_number_in_quotes_is_that_number(written: Any, value: float | None) -> None:
    assert read("egfr", valueQuantity={"value": written, "code": "mL/min"}) == ([] if value is None else [value])


@pytest.mark.parametrize("value", [10, 9.5, 0])
def test_pain_is_a_score_up_to_10(value: float) -> None:
    assert read("pain-nrs", valueQuantity={"value": value, "code": "{score}"}) == [value]


@pytest.mark.parametrize("value", [10.5, 11, 70, 100])
def test_pain_over_10_is_no_score(value: float) -> None:
    assert read("pain-nrs", valueQuantity={"value": value, "code": "{score}"}) == []
    assert read("pain-nrs", valueInteger=int(value) + 1) == []


def test_a_whole_number_without_unit_is_in_the_unit_of_the_rules() -> None:
    assert read("body-weight", valueInteger=72) == [72]
    assert read("gestation", valueInteger=29) == [29]
    assert read("pain-nrs", valueInteger=10) == [10]
