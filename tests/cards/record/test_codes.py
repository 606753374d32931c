"""Codes as records really hold them, the codes that a site adds, and the sides that codes state."""

from __future__ import annotations

import pytest

from cards.record.codes import Codes, Meaning
from cards.record.elements import CodeableConcept, Coding
from cards.record.errors import OverlayError
from cards.record.side import Side
from cards.record.sites import site_side
from cards.value_sets.systems import EXAM, HCPCS, ICD10CM, LOINC, RXNORM, SNOMED

CODES = Codes()
CPT = "https://ehr.example/licensed-procedures"
SITE = "https://ehr.example/flowsheet"


def keys(system: str | None, code: str | None, codes: Codes = CODES) -> set[str]:
    return {meaning.key for meaning in codes.of(system, code)}


def concept(*codings: tuple[str | None, str | None]) -> CodeableConcept:
    return CodeableConcept(coding=[Coding(system, code) for system, code in codings])


@pytest.mark.parametrize(
    ("system", "code", "key"),
    [
        (SNOMED, "6077001", "condition.foot-drop"),
        (SNOMED, " 6077001", "condition.foot-drop"),
        (SNOMED, "6077001\t", "condition.foot-drop"),
        (f" {SNOMED} ", "6077001", "condition.foot-drop"),
        ("urn:oid:2.16.840.1.113883.6.96", "6077001", "condition.foot-drop"),
        (ICD10CM, "M21.371", "condition.foot-drop"),
        (ICD10CM, "M21371", "condition.foot-drop"),
        (ICD10CM, "m21.372", "condition.foot-drop"),
        (ICD10CM, " m21379 ", "condition.foot-drop"),
        ("urn:oid:2.16.840.1.113883.6.90", "m21371", "condition.foot-drop"),
        (ICD10CM, "s34.3xxa", "condition.cauda-equina-syndrome"),
        (ICD10CM, "S12.9XXA", "condition.spinal-trauma-suspected"),
        (LOINC, "30679-5", "order.mri-lumbar"),
        (LOINC, " 30679-5 ", "report.mri-lumbar"),
        ("urn:oid:2.16.840.1.113883.6.1", "72514-3", "observation.pain-nrs"),
        (RXNORM, "25480", "medication.gabapentin"),
        ("urn:oid:2.16.840.1.113883.6.88", "25480 ", "medication.gabapentin"),
        (HCPCS, "L1930", "order.afo"),
        ("urn:oid:2.16.840.1.113883.6.285", "L1930", "order.afo"),
        (EXAM, "mrc-ankle-dorsiflexion", "observation.mrc"),
        ("urn:oid:2.16.840.1.113883.3.26.1.1", "C106047", "device.mr-safety"),
    ],
)
def test_a_code_is_recognised_as_records_hold_it(system: str, code: str, key: str) -> None:
    assert key in keys(system, code)
    assert keys(system, code) == keys(system, code), "remembered as it was read"


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (None, "6077001"),
        ("", "6077001"),
        (SNOMED, None),
        (SNOMED, ""),
        (SNOMED, "   "),
        (LOINC, "6077001"),
        (ICD10CM, "6077001"),
        (SNOMED, "M21.371"),
        ("http://hl7.org/fhir/sid/icd-10", "M21.37"),
        ("http://hl7.org/fhir/sid/icd-10", "M21.3"),
        (SNOMED, "60770010"),
        (SNOMED, "607700"),
        (ICD10CM, "M21.37"),
        (ICD10CM, "M21.3711"),
        (EXAM, "MRC-ankle-dorsiflexion"),
        ("urn:oid:2.16.840.1.113883.6.12", "72148"),
    ],
)
def test_another_code_means_nothing(system: str | None, code: str | None) -> None:
    assert keys(system, code) == set()


