"""Which medicine a prescription means, wherever its name stands, and which medicines an allergy is one to."""

from __future__ import annotations

from typing import Any

import pytest

from cards.value_sets.systems import ATC, RXNORM, SNOMED
from tests.support.fhir_records import SUBJECT, Json, chart, coded

GABAPENTIN, PREGABALIN = "medication.gabapentin", "medication.pregabalin"
DRUG = {"text": "gabapentin"}


def prescription(concept: Json | None = None, **elements: Any) -> Json:
    """An active prescription of patient p1."""
    core = {"resourceType": "MedicationRequest", "id": "m1", "status": "active", "subject": SUBJECT}
    return core | ({"medicationCodeableConcept": concept} if concept else {}) | elements


def medication(identity: str, **elements: Any) -> Json:
    return {"resourceType": "Medication", "id": identity} | elements


def pointing(reference: str | None, **elements: Any) -> Json:
    display = elements.pop("display", None)
    return prescription(medicationReference={"reference": reference, "display": display}, **elements)


def known(*records: Json) -> list[tuple[str, ...]]:
    """The keys of each medicine on the chart."""
    return [taken.keys for taken in chart(*records).medicines(GABAPENTIN, PREGABALIN, "medication.opioid")]


# ---- which prescriptions count ----


@pytest.mark.parametrize(
    ("status", "counts"),
    [("active", True), (" Active ", True), ("stopped", False), ("completed", False), ("on-hold", False),
     ("draft", False), ("unknown", False), ("of another kind", False), (None, False)],
)  # fmt: skip
def test_a_medicine_counts_while_it_is_active(status: str | None, counts: bool) -> None:
    assert bool(known(prescription(DRUG, status=status))) is counts


@pytest.mark.parametrize("intent", ["order", "plan", "proposal", None])
def test_a_medicine_counts_whatever_its_intent(intent: str | None) -> None:
    assert known(prescription(DRUG, intent=intent)) == [(GABAPENTIN,)]


def test_one_with_an_unknown_modifier_does_not_count() -> None:
    modified = prescription(DRUG, modifierExtension=[{"url": "https://ehr.example/not", "valueBoolean": True}])
    assert known(modified, prescription({"text": "pregabalin"}, id="m2")) == [(PREGABALIN,)]


@pytest.mark.parametrize(
    "nameless", [{}, {"medicationCodeableConcept": {}}, {"medicationReference": {"reference": "Medication/nowhere"}}]
)
def test_one_that_names_nothing_is_a_defect(nameless: Json) -> None:
    odd = chart(prescription(**nameless), prescription(DRUG, id="m2"))
    assert [taken.reference for taken in odd.medicines(GABAPENTIN)] == ["MedicationRequest/m2"]
    assert ("MedicationRequest/m1", "medication") in [(defect.where, defect.element) for defect in odd.noticed]
    assert "names no medicine" in [defect.why for defect in odd.noticed]


@pytest.mark.parametrize("named", [{"text": "water"}, coded("https://ehr.example", "1"), {"coding": [{"code": "x"}]}])
def test_one_that_no_rule_knows_is_none(named: Json) -> None:
    unknown = chart(prescription(named))
    assert unknown.medicines(GABAPENTIN) == []
    assert "names no medicine" not in [defect.why for defect in unknown.noticed]


@pytest.mark.parametrize(
    ("elements", "since"),
    [
        ({"authoredOn": "2026-02-01", "effectiveDateTime": "2026-02-02"}, "2026-02-01"),
        ({"effectiveDateTime": "2026-02-02", "effectivePeriod": {"start": "2026-02-03"}}, "2026-02-02"),
        ({"effectivePeriod": {"start": "2026-02-03", "end": "2026-02-28"}}, "2026-02-03"),
        ({"effectivePeriod": {"end": "2026-02-28"}}, "None"),
        ({}, "None"),
    ],
)
def test_since_when_it_is_taken(elements: Json, since: str) -> None:
    kind = "MedicationRequest" if "authoredOn" in elements else "MedicationStatement"
    (taken,) = chart(prescription(DRUG, resourceType=kind, **elements)).medicines(GABAPENTIN)
    assert str(taken.when) == since


# ---- where the name stands ----


@pytest.mark.parametrize(
    "concept",
    [
        coded(RXNORM, "25480"),
        coded(RXNORM, "310431"),
        coded(SNOMED, "386845007"),
        coded(ATC, "N02BF01"),
        {"text": "Gabapentin 300 mg"},
        {"coding": [{"system": "https://ehr.example", "code": "1", "display": "gabapentin"}]},
        {"coding": [{"system": "https://ehr.example", "code": "GABAPENTIN"}]},
        {"coding": [{"code": "neurontin"}]},
    ],
)
def test_a_medicine_is_known_by_code_by_words_and_by_a_code_that_is_a_word(concept: Json) -> None:
    assert known(prescription(concept)) == [(GABAPENTIN,)]
    assert known(pointing("Medication/x"), medication("x", code=concept)) == [(GABAPENTIN,)]


