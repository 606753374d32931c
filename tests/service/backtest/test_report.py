"""The report of a backtest, by a real run over patients who can be counted by hand: those of small_hospital.py."""

from __future__ import annotations

import re
import shutil
import stat
from pathlib import Path

import pytest

from tests.support import commands, small_hospital
from tests.support.small_hospital import ABSENT, EXACT, HOSTILE, told

UNDATED = "a weak dorsiflexion grade has no date: it lies in no window"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a backtest in `out` whose report hides nothing."""
    folder = tmp_path_factory.mktemp("hospital")
    (folder / "exact.toml").write_text(EXACT)
    export = small_hospital.write(folder / "export")
    done = commands.run(
        "backtest", str(export), "--out", "out", "--processes", "1", "--settings", "exact.toml", folder=folder
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-2:] == [
        f"Report: {Path('out') / 'report.csv'}",
        f"Report: {Path('out') / 'report.html'}",
    ]
    return folder


def test_the_numbers_are_those_that_were_counted_by_hand(folder: Path) -> None:
    """afo speaks at each encounter with foot drop: 6 x 4 of the women, and 1; quiet for 30 days from the first."""
    values = told(folder / "out")
    assert values["report", "", "", "", "moments"] == "29"
    assert values["report", "", "", "", "patients"] == "11"

    def afo(about: str, name: str, *measures: str) -> list[float]:
        return [float(values[about, "afo", "info", name, measure]) for measure in measures]

    rates = ("cards", "patients", "per_1000_moments", "per_1000_patients")
    [title] = {key[3] for key in values if key[:3] == ("rule", "afo", "info")}
    assert afo("rule", title, *rates) == pytest.approx([25, 7, 25 / 29 * 1000, 7 / 11 * 1000])
    assert afo("rule", title, "spared_by_quiet_time") == [12]
    counts = ("moments", "of_patients", "cards", "patients")
    assert afo("sex", "female", *counts) == [25, 7, 24, 6]
    assert afo("sex", "male", *counts) == [4, 4, 1, 1]
    assert afo("month", "2025-03", *counts, "per_1000_moments") == [19, 7, 19, 7, 1000]
    assert afo("month", "2025-04", *counts) == [10, 10, 6, 6]
    assert afo("age", "18 to 39", *counts) == [3, 3, 0, 0]
    assert afo("age", "40 to 64", *counts) == [25, 7, 24, 6]
    assert afo("age", "65 to 79", *counts) == [1, 1, 1, 1]
    assert afo("site", "Organization/north", *counts) == [25, 7, 24, 6]
    assert afo("site", HOSTILE, *counts) == [4, 4, 1, 1]
    assert afo("first order", "never", "patients") == [7]


def test_it_says_how_long_before_the_order_the_card_would_have_come(folder: Path) -> None:
    """lumbar-mri speaks twice on 11 March; it was ordered 1, 3 and 7 days later, for two each, and never for one."""
    values = told(folder / "out")
    of = ("first order", "lumbar-mri", "warning")
    names = ("before", "same_day", "after", "never", "no_order")
    assert [values[(*of, name, "patients")] for name in names] == ["6", "0", "0", "1", "0"]
    quartiles = [values[(*of, name, "days_before")] for name in ("lower quartile", "median", "upper quartile")]
    assert quartiles == ["1", "3", "7"]
    [spared] = [
        value for key, value in values.items() if key[:3] == ("rule", *of[1:]) and key[4] == "spared_by_quiet_time"
    ]
    assert spared == "6"


def test_it_says_what_was_read_what_was_not_seen_and_what_was_not_understood(folder: Path) -> None:
    values = told(folder / "out")
    assert values["read", "", "", "lines that are not JSON", "lines"] == "2"
    assert values["read", "", "", "resources of an unknown type", "lines"] == "1"
    assert [key[3].partition(":")[0] for key in values if key[0] == "not seen"] == [ABSENT]
    assert values["could not evaluate", "afo", "", UNDATED, "patients"] == "1"
    assert values["outcome", "afo", "", "could-not-evaluate", "verdicts"] == "1"
    code = f"conditions {small_hospital.LOCAL} N-4711"
    assert values["not understood", "", "", code, "patients"] == "3"
    assert values["not understood", "", "", code, "looks_like"] == "condition.foot-drop"


def test_the_page_names_no_patient_runs_nothing_and_loads_nothing(folder: Path) -> None:
    page = folder / "out" / "report.html"
    text = page.read_text(encoding="utf-8")
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert not re.search(r"woman-\d|man-\d|alone|undated|Patient/", text)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert not re.search(r'(?:src|href)="(?!#)', text)
    for said in (f"<li>{ABSENT}", "862", "<td>12</td>", "7 days before", UNDATED, "N-4711", "lines that are not JSON"):
        assert said in text, said


def test_a_small_count_is_hidden_with_what_would_tell_it(folder: Path) -> None:
    """The report is made again from the folder alone, without settings: below 5 patients is hidden."""
    shutil.copytree(folder / "out", folder / "again")
    done = commands.run("backtest-report", "again", "--format", "csv", folder=folder)
    assert done.returncode == 0, done.stderr
    values = told(folder / "again")
    people = {key: value for key, value in values.items() if "patients" in key[4] and not key[4].startswith("per")}
    assert people
    assert {key: value for key, value in people.items() if value.isdigit() and 0 < int(value) < 5} == {}
    assert values["sex", "afo", "info", "male", "cards"] == values["sex", "afo", "info", "female", "cards"] == "hidden"
    assert values["sex", "afo", "info", "male", "moments"] == "hidden"
    assert "not understood" not in {key[0] for key in values}