@pytest.mark.parametrize(
    ("code", "injured"),
    [
        ("S14.109A", True),
        ("S14.111A", True),
        ("S14115a", True),
        ("s24.151A", True),
        ("S34.139A", True),
        ("S14.109D", False),
        ("S14.109S", False),
        ("S14.109", False),
        ("S14.2XXA", False),
        ("S44.109A", False),
        ("S14.1099A", False),
    ],
)
def test_every_cord_injury_of_an_initial_encounter_counts(code: str, injured: bool) -> None:
    assert ("condition.spinal-cord-injury" in keys(ICD10CM, code)) is injured


@pytest.mark.parametrize(
    ("code", "cancer"),
    [
        ("C00", True),
        ("C00.0", True),
        ("C34.90", True),
        ("c3490", True),
        ("C61", True),
        ("C79.51", True),
        ("C4A.9", True),
        ("C7B.00", True),
        ("C96.9", True),
        ("C97", False),
        ("C9", False),
        ("D00.0", False),
        ("D00", False),
        ("Z85.3", False),
        ("XC34.90", False),
    ],
)
def test_every_cancer_by_its_category_counts(code: str, cancer: bool) -> None:
    assert ("condition.cancer-active" in keys(ICD10CM, code)) is cancer


def test_a_listed_code_of_a_family_is_found_once() -> None:
    assert [meaning.key for meaning in CODES.of(ICD10CM, "C79.51")].count("condition.cancer-active") == 1


def test_a_code_may_mean_two_things() -> None:
    assert keys(ICD10CM, "M54.42") == {"condition.radicular-pain", "condition.back-pain"}


def test_any_coding_of_a_concept_counts_and_each_meaning_once() -> None:
    told = concept((SITE, "LOCAL-7"), (SNOMED, "6077001"), (ICD10CM, "M21.371"), (None, "x"))
    assert CODES.keys(told, "condition") == ("condition.foot-drop",)
    assert CODES.keys(told, "order") == ()
    assert CODES.keys(CodeableConcept(text="Foot drop"), "condition") == ()
    assert CODES.keys(None, "condition") == ()


def test_a_very_long_code_is_looked_up_like_any_other() -> None:
    assert keys(SNOMED, "6077001" + " " * 5_000) == {"condition.foot-drop"}
    assert keys(SNOMED, "6" * 5_000) == set()


# ---- what a site adds ----


def test_a_site_adds_codes_to_a_key() -> None:
    codes = Codes({"order.mri-lumbar": {CPT: ["A-148", "a-149"]}, "condition.foot-drop": {ICD10CM: ["r26.89"]}})
    assert keys(CPT, " A-148 ", codes) == {"order.mri-lumbar"}
    assert keys(CPT, "a-149", codes) == {"order.mri-lumbar"}
    assert keys(ICD10CM, "R2689", codes) == {"condition.foot-drop"}
    assert keys(SNOMED, "6077001", codes) == {"condition.foot-drop"}, "its own codes stay"
    assert keys(CPT, "A-148") == set(), "and other evaluations do not know them"


def test_a_site_may_write_the_oid_of_a_system() -> None:
    codes = Codes({"condition.foot-drop": {"urn:oid:2.16.840.1.113883.6.96": ["27253007"]}})
    assert keys(SNOMED, "27253007", codes) == {"condition.foot-drop"}
    assert keys("urn:oid:2.16.840.1.113883.6.96", "27253007", codes) == {"condition.foot-drop"}


@pytest.mark.parametrize(
    ("key", "owner"),
    [
        ("observation.mrc-ankle-dorsiflexion", "observation.mrc"),
        ("observation.saddle-sensation", "observation.signs"),
        ("observation.spine-stability", "observation.spine-stability"),
        ("observation.post-void-residual", "observation.pvr-ml"),
    ],
)
def test_a_site_maps_its_flowsheet_to_an_exam_finding(key: str, owner: str) -> None:
    codes = Codes({key: {SITE: ["FLO-1"]}})
    exam = key.removeprefix("observation.")
    meanings = codes.of(SITE, "FLO-1")
    assert {meaning.key for meaning in meanings} == {owner}
    assert codes.of(EXAM, exam) == (Meaning(owner, exam),)


