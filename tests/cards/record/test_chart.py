"""What a chart tells of the patient, and time where some records have a date only."""

from __future__ import annotations

from typing import Any

import pytest

from cards.findings.course import charted_progression, dorsiflexion
from cards.findings.foot_drop import foot_drop
from cards.findings.studies import imaging_done, refusals
from cards.findings.urgency import emergency_answer
from cards.record.errors import UndeclaredReadError
from cards.record.moments import Latest
from cards.record.side import Side
from cards.value_sets.systems import EXAM, LOINC, SNOMED
from tests.support import cases
from tests.support.fhir_records import SUBJECT, Json, chart, coded


def drop(**elements: Any) -> Json:
    core = {"resourceType": "Condition", "id": "secret-c1", "subject": SUBJECT, "onsetDateTime": "2026-02-20"}
    return core | {"code": coded(SNOMED, "6077001"), "bodySite": [coded(SNOMED, "7771000")]} | elements


def graded(value: int, when: str) -> Json:
    return observed("mrc-ankle-dorsiflexion", when, valueInteger=value, bodySite=coded(SNOMED, "7771000"))


def observed(exam: str, when: str, **elements: Any) -> Json:
    core = {"resourceType": "Observation", "id": f"{exam}-{when}", "subject": SUBJECT, "status": "final"}
    return core | {"code": coded(EXAM, exam), "effectiveDateTime": when} | elements


def report(**elements: Any) -> Json:
    core = {"resourceType": "DiagnosticReport", "id": "r1", "subject": SUBJECT, "status": "final"}
    return core | {"code": coded(LOINC, "30679-5"), "effectiveDateTime": "2026-03-01"} | elements


# ---- encounter and age ----


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"code": "IMP"}, "IMP"),
        ([{"code": "EMER"}], "EMER"),
        ({"coding": [{"code": "imp "}]}, "IMP"),
        ([{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}]}], "AMB"),
        ([{"text": "ward"}, {"coding": [{"code": "IMP"}]}], "IMP"),
        ("IMP", "IMP"),
        ({}, None),
        ([], None),
        (None, None),
        (5, None),
        ({"text": "inpatient"}, None),
        ({"coding": "IMP" * 10_000}, None),
    ],
)
def test_the_class_of_the_encounter(written: Any, read: str | None) -> None:
    assert chart({"resourceType": "Encounter", "subject": SUBJECT, "class": written}).encounter_class == read


@pytest.mark.parametrize(
    ("born", "age"),
    [
        ("2008-03-02", 18),
        ("2008-03-03", 17),
        ("2008", 17),
        ("2008-02", 18),
        ("2008-03", 17),
        ("2026-03-02", 0),
        ("2026-03-03", 0),
        ("2026-03-04", None),
        ("2030-01-01", None),
        ("2030", None),
        ("2026", 0),
        ("1906-03-02", 120),
        ("1905-03-02", None),
        ("1726-01-01", None),
        ("unknown", None),
        (None, None),
    ],
)
def test_age_in_completed_years(born: str | None, age: int | None) -> None:
    assert chart({"resourceType": "Patient", "id": "p1", "birthDate": born}).age == age


def test_age_and_class_of_nobody_are_unknown() -> None:
    assert (chart().age, chart().encounter_class) == (None, None)


def test_a_question_that_was_not_declared_is_refused() -> None:
    declared = chart(declared=frozenset({"condition.foot-drop"}))
    assert declared.problems("condition.foot-drop") == []
    with pytest.raises(UndeclaredReadError, match=r"observation\.mrc"):
        declared.readings("mrc-ankle-dorsiflexion")


def test_not_seen_is_not_the_same_as_not_recorded() -> None:
    facts = chart(unseen=["orders"])
    assert not facts.has_seen("order.mri-lumbar")
    assert not facts.has_seen("condition.foot-drop", "order.afo")
    assert facts.has_seen("condition.foot-drop", "observation.mrc")


# ---- a date beside a clock time (D1, D4, D22) ----


@pytest.mark.parametrize(
    ("readings", "grade"),
    [
        ([(4, "2026-03-01T08:00:00Z"), (2, "2026-03-01")], 2),
        ([(2, "2026-03-01T08:00:00Z"), (4, "2026-03-01")], 2),
        ([(2, "2026-02-28T23:00:00Z"), (4, "2026-03-01")], 4),
        ([(2, "2026-02-28"), (4, "2026-03-01T00:30:00Z")], 4),
        ([(4, "2026-03-01T08:00:00Z"), (2, "2026-03-01T09:00:00+02:00")], 4),
        ([(4, "2026-03-01T08:00:00Z"), (2, "2026-03-01T10:00:00+02:00")], 2),
    ],
)
def test_a_date_ties_with_every_time_of_its_day_and_the_lower_grade_wins(
    readings: list[tuple[int, str]], grade: int
) -> None:
    for order in (readings, readings[::-1]):
        assert foot_drop(chart(drop(), *(graded(value, when) for value, when in order))).weakest == grade


