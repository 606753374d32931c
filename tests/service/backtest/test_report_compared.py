"""Two editions side by side, and folders that hold no whole result of a backtest."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from tests.support import commands, small_hospital
from tests.support.exports import backtest, write
from tests.support.small_hospital import EXACT, WITH_CODES, told


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backtest without the site's own code of foot drop in `before`, and one with it in `now`."""
    folder = tmp_path_factory.mktemp("editions")
    (folder / "before.toml").write_text(EXACT)
    (folder / "now.toml").write_text(EXACT + WITH_CODES)
    export = small_hospital.write(folder / "export")
    for name in ("before", "now"):
        done = backtest(folder, export, "--settings", f"{name}.toml", out=name)
        assert (done.returncode, done.stderr) == (0, "")
    return folder


def compare(folder: Path, now: str, before: str, *options: str) -> commands.Done:
    return commands.run("backtest-report", now, "--compare", before, *options, folder=folder)


def gains(folder: Path) -> list[dict[str, str]]:
    with (folder / "gains-and-losses.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_who_gains_a_card_and_which_verdicts_changed_is_told(folder: Path) -> None:
    """The three men with the site's own code of foot drop have one encounter each."""
    assert compare(folder, "now", "before", "--settings", "before.toml", "--notice", "<b>draft").returncode == 0
    values = told(folder / "now")
    edition = ("edition", "afo", "info")
    assert [values[(*edition, name, "cards")] for name in ("before", "now")] == ["25", "28"]
    assert float(values[(*edition, "now", "per_1000_patients")]) == pytest.approx(10 / 11 * 1000)
    measures = ("gained", "patients_who_gain", "lost", "patients_who_lose", "louder", "quieter")
    assert [values["change", "afo", "", "", measure] for measure in measures] == ["3", "3", "0", "0", "0", "0"]
    assert values["turned", "afo", "", "not-applicable to card (info)", "patients"] == "3"
    listed = [row for row in gains(folder / "now") if row["rule"] == "afo"]
    assert [(row["patient"], row["gained"], row["lost"]) for row in listed] == [
        (f"man-{number}", "1", "0") for number in range(3)
    ]
    text = (folder / "now" / "report.html").read_text(encoding="utf-8")
    assert "These settings differ: codes." in text
    assert '<p class="notice">&lt;b&gt;draft</p>' in text
    assert "man-0" not in text
    assert (folder / "now" / "gains-and-losses.csv").stat().st_mode & 0o077 == 0


def test_who_loses_a_card_is_told_and_few_are_hidden(folder: Path) -> None:
    assert compare(folder, "before", "now").returncode == 0
    values = told(folder / "before")
    assert values["change", "afo", "", "", "lost"] == "hidden"
    assert values["turned", "afo", "", "card (info) to not-applicable", "patients"] == "hidden"
    assert {row["lost"] for row in gains(folder / "before") if row["rule"] == "afo"} == {"1"}


def test_runs_that_cannot_be_compared_are_refused_by_what_differs(folder: Path) -> None:
    other = write(folder / "other", small_hospital.records())
    assert backtest(folder, folder / "export", "--known-by", "happened", "--at", "2025-03-20", out="at").returncode == 0
    assert backtest(folder, other, out="smaller").returncode == 0
    done = compare(folder, "now", "at")
    assert done.returncode == 1
    assert "they differ in the moments (at the beginning of each encounter (patient-view), and once, on 2025-03-20" in (
        done.stderr
    )
    assert "--known-by" in done.stderr
    assert "they differ in the lines of the export" in compare(folder, "now", "smaller").stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda out: (out / "summary.json").unlink(), "holds no finished backtest"),
        (lambda out: (out / "cards-00000.parquet").unlink(), "cards-00000.parquet is missing"),
        (lambda out: _cut(out / "moments-00000.parquet"), "moments-00000.parquet is cut off or damaged"),
        (lambda out: [file.unlink() for file in out.glob("*-00000.parquet")], "lacks Parquet files"),
        (lambda out: (out / "summary.json").write_text("{"), "summary.json is damaged"),
        (lambda out: (out / "run.json").unlink(), "run.json cannot be read: No such file"),
        (lambda out: _emptied(out / "verdicts-00000.parquet"), "the results cannot be read"),
    ],
)  # fmt: skip
def test_what_is_no_whole_result_is_refused_in_a_sentence(
    folder: Path, tmp_path: Path, change: object, said: str
) -> None:
    shutil.copytree(folder / "before", tmp_path / "out")
    change(tmp_path / "out")  # type: ignore[operator]
    done = commands.run("backtest-report", "out", "--format", "csv", folder=tmp_path)
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.glob("out/report-*"))


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def _emptied(file: Path) -> None:
    """Its beginning and its end are those of a Parquet file, and nothing between."""
    file.write_bytes(b"PAR1" + b"\0" * 40 + b"PAR1")
