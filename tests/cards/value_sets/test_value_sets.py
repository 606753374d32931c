"""Every code is written rightly, named officially, and kept as the bindings have it."""

import csv
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cards.value_sets import make
from cards.value_sets.systems import (
    ATC,
    EXAM,
    HCPCS,
    ICD10,
    ICD10CM,
    ICD10GM,
    LOINC,
    MEDRT,
    NCIT,
    RXNORM,
    SNOMED,
    SYSTEMS,
    V2_0532,
)
from cards.value_sets.value_set import VALUE_SETS, ValueSet, read
from tests.support.notation import NOTATION, is_loinc, is_snomed
from tests.support.places import DOCS

FOLDER = Path(make.__file__).parent
KEYS = sorted(VALUE_SETS)


def rows(file: str) -> list[dict[str, str]]:
    """The rows of a table of docs/ whose system writes its codes in a way that can be checked.

    Holes, addresses of systems and families of codes (`I60*`) are left out.
    """
    with (DOCS / file).open(encoding="utf-8", newline="") as lines:
        listed = [row for row in csv.DictReader(lines) if row.get("concept_group") != "system address"]
    return [row for row in listed if row["system_uri"] in NOTATION and row["code"][0] != "(" and "*" not in row["code"]]


OFFICIAL = {(row["system_uri"], row["code"]): row["official_display"] for row in rows("codes.csv")}
DENIED = rows("codes_deny.csv")


def displays(value_set: ValueSet) -> Iterator[tuple[str, str, str]]:
    for system, codes in value_set.listed.items():
        yield from ((system, code, display) for code, display in codes.items())


def misnamed(system: str, code: str, display: str) -> str:
    """What is wrong with the name of a code; empty when nothing is."""
    for row in DENIED:
        if (row["system_uri"], row["code"]) == (system, code):
            if row["official_display"] == "(not a valid code)":
                return f"{code} does not exist"
            if display.casefold() == row["wrong_name"].casefold():
                return f"{code} is {row['official_display']}, not {display}"
    official = OFFICIAL.get((system, code), display)
    return "" if display == official else f"{code} is {official}, not {display}"


@pytest.mark.parametrize("key", KEYS)
def test_every_code_is_written_as_its_system_writes_codes_and_named_officially(key: str) -> None:
    rows = list(displays(VALUE_SETS[key]))
    assert [(system, code) for system, code, _ in rows if not NOTATION[system](code)] == []
    assert [fault for row in rows if (fault := misnamed(*row))] == []
    assert [code for _, code, display in rows if not display] == []
    checked = {SNOMED, LOINC, ICD10CM, ICD10, ICD10GM, ATC, MEDRT, RXNORM, HCPCS}
    assert [code for system, code, _ in rows if system in checked and (system, code) not in OFFICIAL] == []


@pytest.mark.parametrize("key", KEYS)
def test_every_value_set_says_what_it_is_and_gives_sides_and_meanings_to_its_own_codes(key: str) -> None:
    value_set = VALUE_SETS[key]
    assert value_set.key == key
    assert re.fullmatch(r"[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*", key)
    assert value_set.title
    assert value_set.includes
    assert value_set.source
    assert value_set.listed or value_set.names or value_set.conditions
    own = {code for _, code, _ in displays(value_set)}
    assert value_set.sides.keys() | value_set.meanings.keys() <= own
    assert set(value_set.sides.values()) <= {"left", "right", "bilateral"}


def test_every_file_is_loaded_under_its_name() -> None:
    assert {path.name.removesuffix(".toml") for path in FOLDER.glob("*.toml")} == {*VALUE_SETS, "systems"}
    assert NOTATION.keys() == SYSTEMS


def test_the_first_code_is_the_one_that_is_sent() -> None:
    assert next(iter(VALUE_SETS["order.mri-lumbar"].codes[LOINC])) == "30679-5"
    assert next(iter(VALUE_SETS["order.afo"].codes[HCPCS])) == "L1930"


def test_a_medicine_is_known_by_its_own_name_unless_others_are_listed() -> None:
    text = '[medication.made-up-drug]\nRX = []\n[medication.other]\nRX = []\nnames = ["one", "two"]\n'
    own, others = (read(name, file) for name, file in make.value_sets(text, {}).items())
    assert own.names == ("made up drug",)
    assert others.names == ("one", "two")
    assert {"gabapentin", "gabapentina", "Neurontin"} <= set(VALUE_SETS["medication.gabapentin"].names)


