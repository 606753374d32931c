"""The lines of an export as rows for an engine that groups by patient: few and small, since moving each row costs time.

A pack holds lines of one patient: what the LineReader, which every engine uses, says about them and, separately, their
JSON, which most charts are judged without. Both are compressed.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import Any

import msgspec
import pyarrow as pa
import zstandard
from msgspec import Struct

from service.backtest.lines import KEPT, SHARED, Fate, Line, LineReader, Lines, references
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
        ("about", pa.binary()),
        ("packed", pa.binary()),
    ]
)
COLUMNS = "kind string, key string, lines int, is_trigger boolean, points_at array<string>, about binary, packed binary"
"""The columns of SCHEMA, as Spark names them."""
_HELD = 32 << 20  # bytes of lines that are held before they are packed
_PACK = 256 << 10  # bytes of lines in a pack, so that those of the largest chart come bit by bit
_WORTH = 512  # bytes that are worth compressing
_ROWS = 500  # in a batch
_LEVEL = -1  # of zstd: takes four fifths of the time of level 1
_COMPRESSED = zstandard.FRAME_HEADER
_POINTS = re.compile(rb"Medication\\?/")  # most prescriptions do not, and need not be decoded for it
_POINTING = frozenset({"MedicationRequest", "MedicationStatement"})


class Held(Struct, array_like=True, gc=False):
    """A line in a pack: what Line says of it, and how many bytes it has; its JSON once that is unpacked."""

    kind: str
    id: str
    known: str
    is_trigger: bool
    size: int
    raw: bytes = b""

    def record(self) -> Record:
        """The line as a record to judge."""
        return Record(self.kind, self.id, self.raw, self.is_trigger)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Held]).decode
_decompress = zstandard.ZstdDecompressor().decompress


def _whole(packed: bytes) -> bytes:
    return _decompress(packed) if packed.startswith(_COMPRESSED) else packed


class Pack:
    """Some lines of one patient; their JSON is unpacked only when it is asked for."""

    def __init__(self, about: bytes, packed: bytes) -> None:
        self.held = _decode(_whole(about))
        self._packed = packed

    def lines(self) -> list[Held]:
        """The lines with their JSON."""
        if self._packed:
            raws, start = _whole(self._packed), 0
            for one in self.held:
                end = start + one.size
                one.raw, start = raws[start:end], end
            self._packed = b""
        return self.held


class Packer:
    """Reads lines and packs them; `odd` holds what the reader counts about their dates."""

    def __init__(self, reader: LineReader, odd: Counter[str]) -> None:
        self._reader = reader
        self._odd = odd
        self._counts, self._kinds, self._size = Counter[str](), Counter[str](), 0
        self._patients, self._medicines = defaultdict[str, list[Line]](list), defaultdict[str, list[Line]](list)
        self._holds = 0
        self._compress = zstandard.ZstdCompressor(level=_LEVEL).compress

    def pack(self, blocks: Iterable[list[bytes] | Fate], *, has_end: bool = False) -> Iterator[pa.RecordBatch]:
        """The packs of these lines. `has_end` says that the last line may be cut off, as at the end of a file."""
        is_cut = False
        for block in blocks:
            if isinstance(block, Fate):
                is_cut = False
                self._counts[block] += 1
                continue
            raws = list(filter(None, map(bytes.strip, block)))
            lines = self._reader.read_all(raws)
            is_cut = lines.is_cut if raws else is_cut
            self._take(lines)
            if self._holds >= _HELD:
                yield from self._flush()
        if has_end and is_cut:  # the end of a file was not written, or not copied
            self._counts.update({Fate.NO_JSON: -1, Fate.CUT_OFF: 1})

    def _take(self, lines: Lines) -> None:
        for line in lines.every():
            (self._medicines[line.id] if line.kind == SHARED else self._patients[line.patient]).append(line)
            self._holds += len(line.raw)
        for (fate, kind), number in lines.others.items():
            self._counts[fate] += number
            self._kinds[kind] += number

    def end(self) -> Iterator[pa.RecordBatch]:
        """The packs of what is still held, and then what was counted."""
        yield from self._flush()
        kinds = {kind: number for kind, number in self._kinds.items() if kind}
        read = Read(dict(self._counts), kinds, dict(self._odd), self._size)
        yield _batch([(READ, None, 0, False, (), None, msgspec.json.encode(read))])

    def _flush(self) -> Iterator[pa.RecordBatch]:
        rows: list[tuple[Any, ...]] = []
        for kind, held in ((PATIENT, self._patients), (MEDICINE, self._medicines)):
            for key, lines in held.items():
                self._counts[KEPT] += len(lines)
                for some in _cut(lines):
                    rows.append(self._row(kind, key, some))
                    if len(rows) == _ROWS:
                        yield _batch(rows)
                        rows = []
            held.clear()
        if rows:
            yield _batch(rows)
        self._size += self._holds
        self._holds = 0

    def _row(self, kind: str, key: str, lines: list[Line]) -> tuple[Any, ...]:
        kinds = [one.kind for one in lines]
        self._kinds.update(kinds)
        about = _encode([(one.kind, one.id, one.known, one.is_trigger, len(one.raw)) for one in lines])
        packed = b"".join([one.raw for one in lines])
        pointed_at = set() if _POINTING.isdisjoint(kinds) else _pointed_at(lines)
        is_trigger = any(one.is_trigger for one in lines)
        return kind, key, len(lines), is_trigger, sorted(pointed_at), self._packed(about), self._packed(packed)

    def _packed(self, data: bytes) -> bytes:
        return self._compress(data) if len(data) >= _WORTH else data


def _pointed_at(lines: list[Line]) -> set[str]:
    """The Medications that prescriptions among the lines point at."""
    pointing = (one.raw for one in lines if one.kind in _POINTING and _POINTS.search(one.raw))
    return {identity for raw in pointing for identity in references(raw, SHARED)}


def _cut(lines: list[Line]) -> Iterator[list[Line]]:
    """The lines, divided into packs of about _PACK bytes."""
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

    If there are more than `most` lines, the newest are kept, half of them divided among the types, so that no flood of
    one type hides the newest of another. `lost` says how many of each type were left out.
    """

    def __init__(self, patient: str, most: int) -> None:
        self.patient = patient
        self.lines = 0
        self.medicines: dict[str, bytes] = {}
        self.lost = Counter[str]()
        self._most = most
        self._packs: list[Pack] = []
        self._held: list[Held] = []
        self._waiting = 0

    def take(self, kind: str, lines: int, about: bytes, packed: bytes) -> None:
        """Add a row."""
        pack = Pack(about, packed)
        if kind == MEDICINE:
            self.medicines |= {one.id: one.raw for one in pack.lines()}
            return
        self.lines += lines
        self._waiting += lines
        self._packs.append(pack)
        if len(self._held) + self._waiting > 2 * self._most:
            self._prune()

    @property
    def has_trigger(self) -> bool:
        """Whether a line that is held may make a rule speak."""
        return any(one.is_trigger for one in self.about())

    def about(self) -> list[Held]:
        """What is known about the lines that are held; their JSON may still be packed."""
        return [*self._held, *(one for pack in self._packs for one in pack.held)]

    def all(self) -> list[Held]:
        """The lines, once all have come."""
        self._prune()
        return self._held

    def of_kinds(self, kinds: Collection[str]) -> list[Held]:
        """The lines of some types, once all have come."""
        packs = (pack for pack in self._packs if any(one.kind in kinds for one in pack.held))
        every = chain(self._held, *(pack.lines() for pack in packs))
        return [one for one in every if one.kind in kinds]

    def _prune(self) -> None:
        for pack in self._packs:
            self._held += pack.lines()
        self._packs, self._waiting = [], 0
        if len(self._held) > self._most:
            kept = _newest(self._held, self._most)
            self.lost += Counter(one.kind for one in self._held) - Counter(one.kind for one in kept)
            self._held = kept


def _newest(lines: list[Held], most: int) -> list[Held]:
    """The lines that became known last; lines without a date, and the Patient, come first."""
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
    for key, kind, lines, about, packed in tuples(rows, ("key", "kind", "lines", "about", "packed")):
        if chart is None or chart.patient != key:
            if chart is not None:
                yield chart
            chart = Chart(key, most)
        chart.take(kind, lines, about, packed)
    if chart is not None:
        yield chart


def tuples(batches: Iterable[pa.RecordBatch], names: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    """The rows of batches, with the columns of these names."""
    for batch in batches:
        yield from zip(*(batch.column(name).to_pylist() for name in names), strict=True)