def test_a_known_code_is_believed_before_words() -> None:
    assert known(prescription(coded(RXNORM, "25480") | {"text": "pregabalin"})) == [(GABAPENTIN,)]


def test_the_concept_is_read_before_the_reference() -> None:
    both = prescription(DRUG, medicationReference={"reference": "Medication/x", "display": "pregabalin"})
    assert known(both, medication("x", code={"text": "pregabalin"})) == [(GABAPENTIN,)]


@pytest.mark.parametrize(
    "reference", ["Medication/x", "https://ehr.example/fhir/Medication/x", "Medication/x/_history/2"]
)
def test_a_reference_leads_to_the_medication_on_record(reference: str) -> None:
    assert known(pointing(reference), medication("x", code=DRUG)) == [(GABAPENTIN,)]
    assert known(pointing(reference), medication("y", code=DRUG)) == []


@pytest.mark.parametrize(("pointer", "name"), [("#x", "x"), ("#x", "#x"), ("x", "#x"), (" #x ", "x"), ("x", "x")])
def test_a_reference_leads_to_what_is_contained_with_the_hash_on_either_side(pointer: str, name: str) -> None:
    assert known(pointing(pointer, contained=[medication("other"), medication(name, code=DRUG)])) == [(GABAPENTIN,)]


@pytest.mark.parametrize(("pointer", "name"), [("#x", "y"), ("#", ""), ("#", "x"), ("", ""), (None, "x"), ("#x", None)])
def test_a_reference_that_leads_nowhere_leaves_its_words(pointer: str | None, name: str | None) -> None:
    contained = [{"resourceType": "Medication", "id": name, "code": {"text": "pregabalin"}}]
    assert known(pointing(pointer, contained=contained)) == []
    worded = chart(pointing(pointer, contained=contained, display=" gabapentin 300 "))
    assert [taken.text for taken in worded.medicines(GABAPENTIN)] == ["gabapentin 300"]


def test_a_medication_that_is_nowhere_is_known_by_the_words_beside_the_reference() -> None:
    asked = chart(pointing("Medication/nowhere", display="Neurontin 300"))
    (taken,) = asked.medicines(GABAPENTIN)
    assert (taken.keys, taken.text, asked.short_name(taken)) == ((GABAPENTIN,), "Neurontin 300", "Neurontin")


def test_an_ingredient_counts_like_the_code() -> None:
    mixed = medication("x", code={"text": "Mixture"}, ingredient=[{"itemCodeableConcept": {"text": "tea"}}])
    assert known(pointing("Medication/x"), mixed) == []
    mixed["ingredient"] += [{"itemCodeableConcept": coded(RXNORM, "25480")}, {"itemCodeableConcept": {"text": "milk"}}]
    assert known(pointing("Medication/x"), mixed) == [(GABAPENTIN,)]
    assert known(pointing("#x", contained=[mixed])) == [(GABAPENTIN,)]
    named = medication("x", ingredient=[{"itemReference": {"reference": "Medication/far", "display": "gabapentin"}}])
    assert known(pointing("Medication/x"), named) == [(GABAPENTIN,)]


def test_all_ingredients_are_known_and_named_once() -> None:
    parts = [
        {"itemCodeableConcept": {"text": name}} for name in ("pregabalin", "gabapentin", "pregabalin", "oxycodone")
    ]
    (taken,) = chart(pointing("Medication/x"), medication("x", ingredient=parts)).medicines(GABAPENTIN)
    assert set(taken.keys) == {GABAPENTIN, PREGABALIN, "medication.opioid"}
    assert taken.text == "pregabalin / gabapentin / oxycodone"


def test_four_ingredients_are_named_at_most() -> None:
    parts = [{"itemCodeableConcept": {"text": name}} for name in ("gabapentin", "b", "c", "d", "e")]
    (taken,) = chart(pointing("Medication/x"), medication("x", ingredient=parts)).medicines(GABAPENTIN)
    assert taken.text == "gabapentin / b / c / d"


def test_a_medicine_without_words_has_the_name_of_its_key() -> None:
    (taken,) = chart(prescription(coded(RXNORM, "25480"))).medicines(GABAPENTIN)
    assert taken.text == "Gabapentin"


@pytest.mark.parametrize(("depth", "is_known"), [(1, True), (2, True), (3, True), (4, False)])
@pytest.mark.parametrize("where", ["on record", "contained"])
def test_medications_inside_medications_are_followed_three_deep(depth: int, is_known: bool, where: str) -> None:
    """The drug is the code of the last of a chain of Medications."""
    mark = "#" if where == "contained" else "Medication/"
    chain = [
        medication(f"x{number}", ingredient=[{"itemReference": {"reference": f"{mark}x{number + 1}"}}])
        for number in range(1, depth)
    ]
    chain.append(medication(f"x{depth}", code=DRUG))
    records = [pointing("#x1", contained=chain)] if where == "contained" else [pointing("Medication/x1"), *chain]
    assert bool(known(*records)) is is_known


