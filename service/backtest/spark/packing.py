"""The lines of an export as rows for an engine that groups by patient: few and small, for each costs on its way.

A pack is some lines of one patient, compressed together. The lines are read by the LineReader of every engine.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
import pyarrow as pa
import zstandard
from msgspec import Struct

from service.backtest.lines import SHARED, Fate, Line, LineReader, references
from service.backtest.patient import Record
from service.backtest.sorting import Read

PATIENT, MEDICINE, READ = "patient", "medicine", "read"
"""What a row is: lines of a patient, a Medication, or what was counted of the lines that were read."""
SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        ("key", pa.string()),
        ("lines", pa.int32()),
        ("is_trigger", pa.bool_()),
        ("points_at", pa.list_(pa.string())),
        ("packed", pa.binary()),
    ]
)
COLUMNS = "kind string, key string, lines int, is_trigger boolean, points_at array<string>, packed binary"
"""The columns of SCHEMA, as Spark names them."""
_HELD = 32 << 20  # bytes of lines that are held before they are packed
_PACK = 256 << 10  # bytes of lines of a pack, so that those of the largest chart come bit by bit
_WORTH = 2 << 10  # bytes that are worth compressing
_ROWS = 500  # of a batch
_COMPRESSED = zstandard.FRAME_HEADER
_POINTS = re.compile(rb"Medication\\?/")  # most prescriptions do not, and need not be looked through
_POINTING = frozenset({"MedicationRequest", "MedicationStatement"})


class Held(Struct, array_like=True, gc=False):
    """A line in a pack: what Line says of it."""

    kind: str
    id: str
    known: str
    is_trigger: bool
    raw: bytes

    def record(self) -> Record:
        """The line as a record that is judged."""
        return Record(self.kind, self.id, self.raw, self.is_trigger)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Held]).decode


def unpacked(packed: bytes) -> list[Held]:
    """The lines of a pack."""
    return _decode(zstandard.decompress(packed) if packed.startswith(_COMPRESSED) else packed)


class Packer:
    """Reads lines and packs them; `odd` is what the reader counts of their dates."""

    def __init__(self, reader: LineReader, odd: Counter[str]) -> None:
        self._reader = reader
        self._odd = odd
        self._counts, self._kinds, self._size = Counter[str](), Counter[str](), 0
        self._held = defaultdict[tuple[str, str], list[Line]](list)
        self._holds = 0
        self._compress = zstandard.ZstdCompressor(level=1).compress

    def pack(self, raws: Iterable[bytes | Fate], *, has_end: bool = False) -> Iterator[pa.RecordBatch]:
        """The packs of these lines. `has_end` says that the last one may be cut off, as that of a file may be."""
        kept = last = Fate.KEPT  # the members of an enumeration take long to look up, and to count
        read, kinds, held = self._reader.read, self._kinds, self._held
        for raw in raws:
            line = Line(raw) if isinstance(raw, Fate) else read(raw)
            last = line.fate
            kinds[line.kind] += 1
            if last is not kept:
                self._counts[last] += 1
                continue
            held[(MEDICINE, line.id) if line.kind == SHARED else (PATIENT, line.patient)].append(line)
            self._holds += len(line.raw)
            if self._holds >= _HELD:
                yield from self._flush()
        if has_end and last is Fate.NO_JSON:  # the end of a file was not written, or not copied
            self._counts.update({Fate.NO_JSON: -1, Fate.CUT_OFF: 1})

    def end(self) -> Iterator[pa.RecordBatch]:
        """What is still held, and then what was counted."""
        yield from self._flush()
        kinds = {kind: number for kind, number in self._kinds.items() if kind}
        read = Read(dict(self._counts), kinds, dict(self._odd), self._size)
        yield _batch([(READ, None, 0, False, (), msgspec.json.encode(read))])

    def _flush(self) -> Iterator[pa.RecordBatch]:
        rows: list[tuple[Any, ...]] = []
        for (kind, key), lines in self._held.items():
            self._counts[Fate.KEPT] += len(lines)
            for some in _cut(lines):
                rows.append(self._row(kind, key, some))
                if len(rows) == _ROWS:
                    yield _batch(rows)
                    rows = []
        if rows:
            yield _batch(rows)
        self._size += self._holds
        self._held.clear()
        self._holds = 0

    def _row(self, kind: str, key: str, lines: list[Line]) -> tuple[Any, ...]:
        packed = _encode([(one.kind, one.id, one.known, one.is_trigger, one.raw) for one in lines])
        if len(packed) >= _WORTH:
            packed = self._compress(packed)
        pointing = (one.raw for one in lines if one.kind in _POINTING and _POINTS.search(one.raw))
        pointed_at = {identity for raw in pointing for identity in references(raw, SHARED)}
        return kind, key, len(lines), any(one.is_trigger for one in lines), sorted(pointed_at), packed


def _cut(lines: list[Line]) -> Iterator[list[Line]]:
    """The lines in packs of about the size that a pack has at most."""
    start, size = 0, 0
    for number, line in enumerate(lines):
        size += len(line.raw)
        if size >= _PACK:
            yield lines[start : number + 1]
            start, size = number + 1, 0
    if start < len(lines):
        yield lines[start:]


def _batch(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    columns = [pa.array(column, kind.type) for column, kind in zip(zip(*rows, strict=True), SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


class Chart:
    """The lines of one patient as they come, with the Medications that they point at.

    Of more than `most` lines the newest are kept, half of them shared among the types, so that no flood of one type
    hides the newest of another; `lost` says how many of which type were left out.
    """

    def __init__(self, patient: str, most: int) -> None:
        self.patient = patient
        self.lines = 0
        self.medicines: dict[str, bytes] = {}
        self.lost = Counter[str]()
        self._most = most
        self._packs: list[bytes] = []
        self._held: list[Held] = []
        self._waiting = 0

    def take(self, kind: str, lines: int, packed: bytes) -> None:
        """Take in a row."""
        if kind == MEDICINE:
            self.medicines |= {one.id: one.raw for one in unpacked(packed)}
            return
        self.lines += lines
        self._waiting += lines
        self._packs.append(packed)
        if len(self._held) + self._waiting > 2 * self._most:
            self._prune()

    def all(self) -> list[Held]:
        """The lines, when all have come."""
        self._prune()
        return self._held

    def _prune(self) -> None:
        for packed in self._packs:
            self._held += unpacked(packed)
        self._packs, self._waiting = [], 0
        if len(self._held) > self._most:
            kept = _newest(self._held, self._most)
            self.lost += Counter(one.kind for one in self._held) - Counter(one.kind for one in kept)
            self._held = kept


def _newest(lines: list[Held], most: int) -> list[Held]:
    """The newest lines by since when they are known; what has no date, and who the patient is, come first."""
    kinds = {one.kind for one in lines}
    by_age = sorted(lines, key=lambda one: (one.kind == "Patient" or not one.known, one.known), reverse=True)
    share, taken = most // (2 * len(kinds)), Counter[str]()
    first: list[Held] = []
    beyond: list[Held] = []
    for one in by_age:
        (first if taken[one.kind] < share else beyond).append(one)
        taken[one.kind] += 1
    return [*first, *beyond[: most - len(first)]]


def charts(rows: Iterable[pa.RecordBatch], most: int) -> Iterator[Chart]:
    """The charts of rows that are sorted by patient."""
    chart: Chart | None = None
    for batch in rows:
        columns: Mapping[str, list[Any]] = batch.to_pydict()
        for key, kind, lines, packed in zip(*(columns[name] for name in _NEEDED), strict=True):
            if chart is None or chart.patient != key:
                if chart is not None:
                    yield chart
                chart = Chart(key, most)
            chart.take(kind, lines, packed)
    if chart is not None:
        yield chart


_NEEDED = ("key", "kind", "lines", "packed")
