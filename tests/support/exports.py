"""Small exports for tests of the backtest: their files, the command that reads them, and its output."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from cards.record.prefetch_keys import PREFETCH_KEYS
from tests.support import commands
from tests.support.commands import Done

Json = dict[str, Any]
P1 = {"reference": "Patient/p1"}
BORN: Json = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1960-05-01"}
FOOT_DROP: Json = {
    "resourceType": "Condition",
    "id": "drop",
    "subject": P1,
    "clinicalStatus": {"coding": [{"code": "active"}]},
    "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "M21.372"}]},
    "onsetDateTime": "2025-03-01",
    "recordedDate": "2025-03-10T09:00:00Z",
}


def visit(number: int, start: str, **other: Any) -> Json:
    """An encounter that begins at a moment."""
    encounter = {"resourceType": "Encounter", "id": f"e{number}", "status": "finished", "class": {"code": "AMB"}}
    return encounter | {"subject": P1, "period": {"start": start}} | other


def write(folder: Path, records: Iterable[Json], *, name: str = "") -> Path:
    """Write an export: one file per type, or a single file of this name."""
    folder.mkdir(exist_ok=True)
    lines: defaultdict[str, list[str]] = defaultdict(list)
    for record in records:
        lines[name or f"{record['resourceType']}.ndjson"].append(json.dumps(record))
    for file, written in lines.items():
        (folder / file).write_text("".join(f"{line}\n" for line in written), encoding="utf-8")
    return folder


def write_whole(folder: Path, records: Iterable[Json]) -> Path:
    """Write an export with a file for every type: a file without lines says that there are no such records."""
    write(folder, records)
    for key in PREFETCH_KEYS.values():
        (folder / f"{key.resource_type}.ndjson").touch()
    return folder


def backtest(folder: Path, export: Path | str, *options: str, out: str = "out", processes: int | None = 1) -> Done:
    """The command in this process."""
    words = [] if processes is None else ["--processes", str(processes)]
    return commands.run("backtest", str(export), "--out", out, "--no-report", *words, *options, folder=folder)


def rows(out: Path, kind: str = "verdicts") -> list[Json]:
    """The output of a kind, in a stable order."""
    every = [row for file in sorted(out.glob(f"{kind}-*.parquet")) for row in pq.read_table(file).to_pylist()]
    return sorted(every, key=lambda row: (row["patient"], str(row["moment"]), row.get("rule", "")))


def summary(out: Path) -> Json:
    """The summary of a run."""
    counted: Json = json.loads((out / "summary.json").read_text())
    return counted


def without_times(said: list[Json]) -> list[Json]:
    """Rows without their times."""
    return [{name: value for name, value in row.items() if name != "milliseconds"} for row in said]