def test_a_medication_that_contains_its_ingredient_is_read() -> None:
    inside = medication("inside", code=DRUG)
    holds = medication("x", contained=[inside], ingredient=[{"itemReference": {"reference": "#inside"}}])
    assert known(pointing("Medication/x"), holds) == [(GABAPENTIN,)]
    # what the prescription contains is not what the Medication points at
    empty = medication("x", ingredient=[{"itemReference": {"reference": "#inside"}}])
    assert known(pointing("Medication/x", contained=[inside]), empty) == []


def test_a_medication_that_is_its_own_ingredient_ends() -> None:
    itself = medication("x", code=DRUG, ingredient=[{"itemReference": {"reference": "Medication/x"}}])
    assert known(pointing("Medication/x"), itself) == [(GABAPENTIN,)]


# ---- allergies ----


def allergic(*keys: str, **code: Any) -> set[str]:
    """Which of the medicines an allergy with this code is one to."""
    record = {"resourceType": "AllergyIntolerance", "id": "a1", "patient": SUBJECT, "code": code}
    return {key for key in keys if chart(record).allergies(f"medication.{key}")}


NSAIDS, OPIOIDS = {"ibuprofen", "naproxen", "other-nsaid"}, {"opioid", "tramadol"}
ALL = (*NSAIDS, *OPIOIDS, "aspirin", "gabapentin", "pregabalin")


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        (coded(SNOMED, "372665008"), NSAIDS),
        (coded(SNOMED, "404642006"), OPIOIDS),
        ({"text": "NSAIDs"}, NSAIDS),
        ({"text": "opiates"}, OPIOIDS),
        (coded(SNOMED, "293586001"), {"aspirin"}),
        (coded(SNOMED, "293613006"), {"other-nsaid"}),
        (coded(RXNORM, "25480"), {"gabapentin"}),
        ({"text": "Gabapentin and pregabalin"}, {"gabapentin", "pregabalin"}),
        ({"text": "tramadol"}, OPIOIDS),
        ({"coding": [{"code": "salicylates"}]}, {"aspirin"}),
        (coded(RXNORM, "25480") | {"text": "pregabalin"}, {"gabapentin"}),
        (coded(SNOMED, "293586001") | {"text": "NSAIDs"}, {"aspirin"}),
        ({"text": "dust"}, set()),
        ({}, set()),
    ],
)
def test_an_allergy_to_a_class_is_one_to_each_of_its_members(code: Json, meant: set[str]) -> None:
    assert allergic(*ALL, **code) == meant


@pytest.mark.parametrize(
    ("words", "is_one"),
    [
        ("gabapentin", True), ("No gabapentin allergy", False), ("no: gabapentin", False), ("NOT gabapentin", False),
        ("Nil; gabapentin", False), ("denies, gabapentin", False), ("There is no known allergy to gabapentin", False),
        ("Not. Gabapentin", False), ("Gabapentin, no rash", True), ("Noted: gabapentin", True),
        ("gabapentin (known)", True),
    ],
)  # fmt: skip
def test_words_that_deny_an_allergy_are_none(words: str, is_one: bool) -> None:
    assert bool(allergic("gabapentin", text=words)) is is_one


def test_an_allergy_is_named_as_recorded_or_by_its_key() -> None:
    def name(**code: Any) -> str:
        record = {"resourceType": "AllergyIntolerance", "id": "a1", "patient": SUBJECT, "code": code}
        (allergy,) = chart(record).allergies(GABAPENTIN)
        return allergy.text

    assert name(text="Neurontin: rash") == "Allergy: Neurontin: rash"
    assert name(**coded(RXNORM, "25480")) == "Allergy: Gabapentin"


@pytest.mark.parametrize(
    ("elements", "element"),
    [
        ({"medicationCodeableConcept": 5}, "medicationCodeableConcept"),
        ({"medicationCodeableConcept": DRUG, "dosageInstruction": "one"}, "dosageInstruction"),
        ({"medicationCodeableConcept": DRUG, "dosage": [5]}, "dosage"),
        ({"medicationReference": {"reference": "Medication/x", "display": "gabapentin"}}, "ingredient"),
    ],
)
def test_what_of_a_prescription_cannot_be_read_is_named_with_it(elements: Json, element: str) -> None:
    read = chart(prescription(**elements), medication("x", ingredient="milk"))
    read.medicines(GABAPENTIN)
    assert ("MedicationRequest/m1", element) in [(defect.where, defect.element) for defect in read.defects]
