"""One patient with very many records: the newest are judged, the rest is counted and not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.exports import BORN, FOOT_DROP, P1, backtest, rows, summary, visit, write_whole

TOO_MANY = "patients with more than max_records (their newest records count)"
LEFT_OUT = "records left out before they were judged, for patients with more than twice max_records"


def report(number: int) -> dict[str, Any]:
    """A report that no rule asks for, of one day after the other."""
    day = f"{2000 + number // 336}-{number // 28 % 12 + 1:02}-{number % 28 + 1:02}"
    return {"resourceType": "DiagnosticReport", "id": f"r{number}", "subject": P1, "status": "final", "issued": day}


@pytest.mark.parametrize("many", [10, 60])
def test_of_very_many_records_the_newest_are_judged_and_the_rest_is_counted(tmp_path: Path, many: int) -> None:
    records = [BORN, visit(1, "2025-03-11T10:00:00Z"), *map(report, range(many)), FOOT_DROP]
    export = write_whole(tmp_path / "export", records)
    (tmp_path / "foot-drop-cds.toml").write_text("max_records = 10\n")
    assert backtest(tmp_path, export).returncode == 0
    said = summary(tmp_path / "out")
    counts = said["counts"]
    assert said["patients"] == 1
    assert counts[TOO_MANY] == 1
    assert counts.get(LEFT_OUT, 0) == (0 if many == 10 else 43)
    assert any(row["outcome"] == "could-not-evaluate" for row in rows(tmp_path / "out"))


def test_a_run_has_its_own_settings_whatever_ran_before_it_in_the_process(tmp_path: Path) -> None:
    records = [BORN, visit(1, "2025-03-11T10:00:00Z"), *map(report, range(10)), FOOT_DROP]
    export = write_whole(tmp_path / "export", records)
    counted = []
    for name, most in (("usual", 20_000), ("few", 10)):
        (folder := tmp_path / name).mkdir()
        (folder / "foot-drop-cds.toml").write_text(f"max_records = {most}\n")
        assert backtest(folder, export).returncode == 0
        counted.append(summary(folder / "out")["counts"].get(TOO_MANY, 0))
    assert counted == [0, 1]
