"""What is wrong with an export is counted, and costs nothing else."""

from __future__ import annotations

import gzip
import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from tests.support.exports import BORN, FOOT_DROP, P1, backtest, rows, summary, visit, write

VISIT = visit(1, "2025-03-11T10:00:00Z")
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}
GOOD = [BORN, VISIT, FOOT_DROP]


def lines(*written: str) -> str:
    return "".join(f"{line}\n" for line in written)


def counted(folder: Path) -> dict[str, int]:
    """Everything that was counted; the good patient was judged."""
    done = backtest(folder, folder / "export")
    assert done.returncode == 0, done.stderr
    said = summary(folder / "out")
    assert said["patients"] >= 1
    assert any(row["outcome"] == "card" for row in rows(folder / "out")), "the good patient"
    for number in (*said["lines"].values(), *said["counts"].values()):
        assert f"{number:,}" in done.stdout
    return {**said["lines"], **said["counts"]}


@pytest.mark.parametrize(
    ("bad", "fate"),
    [
        ("{no json", "lines that are not JSON"),
        ("[1, 2]", "lines that are not a resource"),
        ('{"id": "x"}', "lines that are not a resource"),
        ('{"resourceType": "Wonder", "id": "x"}', "resources of an unknown type"),
        ('{"resourceType": "Claim", "id": "x"}', "resources of a type that no rule reads"),
        ('{"resourceType": "Condition", "id": "x"}', "resources that name no patient"),
        (
            '{"resourceType": "Observation", "subject": {"reference": "Patient/p1"}, "code": {"text": "x"}}',
            "observations that the prefetch queries do not ask for",
        ),
    ],
)
def test_a_line_that_cannot_be_used_is_counted(tmp_path: Path, bad: str, fate: str) -> None:
    export = write(tmp_path / "export", GOOD)
    (export / "more.ndjson").write_text(lines(bad, json.dumps(visit(2, "2025-03-12T10:00:00Z"))))
    counts = counted(tmp_path)
    assert counts[fate] == 1
    assert counts["kept"] == 4


def test_what_is_odd_about_a_patient_is_counted(tmp_path: Path) -> None:
    early = FOOT_DROP | {"id": "early", "recordedDate": "1950-01-01"}
    local = FOOT_DROP | {"id": "local", "recordedDate": "2025-03-10T10:00:00"}
    broken = FOOT_DROP | {"id": "broken", "recordedDate": "2025-02-31"}
    unborn = visit(7, "1950-01-01T10:00:00Z")
    no_start = visit(8, "") | {"period": {}}
    write(tmp_path / "export", [*GOOD, early, local, broken, unborn, no_start])
    newer = FOOT_DROP | {"meta": {"lastUpdated": "2025-06-01T00:00:00Z"}}
    (tmp_path / "export" / "again.ndjson").write_text(lines(json.dumps(VISIT), json.dumps(newer)))
    counts = counted(tmp_path)
    assert counts["records that are in the export twice"] == 1
    assert counts["records with the same id that differ (the newest counts)"] == 1
    assert counts["records dated before the patient's birth"] == 1
    assert counts["moments before the patient's birth, left out"] == 1
    assert counts["encounters without period.start"] == 1
    assert counts["dates without a zone, read in the time zone of the settings"] == 1
    assert counts["dates that cannot be read"] == 1


def test_the_same_is_counted_of_a_chart_without_a_trigger(tmp_path: Path) -> None:
    other = {"reference": "Patient/p2"}
    plain = FOOT_DROP | {"id": "plain", "subject": other, "code": {"text": "cough"}, "recordedDate": "1950-01-01"}
    person = BORN | {"id": "p2"}
    alone = plain | {"id": "alone", "subject": {"reference": "Patient/p3"}}
    write(tmp_path / "export", [*GOOD, person, plain, plain, plain | {"recordedDate": "1951-01-01"}, alone])
    counts = counted(tmp_path)
    assert counts["records with the same id that differ (the newest counts)"] == 2
    assert counts["records dated before the patient's birth"] == 3
    assert counts["patients without a Patient resource and without an encounter, who are not judged"] == 1


def test_a_patient_may_be_split_over_files(tmp_path: Path) -> None:
    export = write(tmp_path / "export", [BORN, VISIT])
    (export / "other").mkdir()
    write(export / "other", [FOOT_DROP])
    assert counted(tmp_path)["kept"] == 3


