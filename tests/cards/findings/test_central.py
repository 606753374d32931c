"""Which codes of a known central disease may be what is new, when they have no date (D75)."""

from __future__ import annotations

import pytest

from cards.findings.central import central_lesions
from cards.value_sets.systems import ICD10, ICD10CM, ICD10GM, SNOMED
from tests.support.fhir_records import SUBJECT, Json, chart, coded

PARALYSIS = [
    (ICD10CM, "G82.20"), (ICD10CM, "G82.54"), (ICD10CM, "g8221"), (ICD10, "G82.1"), (ICD10GM, "G82.03"),
    (SNOMED, "312444006"),
]  # fmt: skip
DISEASE = [(ICD10CM, "G35"), (ICD10CM, "G80.1"), (ICD10, "G80.0"), (ICD10GM, "G35.11")]


def is_known(*codings: tuple[str, str], **elements: str) -> bool:
    """Whether a problem of these codes is a known central lesion."""
    code = {"coding": [coding for system, word in codings for coding in coded(system, word)["coding"]]}
    record: Json = {"resourceType": "Condition", "id": "c1", "subject": SUBJECT, "code": code, **elements}
    return bool(central_lesions(chart(record)))


@pytest.mark.parametrize("code", PARALYSIS, ids=str)
def test_paralysis_without_a_date_may_be_what_is_new(code: tuple[str, str]) -> None:
    assert not is_known(code)
    assert not is_known(code, onsetDateTime="2026-02-16"), "14 days ago"
    assert is_known(code, onsetDateTime="2026-02-15"), "15 days ago"


@pytest.mark.parametrize("code", DISEASE, ids=str)
def test_a_disease_is_known_also_without_a_date(code: tuple[str, str]) -> None:
    assert is_known(code)
    assert not is_known(code, onsetDateTime="2026-02-16")
    assert is_known(code, PARALYSIS[0]), "beside paralysis too"