def test_a_date_and_a_time_of_one_day_are_no_loss() -> None:
    facts = chart(drop(), graded(4, "2026-03-01T08:00:00Z"), graded(2, "2026-03-01"))
    assert [reading.value for reading in dorsiflexion(facts)[Side.LEFT]] == [2]


@pytest.mark.parametrize(
    ("present", "absent", "rapid"),
    [
        ("2026-03-01", "2026-03-01T20:00:00Z", True),
        ("2026-03-01T08:00:00Z", "2026-03-01", True),
        ("2026-03-01T08:00:00Z", "2026-03-01T20:00:00Z", False),
        ("2026-02-28T23:59:00Z", "2026-03-01", False),
    ],
)
def test_of_a_date_and_a_time_of_one_day_present_wins(present: str, absent: str, rapid: bool) -> None:
    yes, no = ({"valueCodeableConcept": coded(EXAM, word)} for word in ("present", "absent"))
    facts = chart(observed("progression-rapid", present, **yes), observed("progression-rapid", absent, **no))
    assert (charted_progression(facts) is not None) is rapid


@pytest.mark.parametrize(
    ("flag", "scan", "is_answered"),
    [
        ("2026-03-01T08:00:00Z", "2026-03-01", False),
        ("2026-03-01", "2026-03-01T20:00:00Z", False),
        ("2026-03-01", "2026-03-02T00:10:00Z", True),
        ("2026-03-01T08:00:00Z", "2026-03-01T08:00:00Z", False),
        ("2026-03-01T08:00:00Z", "2026-03-01T10:00:01+02:00", True),
    ],
)
def test_a_report_answers_a_flag_only_when_it_is_strictly_newer(flag: str, scan: str, is_answered: bool) -> None:
    numb = observed("saddle-sensation", flag, valueCodeableConcept=coded(EXAM, "reduced"))
    assert (emergency_answer(chart(drop(), numb, report(effectiveDateTime=scan))) is not None) is is_answered


def test_a_lower_grade_on_the_day_of_the_scan_without_clock_time_is_not_later() -> None:
    readings = graded(4, "2026-02-26"), graded(3, "2026-03-01")
    assert imaging_done(chart(drop(), *readings, report(effectiveDateTime="2026-03-01T08:00:00Z"))) is not None
    assert imaging_done(chart(drop(), *readings, report(effectiveDateTime="2026-02-28"))) is None


# ---- refusals (D16, D81) ----


@pytest.mark.parametrize(
    ("facts", "stands"),
    [
        ({"daysAgo": 90.0}, True),
        ({"daysAgo": 90.01}, False),
        ({}, False),
        ({"daysAgo": 3, "status": "active"}, False),
        ({"daysAgo": 3, "reason": "duplicate"}, False),
    ],
)
def test_a_refusal_of_ninety_days_stands(facts: Json, stands: bool) -> None:
    order = {"code": "mri-lumbar", "status": "revoked", "reason": "patient-declined"} | facts
    case = {"conditions": [{"code": "foot-drop", "side": "left", "onsetDaysAgo": 60}], "serviceRequests": [order]}
    assert bool(refusals(cases.chart(case, "patient-view"), Latest(), "order.mri-lumbar")) is stands


@pytest.mark.parametrize(("days_ago", "stands"), [(4, True), (2, False)])
def test_a_refusal_ends_with_a_newer_loss_or_flag(days_ago: float, stands: bool) -> None:
    order = {"code": "mri-lumbar", "status": "revoked", "reason": "patient-declined", "daysAgo": 3}
    grades = [(4, 9), (2, days_ago)]
    muscle = "mrc-ankle-dorsiflexion"
    worse = [{"code": muscle, "value": value, "daysAgo": days, "side": "left"} for value, days in grades]
    case = {"conditions": [{"code": "foot-drop", "side": "left", "onsetDaysAgo": 60}], "serviceRequests": [order]}
    weak = cases.chart(case | {"observations": worse}, "patient-view")
    assert bool(refusals(weak, Latest(), "order.mri-lumbar")) is stands
    flag = weak.clock.read(f"2026-02-{26 if days_ago == 4 else 28}T10:00:00Z")
    assert bool(refusals(cases.chart(case, "patient-view"), Latest.of([flag]), "order.mri-lumbar")) is stands
