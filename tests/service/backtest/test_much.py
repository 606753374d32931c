"""One patient with very many records: the newest are judged, the rest is counted and not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.exports import BORN, FOOT_DROP, P1, backtest, rows, summary, visit, write_whole

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
    assert counts["patients with more than max_records (their newest records count)"] == 1
    assert counts.get(LEFT_OUT, 0) == (0 if many == 10 else 43)
    assert any(row["outcome"] == "could-not-evaluate" for row in rows(tmp_path / "out"))
