"""What was not understood is said: unknown codes (O16), values that cannot be read, and codes of expansions (O18)."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cards.value_sets.systems import EXAM, ICD10CM, LOINC, SNOMED
from service.app import create_app, evaluator
from service.explain import as_json, unknown_sentences
from service.settings import RefusedSettingsError, Settings, load
from service.wire.request import read
from tests.service.odd.asking import (
    DROP,
    PAIN,
    Json,
    ago,
    body,
    cards,
    concept,
    draft,
    finding,
    laboratory,
    record,
    said,
)
from tests.support.patients import NOW

LOCAL = "https://hospital.example/problems"


def explained(*records: Json, **more: Any) -> Json:
    request = read(json.dumps(body(*records, **more)).encode())
    return as_json(request.hook, evaluator(Settings(dev=True), NOW).evaluate(request))


def problem(code: str, display: str, id: str = "x", system: str = LOCAL) -> Json:
    return record("Condition", id, code=concept(system, code, display=display), onsetDateTime=ago(days=5))


def test_a_code_that_looks_like_ours_comes_with_the_line_that_maps_it() -> None:
    unknown = explained(problem("FLO-4711", "Foot drop L"), DROP)["notUnderstood"]
    (code,) = unknown["conditions"]["codes"]
    assert (code["code"], code["display"], code["times"]) == ("FLO-4711", "Foot drop L", 1)
    assert code["looksLike"] == "condition.foot-drop"
    assert code["setting"] == f'codes."condition.foot-drop"."{LOCAL}" = ["FLO-4711"]'
    assert "looks like condition.foot-drop" in unknown_sentences(unknown["conditions"])[0]


def test_the_line_works_as_it_is_printed(tmp_path: Path) -> None:
    (code,) = explained(problem("FLO-4711", "Foot drop L"))["notUnderstood"]["conditions"]["codes"]
    file = tmp_path / "foot-drop-cds.toml"
    file.write_text(code["setting"])
    client = create_app(load(file, {}, dev=True), now=NOW, dev=True).test_client()
    assert "lumbar-mri" in said(client, problem("FLO-4711", "Foot drop L"), PAIN)


@pytest.mark.parametrize(
    ("display", "key"),
    [
        ("Footdrop", "condition.foot-drop"),
        ("Lesion of common peroneal nerve", "condition.peroneal-neuropathy"),
        ("Hypertension", None),
        ("Pain in left foot", None),
        ("", None),
    ],
)
def test_what_looks_like_ours_is_marked(display: str, key: str | None) -> None:
    (code,) = explained(problem("1", display))["notUnderstood"]["conditions"]["codes"]
    assert code["looksLike"] == key


def test_the_most_frequent_come_first_and_few_are_listed() -> None:
    many = [problem(f"c{number}", f"Word {number}", f"x{number}") for number in range(50)]
    many += [problem("often", "Hypertension", f"y{number}") for number in range(3)]
    many += [problem("FLO", "Foot drop, left", "z")]
    unknown = explained(*many)["notUnderstood"]["conditions"]
    assert (unknown["codes"][0]["code"], unknown["codes"][0]["times"]) == ("often", 3)
    assert len(unknown["codes"]) == 20
    assert unknown["more"] == 32
    assert "FLO" in {code["code"] for code in unknown["codes"]}, "what looks like ours is never among the rest"
    assert unknown_sentences(unknown)[-1] == "and 32 more"


def test_what_is_known_by_code_or_name_is_not_listed() -> None:
    named = record(
        "MedicationRequest", "m", status="active", medicationCodeableConcept=concept(LOCAL, "1", display="Lyrica")
    )
    assert explained(DROP, PAIN, named, laboratory("2160-0", value=1, code="mg/dL"))["notUnderstood"] == {}
    other = record(
        "MedicationRequest", "m", status="active", medicationCodeableConcept=concept(LOCAL, "1", display="Water")
    )
    assert [code["display"] for code in explained(other)["notUnderstood"]["medications"]["codes"]] == ["Water"]


def test_words_of_a_record_do_nothing_but_show_themselves() -> None:
    (code,) = explained(problem("\u001b[31m", "\u202eFoot drop\n" + "x" * 500))["notUnderstood"]["conditions"]["codes"]
    assert code["code"].isprintable()
    assert code["display"].isprintable()
    assert len(code["display"]) <= 80


def test_the_simulator_says_it_in_the_same_words(client: FlaskClient) -> None:
    request = body(problem("FLO-4711", "Foot drop L"))
    page = client.post("/simulator/verdicts", json=request)
    (sentence,) = unknown_sentences(explained(problem("FLO-4711", "Foot drop L"))["notUnderstood"]["conditions"])
    assert page.status_code == 200
    assert sentence.replace('"', "&#34;") in page.text


# ---- values that cannot be read ----


def test_a_creatinine_that_cannot_be_read_is_not_said_to_be_missing(client: FlaskClient) -> None:
    odd = laboratory("2160-0", value=354, unit="umol/l", code="mg/dL")
    detail = cards(client, body(DROP, PAIN, odd, drafts=[draft()]))["gabapentinoid-safety"]["detail"].replace("\\", "")
    assert "recorded, but unreadable: 354 in umol/l?" in detail
    assert "Renal function is not recorded" not in detail


def test_a_grade_that_cannot_be_read_leaves_the_question_open() -> None:
    code = concept(EXAM, "mrc-ankle-dorsiflexion")
    odd = record("Observation", "g", status="final", code=code, effectiveDateTime=ago(days=2), valueString="2,5")
    verdicts = {verdict["rule"]: verdict for verdict in explained(odd, PAIN)["verdicts"]}
    assert verdicts["lumbar-mri"]["outcome"] == "could-not-evaluate"
    assert "2,5" in verdicts["lumbar-mri"]["why"]


@pytest.mark.parametrize(
    "answer",
    [
        {"valueString": "yes"},
        {"valueBoolean": "ja"},
        {"valueCodeableConcept": {"text": "*since* Tuesday"}},
        {"valueQuantity": {"value": 1}},
        {"valueBoolean": True, "effectiveDateTime": "last week"},
    ],
)
def test_an_answer_that_cannot_be_read_answers_nothing(client: FlaskClient, answer: Json) -> None:
    """Neither yes nor no, it changes nothing: the item is still to be asked."""
    bladder = finding("bladder-dysfunction") | answer
    saddle = finding("saddle-sensation", valueCodeableConcept=concept(EXAM, "reduced"))
    detail = cards(client, body(DROP, bladder, saddle))["cauda-equina-emergency"]["detail"]
    assert detail == cards(client, body(DROP, saddle))["cauda-equina-emergency"]["detail"]
    assert "Not asked: bladder and bowel." in detail


def test_a_pressure_that_cannot_be_read_is_not_said_to_be_missing(client: FlaskClient) -> None:
    injury = record("Condition", "cord", code=concept(SNOMED, "90584004"), onsetDateTime=ago(hours=5))
    pressure = laboratory("8478-0", value=8, unit="kPa") | {"effectiveDateTime": ago(minutes=20)}
    summary = cards(client, body(injury, pressure))["map-target"]["summary"]
    assert "an unreadable pressure (8 in kPa?) in the last hour: measure it now" in summary
    assert "with no MAP" in cards(client, body(injury))["map-target"]["summary"]


# ---- expansions ----


def expansion(*concepts: Json, **more: Any) -> Json:
    return {"resourceType": "ValueSet", "expansion": {"contains": list(concepts)} | more}


LYMPHOMA = {"system": f"{SNOMED}/", "code": "118601006"}


def settings(tmp_path: Path, value_set: Any, key: str = "condition.cancer-active") -> Settings:
    file = tmp_path / "cancer.json"
    file.write_text(value_set if isinstance(value_set, str) else json.dumps(value_set))
    (tmp_path / "settings.toml").write_text(f"[codes_from]\n{json.dumps(key)} = {json.dumps(str(file))}\n")
    return load(tmp_path / "settings.toml", {}, dev=True)


def test_codes_of_an_expansion_join_the_set(tmp_path: Path) -> None:
    nested = {"code": "1", "abstract": True, "contains": [LYMPHOMA]}
    client = create_app(settings(tmp_path, expansion(nested)), now=NOW, dev=True).test_client()
    back = record("Condition", "back", code=concept(ICD10CM, "M54.50"), onsetDateTime=ago(days=4))
    cancer = record("Condition", "cancer", code=concept(SNOMED, "118601006"), onsetDateTime=ago(days=400))
    assert "neuraxis-mri" in said(client, DROP, back, cancer)
    assert "neuraxis-mri" not in said(create_app(Settings(), now=NOW, dev=True).test_client(), DROP, back, cancer)


@pytest.mark.parametrize(
    ("value_set", "complaint"),
    [
        ("{", "not a FHIR ValueSet"),
        ("[]", "not a FHIR ValueSet"),
        ({"resourceType": "Patient"}, "not a FHIR ValueSet"),
        ({"resourceType": "ValueSet", "compose": {}}, "has no expansion"),
        (expansion(), "holds no code"),
        (expansion({"system": LOINC, "code": "2160-0"}), "a code of http://loinc.org"),
        (expansion({"code": "1"}), "a code of no system"),
        (expansion(LYMPHOMA, total=4000), "1 of 4000 codes"),
        (expansion({"system": SNOMED, "code": 5}), "not a FHIR ValueSet"),
    ],
)
def test_a_mistake_in_an_expansion_is_refused_by_file_and_key(tmp_path: Path, value_set: Any, complaint: str) -> None:
    with pytest.raises(RefusedSettingsError) as refused:
        settings(tmp_path, value_set)
    assert complaint in str(refused.value)
    assert "cancer.json" in str(refused.value)
    assert "condition.cancer-active" in str(refused.value)


def test_a_file_that_is_missing_too_large_or_for_no_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedSettingsError, match=r"condition\.cancers: there is no such key"):
        settings(tmp_path, expansion(LYMPHOMA), "condition.cancers")
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(200 * 1024 * 1024)
    for name, complaint in ((large, "larger than 32 MiB"), (tmp_path / "none.json", "cannot be read")):
        (tmp_path / "s.toml").write_text(f'[codes_from]\n"condition.cancer-active" = {json.dumps(str(name))}\n')
        with pytest.raises(RefusedSettingsError, match=complaint):
            load(tmp_path / "s.toml", {}, dev=True)


def test_a_class_of_medicines_that_has_no_others_is_refused() -> None:
    with pytest.raises(ValueError, match=r"medication\.gabapentin has no other names"):
        Settings(medicine_classes=("gabapentin",))
    assert Settings(medicine_classes=("opioid",)).medicine_classes == ("medication.opioid",)
