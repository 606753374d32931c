"""Every status that R4 knows is read as it is, in every shape that records write; any other word is none (O2)."""

from __future__ import annotations

from typing import Any

import pytest

from cards.value_sets.systems import EXAM, LOINC, NCIT, RXNORM, SNOMED
from tests.support.fhir_records import SUBJECT, Json, chart, coded

REQUEST = {"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"}
# What is ordered and what is taken are read alike.
MEDICATION = REQUEST - {"revoked"} | {"cancelled", "stopped", "intended", "not-taken"}
RESULT = {"registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown"}
# The codes of hl7.org/fhir/R4, and a record of the type that a rule reads.
STATUSES: dict[str, tuple[set[str], Json]] = {
    "Observation": (RESULT, {"code": coded(EXAM, "babinski"), "valueBoolean": True}),
    "DiagnosticReport": (RESULT | {"partial", "appended"}, {"code": coded(LOINC, "30679-5")}),
    "ServiceRequest": (REQUEST, {"code": coded(LOINC, "30679-5"), "intent": "order"}),
    "MedicationRequest": (MEDICATION, {"medicationCodeableConcept": coded(RXNORM, "25480")}),
    "MedicationStatement": (
        MEDICATION,
        {"medicationCodeableConcept": coded(RXNORM, "25480")},
    ),
    "Procedure": (
        {"preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", "entered-in-error", "unknown"},
        {"code": coded(SNOMED, "178618008")},
    ),
    "Device": (
        {"active", "inactive", "entered-in-error", "unknown"},
        {"type": coded(SNOMED, "14106009"), "safety": [coded(NCIT, "C106046")], "patient": SUBJECT},
    ),
}
EVERY = sorted({word for known, _ in STATUSES.values() for word in known})


def unreadable(kind: str, status: Any) -> bool:
    """Whether the status of a record of this type is named as one that cannot be read."""
    record = {"resourceType": kind, "id": "x1", "subject": SUBJECT, "status": status} | STATUSES[kind][1]
    read = chart(record)
    return ("status", "cannot be read") in [(defect.element, defect.why) for defect in read.defects]


@pytest.mark.parametrize("kind", STATUSES)
def test_the_statuses_of_r4_are_read_and_no_others(kind: str) -> None:
    known, _ = STATUSES[kind]
    assert {status for status in EVERY if not unreadable(kind, status)} == known
    for status in known:
        assert not unreadable(kind, f" {status.upper()} ")


@pytest.mark.parametrize(
    ("written", "is_read"),
    [
        (["active"], True), ([" Active ", "ACTIVE"], True), (["active", "completed"], False), ([], True), ({}, True),
        (None, True), ("", True), (5, False), (True, False), ({"text": "active"}, True), ({"code": "active"}, True),
        ({"coding": [{"code": "active"}]}, True), ({"coding": {"display": "Active"}}, True), ([[]], False),
        ({"coding": [{"code": " ", "display": "active"}]}, True), ({"coding": [5], "text": "active"}, True),
        ({"coding": [{"code": "active", "display": "Completed"}], "text": "x"}, True), ({"coding": []}, False),
        ({"coding": [{"code": "active"}, {"code": "completed"}]}, False), ({"text": 5}, False),
        ({"coding": [{"code": 5, "display": "active"}]}, True), ([{"code": "active"}, "active"], True),
        ("active" + " " * 94, True), ("active" + " " * 95, False),
    ],
)  # fmt: skip
def test_a_status_in_any_shape_is_one_word(written: Any, is_read: bool) -> None:
    assert unreadable("ServiceRequest", written) is not is_read


# ---- clinicalStatus and verificationStatus ----

ACTIVE, OVER = ("active", "recurrence", "relapse"), ("inactive", "remission", "resolved")
TRUE, NOT_TRUE = ("unconfirmed", "provisional", "differential", "confirmed"), ("refuted", "entered-in-error")


def problem(**elements: Any) -> bool | None:
    """Whether a problem with these elements counts; None when that cannot be read."""
    code = {"code": coded(SNOMED, "6077001")}
    record = {"resourceType": "Condition", "id": "c1", "subject": SUBJECT} | code | elements
    read = chart(record)
    counts = bool(read.problems("condition.foot-drop"))
    assert not (counts and read.has_left_out)
    return None if read.has_left_out else counts


def shapes(word: str) -> list[Any]:
    return [
        word, f" {word.upper()} ", [word], {"text": word}, {"coding": [{"code": word}]}, {"coding": {"code": word}},
        {"coding": [{"display": word.title()}]}, [{"coding": [{"code": word}]}], [word, coded("any", word)],
        {"coding": [{"code": "x", "system": "y"}, {"code": word}]}, {"coding": [{"code": word}], "text": "otherwise"},
    ]  # fmt: skip


@pytest.mark.parametrize(("words", "counts"), [(ACTIVE, True), (OVER, False)])
def test_a_problem_counts_by_its_clinical_status(words: tuple[str, ...], counts: bool) -> None:
    for word in words:
        for shape in shapes(word):
            assert problem(clinicalStatus=shape) is counts, shape
            assert problem(clinicalStatus=shape) is counts, "and so again, when it is remembered"
        assert problem(clinicalStatus=[words[0], word]) is counts, "words that mean the same agree"
        assert problem(clinicalStatus=coded("any", words[-1], word)) is counts


@pytest.mark.parametrize(("words", "counts"), [(TRUE, True), (NOT_TRUE, False)])
def test_a_problem_counts_by_its_verification_status(words: tuple[str, ...], counts: bool) -> None:
    for word in words:
        for shape in shapes(word):
            assert problem(verificationStatus=shape) is counts, shape
        assert problem(verificationStatus=[words[0], word]) is counts
        assert problem(clinicalStatus="active", verificationStatus=word) is counts
        assert problem(clinicalStatus="resolved", verificationStatus=word) is False


@pytest.mark.parametrize(
    "odd",
    [
        *([one, other] for one in (ACTIVE[0], ACTIVE[1]) for other in OVER),
        "activ", "confirmed", 5, True, [5], {"coding": [{"code": "x"}]}, {"text": "x"}, {"coding": []}, ["active", ""],
        ["active", "x"], coded("any", "active", "resolved"), "active" + " " * 95, ["active", 5],
    ],
)  # fmt: skip
def test_a_clinical_status_that_cannot_be_read_leaves_the_problem_open(odd: Any) -> None:
    assert problem(clinicalStatus=odd) is None


@pytest.mark.parametrize(
    "odd", ["refutd", "active", 5, ["confirmed", "refuted"], ["provisional", "entered-in-error"], {"text": "resolved"}]
)
def test_a_verification_status_that_cannot_be_read_leaves_the_problem_open(odd: Any) -> None:
    assert problem(verificationStatus=odd) is None


@pytest.mark.parametrize("empty", [None, [], {}, ""])
def test_no_status_is_that_of_an_active_problem(empty: Any) -> None:
    assert problem(clinicalStatus=empty, verificationStatus=empty) is True
