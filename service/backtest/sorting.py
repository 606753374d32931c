"""The lines of an export, sorted by patient on disk: read by several processes, grouped by DuckDB.

A part is the lines of some hundred patients, which one process judges at a time.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct, structs

from service.backtest.export import Source, lines
from service.backtest.lines import KEPT, SHARED, Fate, Line
from service.backtest.patient import BEFORE_BIRTH, DIFFERING, NO_MOMENT, TWICE, WITHOUT_TRIGGER, Backtest, Record

_BATCH = 16 << 20  # bytes of lines that are held before they are written
_PART = 96 << 20  # bytes of lines of a part
_ROWS = 20_000  # of a row group
_SCHEMA = pa.schema(
    [
        ("patient", pa.string()),
        ("kind", pa.string()),
        ("id", pa.string()),
        ("known", pa.string()),
        ("is_trigger", pa.bool_()),
        ("size", pa.int32()),
        ("line", pa.binary()),
    ]
)
_POINTED_AT = r"Medication/([A-Za-z0-9.\-]{1,64})"


class Read(Struct):
    """What was read of one source: its lines by fate, their types, what is odd about them, and the bytes kept."""

    counts: dict[str, int]
    kinds: dict[str, int]
    odd: dict[str, int]
    size: int = 0


def read_source(source: Source, number: int, folder: Path, backtest: Backtest) -> Read:
    """Write the lines of a source that matter to a file of the folder, once, and say what became of all."""
    done = folder / f"read-{number:05}.json"
    if done.exists():
        return msgspec.json.decode(done.read_bytes(), type=Read)
    odd, counts, last = Counter[str](), Counter[tuple[str, str]](), KEPT
    read = backtest.line_reader(odd).read
    target = folder / f"read-{number:05}.parquet"
    with pq.ParquetWriter(f"{target}.tmp", _SCHEMA, compression="lz4", use_dictionary=["kind"]) as writer:
        waiting, size, held = list[Line](), 0, 0
        for raw in lines(source):
            line = read(raw) if type(raw) is bytes else Line(raw)
            last = line.fate
            if last is not KEPT:
                counts[last, line.kind] += 1
                continue
            waiting.append(line)
            held += len(line.raw)
            if held >= _BATCH:
                counts.update(_written(writer, waiting))
                size, held, waiting = size + held, 0, []
        counts.update(_written(writer, waiting))
    if last is Fate.NO_JSON and source.end is None:  # the end of a file was not written, or not copied
        counts.update({(Fate.NO_JSON, ""): -1, (Fate.CUT_OFF, ""): 1})
    os.replace(f"{target}.tmp", target)
    result = Read(_summed(counts, 0), _summed(counts, 1), dict(odd), size + held)
    write_whole(done, msgspec.json.encode(result))
    return result


def _summed(counts: Counter[tuple[str, str]], place: int) -> dict[str, int]:
    """How many lines there are by fate (0) or by type (1)."""
    summed = Counter[str]()
    for key, number in counts.items():
        summed[key[place]] += number
    return {name: number for name, number in summed.items() if name and number}


def _written(writer: pq.ParquetWriter, rows: list[Line]) -> dict[tuple[str, str], int]:
    """Write lines that are kept; how many there are of each type."""
    _, raws, patients, kinds, ids, known, triggers = zip(*map(structs.astuple, rows), strict=True) if rows else [()] * 7
    columns = [patients, kinds, ids, known, triggers, list(map(len, raws)), raws]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, _SCHEMA.types, strict=True)]
    writer.write_table(pa.Table.from_arrays(arrays, schema=_SCHEMA))
    return {(KEPT, kind): number for kind, number in Counter(kinds).items()}


def write_whole(path: Path, data: bytes) -> None:
    """Write a file, wholly or not at all."""
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.write_bytes(data)
    os.replace(temporary, path)


class Sorted(Struct):
    """How many patients each part holds, and what was counted of the lines that need not be judged."""

    patients: dict[int, int]
    counts: dict[str, int]


def sort(folder: Path, processes: int, memory: str, max_records: int) -> Sorted:
    """Sort what was read by part and patient, in at most `memory` (`2GB`).

    Of charts without a trigger only the patient and the encounters are kept: what else stands there is no answer to
    any question that is asked.
    """
    done = folder / "sorted.json"
    if done.exists():
        return msgspec.json.decode(done.read_bytes(), type=Sorted)
    read = f"read_parquet('{_quoted(folder)}/read-*.parquet')"
    with _database(folder / "spill", memory, processes) as base:
        base.execute("SET preserve_insertion_order=false")
        base.execute(
            f"CREATE TEMP TABLE closely AS SELECT patient FROM {read} WHERE kind <> '{SHARED}' "
            f"GROUP BY patient HAVING bool_or(is_trigger) OR count(*) > {max_records}"
        )
        whole = ", ".join(f"'{kind}'" for kind in sorted(WITHOUT_TRIGGER))
        chosen = f"kind <> '{SHARED}' AND (kind IN ({whole}) OR patient IN (SELECT patient FROM closely))"
        bytes_chosen = base.execute(f"SELECT coalesce(sum(size), 0) FROM {read} WHERE {chosen}").fetchall()[0][0]
        _copy(
            base,
            f"SELECT (hash(patient) % {_parts(int(bytes_chosen), processes)})::INTEGER AS part, "
            f"patient, kind, id, line, is_trigger FROM {read} WHERE {chosen} ORDER BY part, patient",
            folder / "sorted.parquet",
        )
        _copy(base, f"SELECT id, line FROM {read} WHERE kind = '{SHARED}' ORDER BY id", folder / "medicines.parquet")
        counted = base.execute(
            f"SELECT part, count(DISTINCT patient) FROM read_parquet('{_quoted(folder)}/sorted.parquet') GROUP BY part"
        ).fetchall()
        counts = _counted(base, read, f"kind <> '{SHARED}' AND NOT ({chosen})")
    result = Sorted(dict(sorted(counted)), counts)
    write_whole(done, msgspec.json.encode(result))
    for file in folder.glob("read-*.parquet"):
        file.unlink()
    return result


def _database(spill: Path, memory: str, threads: int) -> duckdb.DuckDBPyConnection:
    """A database in memory that goes to disk when there is not enough of it."""
    return duckdb.connect(":memory:", config={"memory_limit": memory, "temp_directory": str(spill), "threads": threads})


def _parts(size: int, processes: int) -> int:
    """Into how many parts so many bytes are cut: small enough for memory, many enough for every process."""
    return max(size // _PART + 1, min(processes * 4, size // (1 << 18) + 1))


def _counted(base: Any, read: str, others: str) -> dict[str, int]:
    """What is counted of the lines that are not judged, as it is of those that are."""
    base.execute(
        f"CREATE TEMP TABLE repeated AS SELECT patient, kind, id FROM {read} WHERE id <> '' AND {others} "
        "GROUP BY patient, kind, id HAVING count(*) > 1"
    )
    twice, differing = 0, 0
    if base.execute("SELECT count(*) FROM repeated").fetchall()[0][0]:  # else no line need be looked at
        twice, differing = base.execute(
            "SELECT sum(n - 1) FILTER (is_same), sum(n - 1) FILTER (NOT is_same) FROM (SELECT count(*) AS n, "
            f"min(hash(line)) = max(hash(line)) AS is_same FROM {read} JOIN repeated USING (patient, kind, id) "
            f"WHERE {others} GROUP BY patient, kind, id)"
        ).fetchall()[0]
    early = base.execute(
        f"SELECT count(*) FROM {read} JOIN (SELECT patient, min(known) AS born FROM {read} "
        "WHERE kind = 'Patient' GROUP BY patient) USING (patient) "
        f"WHERE {others} AND known <> '' AND known < born[1:length(known)]"
    ).fetchall()[0][0]
    alone = base.execute(
        f"SELECT count(DISTINCT patient) FROM {read} WHERE {others} AND patient NOT IN "
        f"(SELECT patient FROM {read} WHERE kind IN ('Patient', 'Encounter'))"
    ).fetchall()[0][0]
    return {TWICE: int(twice or 0), DIFFERING: int(differing or 0), BEFORE_BIRTH: early, NO_MOMENT: alone}


def _copy(base: Any, query: str, target: Path) -> None:
    base.execute(f"COPY ({query}) TO '{_quoted(target)}.tmp' (FORMAT parquet, COMPRESSION lz4, ROW_GROUP_SIZE {_ROWS})")
    os.replace(f"{target}.tmp", target)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


class Part:
    """The patients of one part, with the Medications that their records point at."""

    def __init__(self, folder: Path, number: int, memory: str) -> None:
        self._base = _database(folder / f"spill-{number}", memory, 1)
        self._lines = f"read_parquet('{_quoted(folder)}/sorted.parquet') WHERE part = {number}"
        self._medicines = f"read_parquet('{_quoted(folder)}/medicines.parquet')"

    def __enter__(self) -> Part:
        return self

    def __exit__(self, *_: object) -> None:
        self._base.close()

    def medicines(self) -> Mapping[str, bytes]:
        """The Medications that records of this part point at, by id."""
        if not self._base.execute(f"SELECT count(*) FROM {self._medicines}").fetchall()[0][0]:
            return {}
        pointed_at = (
            f"SELECT unnest(regexp_extract_all(line::VARCHAR, '{_POINTED_AT}', 1)) FROM {self._lines} "
            "AND kind IN ('MedicationRequest', 'MedicationStatement')"
        )
        rows = self._base.execute(f"SELECT id, line FROM {self._medicines} WHERE id IN ({pointed_at})").fetchall()
        return dict(rows)

    def patients(self) -> Iterator[tuple[str, list[Record]]]:
        """Each patient, with all records."""
        patient, records = "", list[Record]()
        for batch in self._base.sql(f"SELECT patient, kind, id, line, is_trigger FROM {self._lines}").to_arrow_reader(
            _ROWS
        ):
            columns = (batch.column(number).to_pylist() for number in range(5))
            for named, kind, identity, line, is_trigger in zip(*columns, strict=True):
                if named != patient:
                    if records:
                        yield patient, records
                    patient, records = named, []
                records.append(Record(kind, identity, line, is_trigger))
        if records:
            yield patient, records
