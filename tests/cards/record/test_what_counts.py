"""What counts at the edges: a reading of another time zone, an allergy by its status, the dose of what is taken."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cards.value_sets.systems import LOINC
from cards.value_sets.value_set import VALUE_SETS
from tests.support.fhir_records import SUBJECT, Json, chart, coded

CREATININE = next(iter(VALUE_SETS["observation.creatinine"].codes[LOINC]))


@pytest.mark.parametrize(
    ("written", "counts"),
    [
        ("2025-03-01T23:30:00-12:00", True),  # 11:30 on the next day in UTC
        ("2025-03-02T10:00:00Z", True),
        ("2025-03-02T09:59:59Z", False),
        ("2025-03-02T22:00:00+14:00", False),  # 08:00 in UTC
    ],
)
def test_a_reading_at_the_edge_of_a_year_is_placed_by_its_instant(written: str, counts: bool) -> None:
    """Now is 2 March 2026, 10:00 UTC: the date that is written may be that of the day before."""
    year = timedelta(days=365)
    record = {
        "resourceType": "Observation", "id": "o1", "status": "final", "subject": SUBJECT,
        "code": coded(LOINC, CREATININE), "effectiveDateTime": written,
        "valueQuantity": {"value": 1.2, "code": "mg/dL"},
    }  # fmt: skip
    found = chart(record)
    assert any(found.within(reading.when, year) for reading in found.recent("creatinine", year)) is counts


@pytest.mark.parametrize(
    ("elements", "counts"),
    [
        ({}, True),
        ({"clinicalStatus": coded("any", "active")}, True),
        ({"clinicalStatus": coded("any", "inactive")}, False),
        ({"clinicalStatus": coded("any", "resolved")}, False),
        ({"clinicalStatus": coded("any", "recurrence")}, False),  # a status of problems, none of allergies
        ({"verificationStatus": coded("any", "unconfirmed")}, True),
        ({"verificationStatus": coded("any", "refuted")}, False),
        ({"verificationStatus": coded("any", "entered-in-error")}, False),
    ],
)
def test_which_allergies_count(elements: Json, counts: bool) -> None:
    allergy = {"resourceType": "AllergyIntolerance", "id": "a1", "patient": SUBJECT, "code": {"text": "gabapentin"}}
    assert bool(chart(allergy | elements).allergies("medication.gabapentin")) is counts


@pytest.mark.parametrize(
    ("kind", "element"), [("MedicationRequest", "dosageInstruction"), ("MedicationStatement", "dosage")]
)
def test_the_dose_of_a_day_is_read_of_what_is_ordered_and_of_what_is_taken(kind: str, element: str) -> None:
    instruction: dict[str, Any] = {
        "timing": {"repeat": {"frequency": 3, "period": 1, "periodUnit": "d"}},
        "doseAndRate": [{"doseQuantity": {"value": 300, "code": "mg"}}],
    }
    record: Json = {"resourceType": kind, "id": "m1", "status": "active", "subject": SUBJECT}
    record |= {"medicationCodeableConcept": {"text": "gabapentin"}, element: [instruction]}
    assert [taken.daily_mg for taken in chart(record).medicines("medication.gabapentin")] == [900]
