"""A foot drop is sudden when its onset is stated: the day on which somebody wrote it down says nothing of it (D70)."""

from __future__ import annotations

import pytest

from cards.findings.neuraxis import is_sudden
from cards.value_sets.systems import SNOMED
from tests.support.fhir_records import SUBJECT, Json, chart, coded


@pytest.mark.parametrize(
    ("dates", "is_stated"),
    [
        ({"onsetDateTime": "2026-03-02"}, True),
        ({"onsetDateTime": "2026-03-02", "recordedDate": "2026-03-02"}, True),
        ({"recordedDate": "2026-03-02"}, False),
        ({"onsetDateTime": "2026-02-28", "recordedDate": "2026-03-02"}, False),
        ({}, False),
    ],
)
def test_only_a_stated_onset_is_sudden(dates: Json, is_stated: bool) -> None:
    record = {"resourceType": "Condition", "id": "c1", "subject": SUBJECT, "code": coded(SNOMED, "6077001")} | dates
    assert is_sudden(chart(record)) is is_stated