def test_mr_safety_has_its_three_meanings() -> None:
    mr_safety = VALUE_SETS["device.mr-safety"]
    assert mr_safety.meanings == {"C106046": "conditional", "C106045": "safe", "C106047": "unsafe"}
    assert mr_safety.codes[NCIT].keys() == mr_safety.meanings.keys()


@pytest.mark.parametrize(
    ("key", "matching", "other"),
    [
        (
            "condition.spinal-cord-injury",
            ["S14.109A", "S24.152A", "S34.101A", "S34.139A"],
            ["S14.109D", "S14.2XXA", "S44.109A", "S34.109", "S34.3XXA"],
        ),
        (
            "condition.cancer-active",
            ["C00.0", "C43.9", "C34.90", "C4A.9", "C7B.00", "C80.1", "C90.00", "C96.9", "C61"],
            ["C97", "C44.91", "D00.0", "Z85.3", "C3", "C34.", "XC34.90", "C34.90 "],
        ),
    ],
)
def test_a_family_of_codes_is_matched_whole(key: str, matching: list[str], other: list[str]) -> None:
    patterns = VALUE_SETS[key].patterns[ICD10CM]
    assert all(pattern.startswith("^") and pattern.endswith("$") for pattern in patterns)
    matched = {code for code in [*matching, *other] if any(re.search(pattern, code) for pattern in patterns)}
    assert matched == set(matching)


# ---- the checks themselves ----


def test_check_digits_are_checked() -> None:
    assert is_loinc("24968-0")
    assert not is_loinc("24968-2")
    assert not is_loinc("38222-1")
    assert is_snomed("6077001")
    assert is_snomed("394451000119106")
    assert not is_snomed("28306000")
    assert not is_snomed("30367100")
    assert not is_snomed("6077010")


@pytest.mark.parametrize("table", ["codes.csv", "codes_deny.csv"])
def test_the_tables_pass_the_same_checks(table: str) -> None:
    real = [row for row in rows(table) if row["official_display"] != "(not a valid code)"]
    assert [row["code"] for row in real if not NOTATION[row["system_uri"]](row["code"])] == []


@pytest.mark.parametrize(
    ("system", "code"),
    [(ICD10CM, "M21371"), (ICD10CM, "m21.371"), (HCPCS, "01930"), (RXNORM, "025480"), (EXAM, "Saddle")],
)
def test_a_code_written_wrongly_is_seen(system: str, code: str) -> None:
    assert not NOTATION[system](code)


def test_a_wrong_name_is_seen_and_a_denied_code_may_keep_its_own() -> None:
    assert misnamed(RXNORM, "1114195", "Apixaban 2.5 MG Oral Tablet")
    assert not misnamed(RXNORM, "1114195", OFFICIAL[RXNORM, "1114195"])
    assert misnamed(SNOMED, "271594007", "Saddle anesthesia")
    assert misnamed(LOINC, "24968-2", "MR Lumbar spine")
    assert misnamed(SNOMED, "6077001", "Foot drop")


# ---- reading ----

WHOLE = 'title = "T"\nincludes = "I"\nsource = "S"\n'


