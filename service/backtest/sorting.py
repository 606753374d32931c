"""The lines of an export, sorted by patient on disk: read by several processes, grouped by DuckDB."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate, compress, count, groupby
from operator import add, is_
from pathlib import Path
from typing import Any
from zlib import crc32

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from service.backtest.export import Source, blocks
from service.backtest.lines import KEPT, SHARED, Fate, Lines
from service.backtest.patient import BEFORE_BIRTH, DIFFERING, NO_MOMENT, TWICE, WITHOUT_TRIGGER, Backtest
from service.backtest.places import Files, local_file

_BATCH = 16 << 20  # bytes that are held before they are written
_ROW = 500  # bytes held for a line in addition to its text
_NOWHERE = -1
_PART = 96 << 20  # bytes of lines in a part
ROWS = 20_000  # in a row group
_SCHEMA = pa.schema(
    [
        ("patient", pa.string()),
        ("kind", pa.string()),
        ("id", pa.string()),
        ("known", pa.string()),
        ("is_trigger", pa.bool_()),
        ("size", pa.int32()),
        ("path", pa.string()),
        ("stamp", pa.int64()),
        ("start", pa.int64()),
        ("line", pa.binary()),
    ]
)
PLACED = "path, stamp, start, size, line"
"""Where a line is: `path` and `start`, or else the `line` itself."""


class Read(Struct):
    """What was read of one source: its lines by fate, their types, what is odd about them, and the bytes kept."""

    counts: dict[str, int]
    kinds: dict[str, int]
    odd: dict[str, int]
    size: int = 0


def read_source(source: Source, number: int, folder: Path, backtest: Backtest) -> Read:
    """Write the lines of a source that matter to a file of the folder, once; returns what became of all its lines."""
    done = folder / f"read-{number:05}.json"
    if done.exists():
        return msgspec.json.decode(done.read_bytes(), type=Read)
    odd, lost, is_cut = Counter[str](), Counter[tuple[Fate, str]](), False
    read_all = backtest.line_reader(odd).read_all
    target = folder / f"read-{number:05}.parquet"
    with pq.ParquetWriter(f"{target}.tmp", _SCHEMA, compression="lz4", use_dictionary=["kind", "path"]) as writer:
        waiting = _Waiting(source, writer)
        for start, block in blocks(source):
            if isinstance(block, Fate):
                is_cut = False
                lost[block, ""] += 1
                continue
            raws = list(map(bytes.strip, block))
            starts = map(add, accumulate(map(len, block), initial=start), count())  # plus a line feed for each line
            lines = read_all(list(filter(None, raws)))
            waiting.add(lines, list(compress(block, raws)), list(compress(starts, raws)))
            is_cut = lines.is_cut if any(raws) else is_cut
        waiting.write()
    if is_cut and source.end is None:  # the end of a file was not written, or not copied
        lost.update({(Fate.NO_JSON, ""): -1, (Fate.CUT_OFF, ""): 1})
    counts = lost + waiting.counts
    os.replace(f"{target}.tmp", target)
    result = Read(_summed(counts, 0), _summed(counts, 1), dict(odd), waiting.size)
    write_whole(done, msgspec.json.encode(result))
    return result


def _summed(counts: Counter[tuple[Fate, str]], place: int) -> dict[str, int]:
    """How many lines there are by fate (0) or by type (1)."""
    summed = Counter[str]()
    for key, number in counts.items():
        summed[key[place]] += number
    return {name: number for name, number in summed.items() if name and number}


class _Waiting:
    """Lines that are kept but not yet written, with the number of lines by fate and type, and the bytes kept."""

    def __init__(self, source: Source, writer: pq.ParquetWriter) -> None:
        self.counts = Counter[tuple[Fate, str]]()
        self.size = 0
        self._file = local_file(source)
        self._writer = writer
        self._begin()

    def _begin(self) -> None:
        self._columns: tuple[list[Any], ...] = ([], [], [], [], [])
        self._raws: list[bytes | None] = []
        self._starts: list[int] = []
        self._sizes: list[int] = []
        self._held = 0

    def add(self, lines: Lines, texts: Sequence[bytes], starts: Sequence[int]) -> None:
        """Add lines of texts that begin at these bytes; a line that can be read again from its file is not held."""
        self.counts.update(lines.others)
        if len(lines.places) < len(texts):
            texts, starts = [texts[place] for place in lines.places], [starts[place] for place in lines.places]
        self._sizes += map(len, lines.raws)
        if self._file is None or SHARED in lines.kinds or not all(map(is_, lines.raws, texts)):
            starts = list(map(self._place, lines.kinds, lines.raws, texts, starts))
            raws = [raw if start == _NOWHERE else None for raw, start in zip(lines.raws, starts, strict=True)]
            self._held += sum(map(len, filter(None, raws)))
        else:
            raws = [None] * len(texts)
        self._starts += starts
        self._raws += raws
        for column, more in zip(self._columns, lines.columns[1:], strict=True):
            column += more
        if self._held + _ROW * len(self._sizes) >= _BATCH:
            self.write()

    def _place(self, kind: str, raw: bytes, text: bytes, start: int) -> int:
        """Where a line begins in a plain file; _NOWHERE if it must be held, such as one that had to be mended."""
        at = -1 if self._file is None or kind == SHARED else text.find(raw)
        return _NOWHERE if at < 0 else start + at

    def write(self) -> None:
        """Write the lines."""
        number, (path, stamp) = len(self._sizes), self._file or ("", 0)
        self.counts.update({(KEPT, kind): many for kind, many in Counter(self._columns[1]).items()})
        place = [self._sizes, pa.repeat(path, number), pa.repeat(stamp, number), self._starts, self._raws]
        columns = zip([*self._columns, *place], _SCHEMA.types, strict=True)
        self._writer.write_table(pa.Table.from_arrays([pa.array(*one) for one in columns], schema=_SCHEMA))
        self.size += sum(self._sizes)
        self._begin()


def write_whole(path: Path, data: bytes) -> None:
    """Write a file, wholly or not at all."""
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.write_bytes(data)
    os.replace(temporary, path)


class Sorted(Struct):
    """How many patients each part holds, and what was counted of the lines that need not be judged.

    `lost` gives, for each patient of whom lines were left out, how many of each type.
    """

    patients: dict[int, int]
    counts: dict[str, int]
    lost: dict[str, dict[str, int]]


def sort(folder: Path, processes: int, memory: str, max_records: int) -> Sorted:
    """Sort what was read by part and patient, in at most `memory` (`2GB`).

    Only the patient and the encounters of charts without a trigger are kept: nothing else there answers any question
    that the rules ask.
    """
    done = folder / "sorted.json"
    if done.exists():
        return msgspec.json.decode(done.read_bytes(), type=Sorted)
    read = f"read_parquet('{quoted(folder)}/read-*.parquet')"
    with database(folder / "spill", memory, processes) as base:
        base.execute("SET preserve_insertion_order=false")
        base.execute(
            f"CREATE TEMP TABLE closely AS SELECT patient FROM {read} WHERE kind <> '{SHARED}' "
            f"GROUP BY patient HAVING bool_or(is_trigger) OR count(*) > {max_records}"
        )
        base.execute(
            f"CREATE TEMP TABLE large AS SELECT patient, count(DISTINCT kind) AS kinds FROM {read} "
            f"WHERE kind <> '{SHARED}' GROUP BY patient HAVING count(*) > {2 * max_records}"
        )
        whole = ", ".join(f"'{kind}'" for kind in sorted(WITHOUT_TRIGGER))
        chosen = f"kind <> '{SHARED}' AND (kind IN ({whole}) OR patient IN (SELECT patient FROM closely))"
        size = base.execute(f"SELECT coalesce(sum(size), 0) FROM {read} WHERE {chosen}").fetchall()[0][0]
        _copy(
            base,
            f"SELECT (hash(patient) % {parts_of(int(size), processes)})::INTEGER AS part, "
            f"patient, kind, id, is_trigger, {PLACED} FROM ("
            f"SELECT * FROM {read} WHERE {chosen} AND patient NOT IN (SELECT patient FROM large) "
            f"UNION ALL {_newest(read, 2 * max_records)}) ORDER BY part, patient",
            folder / "sorted.parquet",
        )
        lost = _lost(base, read, f"read_parquet('{quoted(folder)}/sorted.parquet')")
        _copy(base, f"SELECT id, line FROM {read} WHERE kind = '{SHARED}' ORDER BY id", folder / "medicines.parquet")
        counted = base.execute(
            f"SELECT part, count(DISTINCT patient) FROM read_parquet('{quoted(folder)}/sorted.parquet') GROUP BY part"
        ).fetchall()
        counts = _counted(base, read, f"kind <> '{SHARED}' AND NOT ({chosen})")
    result = Sorted(dict(sorted(counted)), counts, lost)
    write_whole(done, msgspec.json.encode(result))
    for file in folder.glob("read-*.parquet"):
        file.unlink()
    return result


def _newest(read: str, most: int) -> str:
    """The lines of the `large` patients that became known last, few enough for memory.

    Lines without a date, and the Patient, come first. Half of the lines are divided among the types, so that no flood
    of one type hides the newest of another.
    """
    return f"""
        SELECT * EXCLUDE (kinds, undated, place) FROM (
            SELECT *, kind = 'Patient' OR known = '' AS undated, row_number() OVER (
                PARTITION BY patient, kind ORDER BY (kind = 'Patient' OR known = '') DESC, known DESC) AS place
            FROM {read} JOIN large USING (patient) WHERE kind <> '{SHARED}')
        QUALIFY row_number() OVER (
            PARTITION BY patient ORDER BY place <= {most} // (2 * kinds) DESC, undated DESC, known DESC) <= {most}"""


def _lost(base: Any, read: str, kept: str) -> dict[str, dict[str, int]]:
    """How many lines of the `large` patients were left out, by patient and type."""
    of = "WHERE patient IN (SELECT patient FROM large) GROUP BY patient, kind"
    rows = base.execute(
        f"SELECT patient, kind, held.n - coalesce(stay.n, 0) FROM "
        f"(SELECT patient, kind, count(*) AS n FROM {read} {of}) "
        f"AS held LEFT JOIN (SELECT patient, kind, count(*) AS n FROM {kept} {of}) AS stay USING (patient, kind)"
    ).fetchall()
    lost: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for patient, kind, number in rows:
        if number:
            lost[patient][kind] = number
    return dict(lost)


def database(spill: Path, memory: str, threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """A database in memory that goes to disk when memory is short, and draws no progress bar of its own.

    Without `threads` it uses every core.
    """
    settings: dict[str, Any] = {"memory_limit": memory, "temp_directory": str(spill)}
    base = duckdb.connect(":memory:", config=settings if threads is None else {**settings, "threads": threads})
    base.execute("SET enable_progress_bar=false")
    return base


def parts_of(size: int, processes: int) -> int:
    """Into how many parts this many bytes are divided: small enough for memory, and enough for every process."""
    return max(size // _PART + 1, min(processes * 4, size // (1 << 18) + 1))


def _counted(base: Any, read: str, others: str) -> dict[str, int]:
    """The counts of the lines that are not judged, as they are made for those that are."""
    twice, differing = _repeated(base, read, others)
    early = base.execute(
        f"SELECT count(*) FROM {read} JOIN (SELECT patient, min(known) AS born FROM {read} "
        "WHERE kind = 'Patient' GROUP BY patient) USING (patient) "
        f"WHERE {others} AND known <> '' AND known < born[1:length(known)]"
    ).fetchall()[0][0]
    alone = base.execute(
        f"SELECT count(DISTINCT patient) FROM {read} WHERE {others} AND patient NOT IN "
        f"(SELECT patient FROM {read} WHERE kind IN ('Patient', 'Encounter'))"
    ).fetchall()[0][0]
    return {TWICE: twice, DIFFERING: differing, BEFORE_BIRTH: early, NO_MOMENT: alone}


def _repeated(base: Any, read: str, others: str) -> tuple[int, int]:
    """How many lines repeat the type and the id of another: with the same text, and with a different one."""
    base.execute(
        f"CREATE TEMP TABLE repeated AS SELECT patient, kind, id FROM {read} WHERE id <> '' AND {others} "
        "GROUP BY patient, kind, id HAVING count(*) > 1"
    )
    if not base.execute("SELECT count(*) FROM repeated").fetchall()[0][0]:
        return 0, 0
    twice, differing = 0, 0
    with Files() as files:
        query = (
            f"SELECT patient, kind, id, {PLACED} FROM {read} JOIN repeated USING (patient, kind, id) "
            f"WHERE {others} ORDER BY patient, kind, id"
        )
        for _, rows in groupby(_rows(base, query), key=lambda row: row[:3]):
            checksums = [crc32(files.line(*row[3:])) for row in rows]
            if len(set(checksums)) == 1:
                twice += len(checksums) - 1
            else:
                differing += len(checksums) - 1
    return twice, differing


def _rows(base: Any, query: str) -> Iterator[tuple[Any, ...]]:
    for batch in base.sql(query).to_arrow_reader(ROWS):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _copy(base: Any, query: str, target: Path) -> None:
    base.execute(f"COPY ({query}) TO '{quoted(target)}.tmp' (FORMAT parquet, COMPRESSION lz4, ROW_GROUP_SIZE {ROWS})")
    os.replace(f"{target}.tmp", target)


def quoted(path: Path) -> str:
    """A path, escaped to stand between quotation marks in SQL."""
    return str(path).replace("'", "''")
