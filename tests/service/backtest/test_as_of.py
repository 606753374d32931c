"""What was known at each moment, seen in the verdicts of the command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.exports import BORN, FOOT_DROP, P1, backtest, rows, summary, visit, write_whole
from tests.support.sampling import one_in

Json = dict[str, Any]
BEFORE, AFTER = visit(1, "2025-03-09T10:00:00Z"), visit(2, "2025-03-11T10:00:00Z")
CARD = "localisation-exam"  # speaks of any foot drop whose muscles were not graded
DONE = {"clinicalStatus": {"coding": [{"code": "resolved"}]}, "recordedDate": "2025-03-01"}


def spoke(folder: Path, records: list[Json], *options: str) -> list[bool]:
    """At which of the two encounters there was foot drop."""
    done = backtest(folder, write_whole(folder / "export", [BORN, BEFORE, AFTER, *records]), *options)
    assert done.returncode == 0, done.stderr
    return [row["reason"][:15] != "no foot drop is" for row in rows(folder / "out") if row["rule"] == CARD]


def drop(**changed: Any) -> Json:
    """The foot drop, changed; what becomes None is left out."""
    return {name: value for name, value in (FOOT_DROP | changed).items() if value is not None}


@pytest.mark.parametrize(
    ("record", "expected"),
    one_in(
        3,
        [
            (drop(), [False, True]),
            (drop(recordedDate="2025-03-09"), [True, True]),  # a day is known as a whole
            (drop(recordedDate="2025-03-11T11:00:00Z"), [False, False]),
            (drop(recordedDate=None), [True, True]),  # since its onset
            (drop(recordedDate=None, onsetDateTime=None, meta={"lastUpdated": "2025-03-10T00:00:00Z"}), [False, True]),
            (drop(recordedDate="2025-03-01", meta={"lastUpdated": "2026-01-01T00:00:00Z"}), [True, True]),
            (drop(recordedDate=None, onsetDateTime=None), [True, True]),
            (drop(**DONE, abatementDateTime="2025-03-10"), [True, False]),
            (drop(**DONE, abatementDateTime="2025-03-01"), [False, False]),
            (drop(**DONE), [False, False]),
        ],
    ),
)
def test_a_problem_is_known_since_it_was_recorded_and_until_it_abated(
    tmp_path: Path, record: Json, expected: list[bool]
) -> None:
    assert spoke(tmp_path, [record]) == expected


@pytest.mark.parametrize(
    ("option", "expected"), [("recorded", [False, True]), ("happened", [True, True]), ("updated", [False, False])]
)
def test_the_date_that_counts_can_be_chosen(tmp_path: Path, option: str, expected: list[bool]) -> None:
    record = drop(meta={"lastUpdated": "2026-01-01T00:00:00Z"})
    assert spoke(tmp_path, [record], "--known-by", option) == expected


def test_a_status_that_no_date_proves_newer_is_counted(tmp_path: Path) -> None:
    spoke(tmp_path, [drop(**DONE)])
    counts = summary(tmp_path / "out")["counts"]
    assert counts["records whose status may be newer than the moment, in charts with a trigger"] == 1


def test_a_status_that_was_undone_is_counted(tmp_path: Path) -> None:
    spoke(tmp_path, [drop(**DONE, abatementDateTime="2025-03-10")])
    assert summary(tmp_path / "out")["counts"]["records whose status was undone, in charts with a trigger"] == 1


def test_a_patient_who_died_later_was_alive(tmp_path: Path) -> None:
    export = write_whole(tmp_path / "export", [BORN | {"deceasedDateTime": "2025-03-10"}, BEFORE, AFTER, FOOT_DROP])
    assert backtest(tmp_path, export).returncode == 0
    said = [row["reason"] for row in rows(tmp_path / "out") if row["rule"] == CARD]
    assert said[0].startswith("no foot drop is recorded")
    assert said[1] == "the patient has died"


def test_a_medicine_that_was_stopped_later_is_unproven_and_an_order_with_a_report_is_undone(tmp_path: Path) -> None:
    order = {
        "resourceType": "ServiceRequest",
        "id": "mri",
        "subject": P1,
        "status": "completed",
        "intent": "order",
        "authoredOn": "2025-03-05",
        "code": {"text": "MRI"},
    }
    report = {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "subject": P1,
        "status": "final",
        "issued": "2025-03-20T00:00:00Z",
        "basedOn": [{"reference": "ServiceRequest/mri"}],
        "code": {"text": "MRI"},
    }
    medicine = {
        "resourceType": "MedicationRequest",
        "id": "m",
        "subject": P1,
        "status": "stopped",
        "intent": "order",
        "authoredOn": "2025-03-05",
        "medicationCodeableConcept": {"text": "ibuprofen"},
    }
    spoke(tmp_path, [FOOT_DROP, order, report, medicine])
    counts = summary(tmp_path / "out")["counts"]
    assert counts["records whose status was undone, in charts with a trigger"] == 1
    assert counts["records whose status may be newer than the moment, in charts with a trigger"] == 1


def test_moments_are_encounters_days_or_one_date(tmp_path: Path) -> None:
    export = write_whole(tmp_path / "export", [BORN, BEFORE, AFTER, visit(3, "2025-05-01T08:00:00Z"), FOOT_DROP])
    for options, days in (
        (("--from", "2025-03-01", "--to", "2025-03-31"), ["2025-03-09", "2025-03-11"]),
        (
            ("--at", "daily", "--from", "2025-03-09", "--to", "2025-03-12"),
            [f"2025-03-{day:02}" for day in range(9, 13)],
        ),
        (("--at", "2025-03-10"), ["2025-03-10"]),
    ):
        out = "-".join(options).replace("-", "")
        assert backtest(tmp_path, export, *options, out=out).returncode == 0
        assert [str(row["moment"].date()) for row in rows(tmp_path / out, "moments")] == days