def test_what_a_file_does_not_say_is_empty() -> None:
    value_set = read("order.x.toml", WHOLE)
    assert (value_set.key, value_set.excludes, value_set.names) == ("order.x", "", ())
    assert not value_set.codes
    assert not value_set.sides


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (WHOLE + 'exclude = "E"', "order.x.toml: unknown member 'exclude'"),
        (WHOLE + '["http://snomed.info/scf"]', "order.x.toml: unknown member 'http://snomed.info/scf'"),
        (WHOLE.replace('"S"', '""'), "order.x.toml: 'source' is missing"),
        ('title = "T"\nsource = "S"', "order.x.toml: 'includes' is missing"),
    ],
)
def test_a_member_that_is_unknown_or_missing_is_named(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        read("order.x.toml", text)


# ---- making ----


def test_every_value_set_of_the_bindings_is_as_they_make_it() -> None:
    bindings = (DOCS / "bindings.toml").read_text(encoding="utf-8")
    made = make.value_sets(bindings, make.official_names(DOCS / "codes.csv"))
    assert made
    assert {name: (FOLDER / name).read_text(encoding="utf-8") for name in made} == made


def test_the_answers_of_the_bindings_stand_in_the_sets_that_are_written_by_hand() -> None:
    listed = tomllib.loads((DOCS / "bindings.toml").read_text(encoding="utf-8"))["answer"]
    # Present and yes, absent and no would mean opposite things to two sites for a sensation, normal for walking.
    kinds = {
        "yes": ("present", "walks"),
        "present": ("present", "walks"),
        "no": ("absent", "does-not-walk"),
        "absent": ("absent", "does-not-walk"),
        "normal": ("absent", "normal"),
    }
    systems = make.SYSTEM_OF | {"V2_0532": V2_0532}
    for meaning, codes in listed.items():
        for name, values in VALUE_SETS.items():
            for system, listed_codes in codes.items():
                held = {code for code in listed_codes if code in values.codes.get(systems[system], {})}
                if name.startswith("answer."):
                    assert held == (set(listed_codes) if name.removeprefix("answer.") in kinds[meaning] else set()), (
                        name
                    )


BINDINGS = """
[conventions]
order = "prose"
[order.bp-monitoring]   # of a made-up kind (D1)
SCT = ["6077001", "135840009"]
[medication.made-up-drug]
RX = []
[medication.other]
RX = ["161"]
names = ["one", "two"]
[device.mr-safety]
SYSTEM = "urn:oid:2.16.840.1.113883.3.26.1.1"
conditional = ["C106046"]
safe = ["C106045"]
unsafe = ["C1"]
[condition.foot-drop]
SCT = ["123037004"]
ICD = ["M21.371"]   # the right one
side_from_code = {"M21.371" = "right"}
[observation.mrc]
EXAM = ["mrc-toe-extension", "slr", "sensory-level"]
"""
CODES = """system_uri,code,official_display,evidence
http://snomed.info/sct,6077001,Foot-drop (finding),HL7/UTG input/x.json; other
http://snomed.info/sct,135840009,"Blood ""pressure"" monitoring",hl7-be/referral x
http://hl7.org/fhir/sid/icd-10-cm,M21.371,"Foot drop, right foot",unheard of
"""


@pytest.fixture
def written(tmp_path: Path) -> tuple[list[str], Path]:
    """The arguments for the made-up bindings, and the folder that they are written into."""
    (tmp_path / "bindings").write_text(BINDINGS)
    (tmp_path / "codes").write_text(CODES)
    folder = tmp_path / "sets"
    folder.mkdir()
    arguments = [str(tmp_path / "bindings"), str(tmp_path / "codes"), "--into", str(folder)]
    assert make.main(arguments) == 0
    return arguments, folder


def test_what_was_made_is_read_back(written: tuple[list[str], Path]) -> None:
    sets = {path.name: read(path.name, path.read_text()) for path in written[1].iterdir()}
    assert len(sets) == 6
    order = sets["order.bp-monitoring.toml"]
    assert order.title == "Order: BP monitoring"
    assert order.includes.endswith("; of a made-up kind.")
    assert order.source.endswith("SNOMED CT: SNOMED CT Global Patient Set 2020-09, HL7 Belgium referral guide 2026.")
    assert list(order.codes[SNOMED].items())[1] == ("135840009", 'Blood "pressure" monitoring')
    foot_drop = sets["condition.foot-drop.toml"]
    assert foot_drop.codes[SNOMED] == {"123037004": ""}
    assert foot_drop.sides == {"M21.371": "right"}
    assert "M21.33-" in foot_drop.excludes
    assert sets["medication.made-up-drug.toml"].names == ("made up drug",)
    assert sets["medication.other.toml"].names == ("one", "two")
    assert sets["device.mr-safety.toml"].meanings["C1"] == "unsafe"
    grades = ["MRC grade, toe extension", "Straight leg raise", "Sensory level"]
    assert list(sets["observation.mrc.toml"].codes[EXAM].values()) == grades


def test_making_twice_makes_the_same(written: tuple[list[str], Path], capsys: pytest.CaptureFixture[str]) -> None:
    arguments, folder = written
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert make.main([*arguments, "--check"]) == 0
    assert make.main(arguments) == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert "6 value sets" in capsys.readouterr().out


def test_check_names_what_differs_and_writes_nothing(
    written: tuple[list[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, folder = written
    (folder / "order.bp-monitoring.toml").write_text("changed")
    (folder / "medication.other.toml").unlink()
    (folder / "order.gone.toml").write_text("stale")
    (folder / "side.left.toml").write_text("by hand")
    capsys.readouterr()
    assert make.main([*arguments, "--check"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "medication.other.toml: not written yet",
        "order.bp-monitoring.toml: differs",
        "order.gone.toml: no longer in the bindings",
        "6 value sets",
    ]
    assert (folder / "order.bp-monitoring.toml").read_text() == "changed"