@pytest.mark.parametrize("exam", ["mrc-ankle-dorsiflexion", "saddle-sensation", "post-void-residual"])
def test_a_flowsheet_code_means_the_finding_itself(exam: str) -> None:
    codes = Codes({f"observation.{exam}": {SITE: ["FLO-1"]}})
    assert codes.of(SITE, "FLO-1") == CODES.of(EXAM, exam)


@pytest.mark.parametrize(
    "key",
    ["condition.footdrop", "order.mri", "observation.mrc-ankle", "condition.mrc-inversion", "observation.present", ""],
)
def test_an_unknown_key_is_refused_by_name(key: str) -> None:
    with pytest.raises(OverlayError) as refused:
        Codes({"order.mri-lumbar": {CPT: ["A-148"]}, key: {SITE: ["1"]}})
    assert f'"{key}"' in str(refused.value)


# ---- sides ----


@pytest.mark.parametrize(
    ("codings", "sides"),
    [
        ([(ICD10CM, "M21.371")], [Side.RIGHT]),
        ([(ICD10CM, "m21372")], [Side.LEFT]),
        ([("urn:oid:2.16.840.1.113883.6.90", " M21.372 ")], [Side.LEFT]),
        ([(ICD10CM, "M21.379")], []),
        ([(ICD10CM, "G57.33")], [Side.BOTH]),
        ([(ICD10CM, "I69.343"), (SNOMED, "6077001")], [Side.RIGHT]),
        ([(ICD10CM, "M21.371"), (ICD10CM, "M21.372")], [Side.RIGHT, Side.LEFT]),
        ([(SNOMED, "M21.371"), (None, "M21.371"), (ICD10CM, None)], []),
    ],
)
def test_an_icd_code_states_its_side(codings: list[tuple[str | None, str | None]], sides: list[Side]) -> None:
    assert list(CODES.side_of([Coding(system, code) for system, code in codings])) == sides


@pytest.mark.parametrize(
    ("site", "side"),
    [
        (None, Side.UNKNOWN),
        (concept((SNOMED, "7771000")), Side.LEFT),
        (concept((SNOMED, "419161000")), Side.LEFT),
        (concept((SNOMED, "24028007")), Side.RIGHT),
        (concept((SNOMED, "419465000 ")), Side.RIGHT),
        (concept((SNOMED, "51440002")), Side.BOTH),
        (concept((SNOMED, "7771000"), (SNOMED, "24028007")), Side.BOTH),
        ([concept((SNOMED, "7771000")), concept((SNOMED, "419465000"))], Side.BOTH),
        ([concept((SNOMED, "7771000")), concept((SNOMED, "419161000"))], Side.LEFT),
        ([concept((SNOMED, "7771000")), concept((SNOMED, "51440002"))], Side.BOTH),
        ([concept((SNOMED, "56459004")), concept((SNOMED, "7771000"))], Side.LEFT),
        (concept((SNOMED, "56459004")), Side.UNKNOWN),
        (CodeableConcept(text="left leg"), Side.UNKNOWN),
        ([], Side.UNKNOWN),
    ],
)
def test_a_body_site_states_a_side_by_code_alone(site: CodeableConcept | None, side: Side) -> None:
    assert site_side(site, CODES) is side


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("Gabapentin 300 MG Oral Capsule", {"medication.gabapentin"}),
        ("take PARACETAMOL, as agreed", {"medication.acetaminophen"}),
        ("oxycodone/paracetamol", {"medication.opioid", "medication.acetaminophen"}),
        ("gabapentinoid leaflet", set()),
        ("progabapentin", set()),
        ("", set()),
    ],
)
def test_a_medicine_is_found_by_its_name_as_a_whole_word(text: str, keys: set[str]) -> None:
    assert set(CODES.named([text], "medication")) == keys
