"""Lines that come in packs are judged as on one machine, up to what is held of one patient; all without a cluster."""

from __future__ import annotations

import json
import stat
from collections import Counter
from pathlib import Path

import fsspec
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service.backtest.codes import CODES, Looked
from service.backtest.errors import BacktestError
from service.backtest.export import find
from service.backtest.moments import Plan
from service.backtest.patient import LOST
from service.backtest.sorting import Read
from service.backtest.spark import judging
from service.backtest.spark.packing import PATIENT, READ, tuples
from service.backtest.spark.storage import Folder
from service.settings import Settings
from tests.support.exports import FOOT_DROP, Json, backtest, rows, summary, without_times, write
from tests.support.population import patient

MAX_RECORDS = 40
SETTINGS = Settings(max_records=MAX_RECORDS)


def judged(export: Path) -> tuple[dict[str, list[Json]], Counter[str], Looked]:
    """The rows of each table, what is counted, and the codes, by the functions that executors call."""
    files = find(str(export))
    work = judging.work(SETTINGS, Plan())
    numbers = pa.record_batch({"id": list(range(len(files.sources)))})
    packs = pa.Table.from_batches(judging.read_sources(work, files.sources, [numbers])).to_pylist()
    reads = [msgspec.json.decode(row["packed"], type=Read) for row in packs if row["kind"] == READ]
    kinds = {kind for read in reads for kind in read.kinds} | files.kinds
    absent = frozenset(judging.backtest(work, frozenset()).types - kinds - {"Patient", "Encounter"})
    ordered = sorted((row for row in packs if row["kind"] == PATIENT), key=lambda row: str(row["key"]))
    batches = pa.Table.from_pylist(ordered).to_batches(max_chunksize=7)
    said = {
        table: pa.Table.from_batches(judging.said(work, absent, table, batches)).to_pylist()
        for table in ("verdicts", "cards", "moments")
    }
    counts = Counter[str]()
    for read in reads:
        counts.update(read.odd)
    for batch in judging.counted(work, absent, batches):
        counts.update(json.loads(batch.column("counts")[0].as_py()))
    return said, counts, judging.looked(tuples(judging.looked_at(work, batches), ("part", "counts")))


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Charts with and without a trigger, one of them larger than max_records."""
    (tmp_path / "foot-drop-cds.toml").write_text(f"max_records = {MAX_RECORDS}\n")
    every = [one for number in range(6) for one in patient(number, 30 + 20 * (number == 2), 3, 2, "mixed")]
    return write(tmp_path / "export", [*every, every[-1], every[-2] | {"status": "amended"}])


def in_order(said: list[Json]) -> list[Json]:
    return sorted(without_times(said), key=lambda row: (row["patient"], str(row["moment"]), row.get("rule", "")))


def test_rows_and_counts_are_those_of_one_machine(export: Path, tmp_path: Path) -> None:
    assert backtest(tmp_path, export).returncode == 0
    said, counts, looked_at = judged(export)
    for table, told in said.items():
        assert told
        assert in_order(told) == without_times(rows(tmp_path / "out", table))
    whole = summary(tmp_path / "out")
    assert +counts == Counter(whole["counts"]) + Counter(patients=whole["patients"], moments=whole["moments"])
    assert looked_at == msgspec.json.decode((tmp_path / "out" / CODES).read_bytes(), type=Looked)
    assert looked_at.codes


@pytest.mark.parametrize("slash", ["/", "\\/"])
def test_a_row_says_which_medications_it_points_at(tmp_path: Path, slash: str) -> None:
    order = {"resourceType": "MedicationRequest", "id": "m", "subject": {"reference": "Patient/p1"}}
    order["medicationReference"] = {"reference": "Medication/pill"}
    (tmp_path / "m.ndjson").write_text(json.dumps(order).replace("Medication/pill", f"Medication{slash}pill"))
    files = find(str(tmp_path))
    numbers = pa.record_batch({"id": [0]})
    packs = pa.Table.from_batches(judging.read_sources(judging.work(SETTINGS, Plan()), files.sources, [numbers]))
    assert [row["points_at"] for row in packs.to_pylist() if row["kind"] == PATIENT] == [["pill"]]


def test_a_patient_who_is_larger_than_is_held_is_judged_by_the_newest_and_counted(export: Path) -> None:
    subject = {"reference": "Patient/p4"}
    old = [FOOT_DROP | {"id": f"o{n}", "subject": subject, "recordedDate": f"19{n // 2 + 60}-01-01"} for n in range(60)]
    new = [FOOT_DROP | {"id": f"n{n}", "subject": subject, "recordedDate": "2025-03-10"} for n in range(40)]
    write(export, [*old, *new], name="flood.ndjson")
    said, counts, _ = judged(export)
    assert counts[LOST] > MAX_RECORDS
    of_flooded = [row for row in said["verdicts"] if row["patient"] == "p4"]
    assert {row["outcome"] for row in of_flooded} >= {"could-not-evaluate"}
    assert len({row["moment"] for row in of_flooded}) == 3, "no flood costs the encounters"
    assert "/o1" not in "".join(row["evidence"] for row in of_flooded)


def test_a_result_is_for_its_owner_alone_and_nothing_is_overwritten(tmp_path: Path) -> None:
    folder = Folder.begun(str(tmp_path / "out"))
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700
    (tmp_path / "out" / "cards-00000.parquet.gone.tmp").touch()
    folder.write_table("cards-00000.parquet", pa.table({"patient": ["p1"]}))
    folder.tidy()
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["cards-00000.parquet"]
    with pytest.raises(BacktestError, match="is not empty"):
        Folder.begun(str(tmp_path / "out"))


def test_a_result_may_lie_at_an_address() -> None:
    folder = Folder.begun("memory://results/one")
    folder.write_table("cards-00000.parquet", pa.table({"patient": ["p1"]}))
    folder.tidy()
    with fsspec.open("memory://results/one/cards-00000.parquet") as file:
        assert pq.read_table(file).to_pydict() == {"patient": ["p1"]}
    with pytest.raises(BacktestError, match="cannot be written"):
        Folder.begun("wonder://results")
