"""What a card says of a reading, and of a value that cannot be read; grades that are written with their names."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cards.record.newest import MOST_OF_A_KIND
from cards.value_sets.systems import EXAM
from cards.value_sets.value_set import VALUE_SETS
from tests.support.fhir_records import Json, chart, coded, examined, measured

WEEK = timedelta(days=7)
CREATININE = 88.4  # umol/L in 1 mg/dL


def words(record: Json, code: str) -> list[str]:
    return [reading.text for reading in chart(record).readings(code)]


@pytest.mark.parametrize(
    ("code", "abnormal", "normal", "yes", "no"),
    [
        ("ambulatory", "present", "absent", "Walks", "Does not walk"),
        ("spine-stability", "unstable", "stable", "Spine unstable", "Spine stable"),
        ("slr", "positive", "negative", "Straight leg raise positive", "Straight leg raise negative"),
        ("tinel-fibular-head", "positive", "negative", "Tinel sign at the fibular head positive",
         "Tinel sign at the fibular head negative"),
        ("saddle-sensation", "reduced", "normal", "Saddle sensation reduced", "Saddle sensation normal"),
        ("anal-tone", "reduced", "normal", "Anal tone reduced", "Anal tone normal"),
        ("sensation-dorsum-foot", "reduced", "normal", "Sensation of the dorsum of the foot reduced",
         "Sensation of the dorsum of the foot normal"),
        *(
            (code, "present", "absent", f"{name} present", f"{name} absent")
            for code, name in (
                ("bladder-dysfunction", "Bladder dysfunction"), ("bowel-dysfunction", "Bowel dysfunction"),
                ("sexual-dysfunction", "Sexual dysfunction"), ("babinski", "Babinski sign"), ("clonus", "Clonus"),
                ("hyperreflexia", "Hyperreflexia"), ("spasticity", "Spasticity"), ("sensory-level", "Sensory level"),
                ("progression-rapid", "Rapid progression"),
            )
        ),
    ],
)  # fmt: skip
def test_a_sign_is_named_with_what_was_found(code: str, abnormal: str, normal: str, yes: str, no: str) -> None:
    assert words(examined(code, valueCodeableConcept=coded(EXAM, abnormal)), code) == [yes]
    assert words(examined(code, valueCodeableConcept=coded(EXAM, normal)), code) == [no]


@pytest.mark.parametrize(
    ("code", "muscle"),
    [("mrc-ankle-dorsiflexion", "Ankle dorsiflexion"), ("mrc-toe-extension", "Toe extension"),
     ("mrc-eversion", "Eversion"), ("mrc-plantar-flexion", "Plantar flexion")],
)  # fmt: skip
def test_a_grade_is_of_five(code: str, muscle: str) -> None:
    assert words(examined(code, valueInteger=2), code) == [f"{muscle} 2/5"]


@pytest.mark.parametrize(
    ("measurement", "value", "unit", "said"),
    [
        ("post-void-residual", 350, "mL", "Post-void residual volume 350 mL"),
        ("pain-nrs", 7, "{score}", "7 of 10"),
        ("egfr", 45, "mL/min", "eGFR 45 mL/min/1.73 m²"),
        ("creatinine", 2 * CREATININE, "umol/L", " 2 mg/dL"),
        ("body-weight", 72.5, "kg", " 72.5 kg"),
        ("gestation", 20, "wk", " 20 weeks"),
        ("map", 85, "mm[Hg]", " 85 mmHg"),
        ("sbp", 120, "mm[Hg]", " 120 mmHg"),
        ("dbp", 70, "mm[Hg]", " 70 mmHg"),
    ],
)
def test_a_measurement_is_said_in_the_unit_of_the_rules(measurement: str, value: float, unit: str, said: str) -> None:
    (text,) = words(measured(measurement, valueQuantity={"value": value, "code": unit}), measurement)
    assert text.endswith(said)
    key = "pvr-ml" if measurement == "post-void-residual" else measurement
    assert measurement == "post-void-residual" or text.startswith(VALUE_SETS[f"observation.{key}"].name)


def test_a_bound_is_said_with_the_number() -> None:
    quantity = {"value": 400, "code": "mL", "comparator": ">"}
    assert words(measured("post-void-residual", valueQuantity=quantity), "post-void-residual") == [
        "Post-void residual volume >400 mL"
    ]


@pytest.mark.parametrize(
    ("unit", "value", "read"),
    [
        ("creatinine micromol/L", 2 * CREATININE, 2), ("egfr mL/min/1.73m\u00b2", 45, 45),
        ("egfr mL/min/1.73m^2", 45, 45), ("body-weight lbs", 160, 160 * 0.45359237),
        ("gestation week", 20, 20), ("gestation day", 203, 29), ("gestation days", 203, 29),
    ],
)  # fmt: skip
def test_a_unit_is_read_as_people_spell_it(unit: str, value: float, read: float) -> None:
    measurement, _, spelt = unit.partition(" ")
    (reading,) = chart(measured(measurement, valueQuantity={"value": value, "unit": spelt})).readings(measurement)
    assert reading.value == pytest.approx(read)


@pytest.mark.parametrize(("number", "is_read"), [(10**9 - 1, True), (10**9, False), (10**9 + 1, False)])
def test_a_whole_number_of_a_slipped_hand_is_none(number: int, is_read: bool) -> None:
    assert bool(chart(measured("post-void-residual", valueInteger=number)).readings("post-void-residual")) is is_read


# ---- grades with their names ----

NAMED = [
    (0, "Zero"), (0, "none"), (0, "Absent"), (1, "Trace"), (2, "Poor"), (3, "Fair"), (4, "Good"), (5, "Normal"),
]  # fmt: skip


@pytest.mark.parametrize(("number", "name"), NAMED)
def test_a_grade_may_stand_before_its_own_name_and_before_no_other(number: int, name: str) -> None:
    code = "mrc-ankle-dorsiflexion"
    for dash in "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212":
        for text in (f"{number} {dash} {name}", f"M{number}{dash}{name.upper()}", f" m {number} {dash}{name.lower()} "):
            (reading,) = chart(examined(code, valueString=text)).readings(code)
            assert reading.value == number, text
    for other in range(6):
        if other != number:
            assert chart(examined(code, valueString=f"{other} - {name}")).readings(code) == []


@pytest.mark.parametrize(
    ("text", "grade"),
    [("M4", 4), ("m 4-", 4), ("M0/5", 0), ("4\u2212", 4), ("4\u2013/5", 4), ("5-", None), ("0+", None), ("M", None),
     ("4 - Good power", None), ("4 Good", None), ("4" + " " * 45 + "/5", 4), ("4" + " " * 46 + "/5", 4),
     ("4" + " " * 47 + "/5", 4), ("4" + " " * 48 + "/5", None)],
)  # fmt: skip
def test_a_grade_is_read_as_it_is_written_by_hand(text: str, grade: int | None) -> None:
    readings = chart(examined("mrc-ankle-dorsiflexion", valueString=text)).readings("mrc-ankle-dorsiflexion")
    assert [reading.value for reading in readings] == ([] if grade is None else [grade])


@pytest.mark.parametrize("unit", ["", "1", "{score}", "{SCORE}"])
def test_a_grade_as_a_number_has_the_unit_of_a_score_or_none(unit: str) -> None:
    quantity = {"value": 3, "unit": unit} if unit else {"value": 3}
    (reading,) = chart(examined("mrc-ankle-dorsiflexion", valueQuantity=quantity)).readings("mrc-ankle-dorsiflexion")
    assert reading.value == 3


# ---- what cannot be read is quoted ----


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ({"valueQuantity": {"value": 354, "unit": "umol/l", "code": "x"}}, "354 in umol/l"),
        ({"valueQuantity": {"value": 354, "code": "cells"}}, "354 in cells"),
        ({"valueQuantity": {"value": 354}}, "354 without a unit"),
        ({"valueQuantity": {"value": 354, "comparator": " > ", "unit": "cm"}}, ">354 in cm"),
        ({"valueQuantity": {"unit": "mL"}, "valueString": "much"}, "much"),
        ({"valueQuantity": {"unit": "mL"}}, ""),
        ({"valueString": " about half a litre "}, "about half a litre"),
        ({"valueCodeableConcept": {"text": "see note"}}, "see note"),
        ({"valueCodeableConcept": {"coding": [{"display": "raised"}]}}, "raised"),
        ({"valueString": "first", "valueCodeableConcept": {"text": "second"}}, "first"),
        ({"valueCodeableConcept": {}}, ""),
        ({}, ""),
    ],
)
def test_a_value_that_cannot_be_read_is_quoted_as_it_stands(value: Json, quoted: str) -> None:
    odd = chart(measured("post-void-residual", **value))
    assert odd.readings("post-void-residual") == []
    assert odd.unreadable("post-void-residual", WEEK) == quoted


# ---- very many ----


def test_of_very_many_readings_the_newest_of_each_answer_stays() -> None:
    """A sign has few answers, and an old one may matter; a measurement has as many as there are numbers."""
    many = range(MOST_OF_A_KIND)
    signs = [examined("babinski", id=f"o{number}", valueBoolean=False) for number in many]
    old = examined("babinski", id="old", valueBoolean=True, effectiveDateTime="2025-01-01")
    older = examined("babinski", id="older", valueBoolean=True, effectiveDateTime="2024-01-01")
    kept = chart(*signs, older, old).readings("babinski")
    assert [reading.reference for reading in kept if reading.value] == ["Observation/old"]
    assert len(kept) == MOST_OF_A_KIND + 1
    grades = [examined("mrc-eversion", id=f"o{number}", valueInteger=5) for number in many]
    weak = examined("mrc-eversion", id="weak", valueInteger=2, effectiveDateTime="2025-01-01")
    assert 2 in [reading.value for reading in chart(*grades, weak).readings("mrc-eversion")]
    volumes = [measured("post-void-residual", id=f"o{number}", valueInteger=number) for number in many]
    first = measured("post-void-residual", id="first", valueInteger=900, effectiveDateTime="2025-01-01")
    read = chart(*volumes, first).readings("post-void-residual")
    assert {reading.value for reading in read} == set(many)