def test_a_patient_without_a_patient_resource_is_judged_and_counted(tmp_path: Path) -> None:
    write(tmp_path / "export", [VISIT, FOOT_DROP])
    assert counted(tmp_path)["patients without a Patient resource"] == 1


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_an_export_that_is_cut_off_is_counted(tmp_path: Path, ending: str) -> None:
    export = write(tmp_path / "export", GOOD)
    whole = lines(*(json.dumps(visit(number, "2025-03-12T10:00:00Z")) for number in range(20, 200))).encode()
    packed = PACKED[ending](whole)
    (export / f"more.ndjson{ending}").write_bytes(packed[: len(packed) * 2 // 3])
    counts = counted(tmp_path)
    assert 1 <= counts["lines that are cut off at the end of a file"] <= 2
    assert 3 <= counts["kept"] < 180
    assert "cut off" in "".join(summary(tmp_path / "out")["notes"])


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_packed_files_are_read_through_all_their_members(tmp_path: Path, ending: str) -> None:
    export = write(tmp_path / "export", GOOD)
    pack = PACKED[ending]
    pages = [pack(lines(json.dumps(visit(number, "2025-03-12T10:00:00Z"))).encode()) for number in (2, 3)]
    (export / f"more.ndjson{ending}").write_bytes(b"".join(pages))
    assert counted(tmp_path)["kept"] == 5


def test_a_manifest_names_the_files_and_how_many_lines_there_are(tmp_path: Path) -> None:
    export = write(tmp_path / "export", GOOD)
    output = [
        {"type": kind, "url": f"https://ehr.example/bulk/{kind}.ndjson", "count": 2}
        for kind in ("Patient", "Encounter", "Condition")
    ]
    (export / "manifest.json").write_text(json.dumps({"output": output, "deleted": [{"type": "Bundle", "url": "d"}]}))
    done = backtest(tmp_path, export / "manifest.json")
    assert done.returncode == 0
    assert "the manifest says that there are 6 lines, and the files hold 3" in done.stdout
    assert "1 files of deletions, which are not applied" in done.stdout


def test_a_type_that_the_export_lacks_counts_as_not_seen(tmp_path: Path) -> None:
    write(tmp_path / "export", GOOD)
    done = backtest(tmp_path, tmp_path / "export")
    assert "Not seen, since the export holds none: AllergyIntolerance, Device" in done.stdout
    assert "Observation" in summary(tmp_path / "out")["absent"]


def test_more_records_than_max_records_are_counted(tmp_path: Path) -> None:
    write(tmp_path / "export", [*GOOD, *(FOOT_DROP | {"id": f"c{number}"} for number in range(20))])
    (tmp_path / "foot-drop-cds.toml").write_text("max_records = 10\n")
    assert counted(tmp_path)["patients with more than max_records (their newest records count)"] == 1


@pytest.mark.parametrize(
    ("export", "words"),
    [
        ("nowhere", "holds no files of an export"),
        ("s3://bucket/x", "cannot be read here"),
        ("gone.json", "holds no file"),
    ],
)
def test_an_export_that_is_not_there_is_refused(tmp_path: Path, export: str, words: str) -> None:
    done = backtest(tmp_path, export)
    assert done.returncode == 1
    assert words in done.stderr


def test_what_is_written_is_for_its_owner_alone_and_nothing_is_overwritten(tmp_path: Path) -> None:
    write(tmp_path / "export", GOOD)
    assert backtest(tmp_path, tmp_path / "export").returncode == 0
    out = tmp_path / "out"
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in out.iterdir()} == {0o600}
    assert {file.name.partition("-")[0] for file in out.iterdir()} == {
        *("verdicts", "cards", "moments"),
        *("codes.json", "run.json", "summary.json"),
    }
    before = os.listdir(out)
    again = backtest(tmp_path, tmp_path / "export")
    assert again.returncode == 1
    assert "is not empty" in again.stderr
    assert os.listdir(out) == before
    assert backtest(tmp_path, tmp_path / "export", "--resume").stdout.startswith("1 patients judged")
    other = backtest(
        tmp_path, tmp_path / "export", "--resume", "--at", "daily", "--from", "2025-01-01", "--to", "2025-01-02"
    )
    assert "other options" in other.stderr


def test_pseudonyms_leave_no_id_and_no_word_of_the_record(tmp_path: Path) -> None:
    secret = [BORN, VISIT, FOOT_DROP | {"code": FOOT_DROP["code"] | {"text": "zebra"}}]
    write(tmp_path / "export", secret)
    assert backtest(tmp_path, tmp_path / "export", "--pseudonymise").returncode == 0
    kept = rows(tmp_path / "out") + rows(tmp_path / "out", "cards") + rows(tmp_path / "out", "moments")
    said = json.dumps(kept, default=str)
    assert any(row.get("outcome") == "card" for row in kept)
    assert len({row["patient"] for row in kept}) == 1
    for word in ('"p1"', "/drop", '"e1"', "zebra", P1["reference"]):
        assert word not in said


def test_without_the_extra_packages_the_command_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    for name in ("service.backtest.local", "service.backtest.sorting"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    done = backtest(tmp_path, tmp_path)
    assert done.returncode == 1
    assert "pip install 'foot-drop-cds[backtest]'" in done.stderr
