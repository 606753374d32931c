"""Codes of the export that no value set knows, looked for in one patient in a hundred before charts are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import nlargest
from itertools import groupby
from pathlib import Path

import msgspec
from msgspec import Struct

from cards.record.codes import Codes
from cards.record.decoding import read_resource
from cards.record.defects import Defect
from cards.record.errors import UnreadableError
from cards.record.records import Resource
from service.backtest.lines import SHARED
from service.backtest.places import Files
from service.backtest.sorting import PLACED, Read, database, quoted, write_whole
from service.memory.unknown import EVERY, MOST_RECORDS, codes_alone

CODES = "codes.json"
_FEWEST, _MOST = 100, 1_000  # patients who are looked at
_MOST_CODES = 100_000  # distinct ones that are counted
_LISTED = 500
DIGITS = 8  # hexadecimal digits of a hash, which choose the patients whose codes are looked at
_LARGE = 1_000  # lines of a large patient, for an export without Patient resources
_ROWS = 2_000  # lines that are held at once


class NotUnderstood(Struct, frozen=True):
    """A code that no value set knows: its prefetch key, our key that it looks like, and how many patients have it."""

    place: str
    system: str
    code: str
    looks_like: str
    patients: int


class Looked(Struct, frozen=True):
    """How many patients were looked at; their codes, those that look like ours first; how many more codes there are."""

    patients: int
    codes: tuple[NotUnderstood, ...]
    more: int


def look(folder: Path, target: Path, reads: Iterable[Read], codes: Codes, memory: str) -> None:
    """Look at the codes of the lines that were read into a folder, and write them to a file unless it exists.

    Raises OSError and duckdb.Error.
    """
    if target.exists() or not any(folder.glob("read-*.parquet")):
        return
    patients, counted = count(_patients(folder, one_in(reads), memory), codes)
    write_whole(target, msgspec.json.encode(listed(patients, counted)))


Codings = Counter[tuple[str, str, str, str]]
"""How many patients have each code: prefetch key, system, code, and the key of ours that it looks like."""
Line = tuple[str, str, str, bytes]
"""When a record became known, its type, its id, and its JSON."""


def count(patients: Iterable[Iterable[Line]], codes: Codes) -> tuple[int, Codings]:
    """How many patients these are, and the codes of their newest records that no value set knows."""
    number, counted = 0, Codings()
    for lines in patients:
        number += 1
        for code in set(codes_alone(_resources(lines), codes)):
            if code in counted or len(counted) < _MOST_CODES:
                counted[code] += 1
    return number, counted


def listed(patients: int, counted: Codings) -> Looked:
    """What is reported about the codes of this many patients."""
    ordered = sorted(counted.items(), key=lambda one: (not one[0][3], -one[1], one[0]))
    told = tuple(NotUnderstood(*code, number) for code, number in ordered[:_LISTED])
    return Looked(patients, told, len(ordered) - len(told))


def _patients(folder: Path, every: int, memory: str) -> Iterator[Iterator[Line]]:
    """The lines of each patient who is looked at, one in `every`."""
    read = f"read_parquet('{quoted(folder)}/read-*.parquet') WHERE kind <> '{SHARED}'"
    with database(folder / "spill", memory, 1) as base:
        named = f"SELECT DISTINCT patient FROM {read}"
        looked_at = f"SELECT patient FROM ({named}) WHERE ('0x' || sha256(patient)[1:{DIGITS}])::UBIGINT % {every} = 0"
        chosen = f"SELECT patient, known, kind, id, {PLACED} FROM {read} AND patient IN ({looked_at}) ORDER BY patient"
        batches = base.sql(chosen).to_arrow_reader(_ROWS)
        rows = (row for batch in batches for row in zip(*(one.to_pylist() for one in batch.columns), strict=True))
        with Files() as files:
            for _, lines in groupby(rows, key=lambda row: row[0]):
                yield ((known, kind, id, files.line(*placed)) for _, known, kind, id, *placed in lines)


def one_in(reads: Iterable[Read]) -> int:
    """How many patients there are for each one who is looked at: it divides the first DIGITS of the id's SHA-256.

    The number of patients is estimated from the lines that were read, without counting patients.
    """
    kinds = Counter[str]()
    for read in reads:
        kinds.update(read.kinds)
    patients = max(kinds["Patient"], kinds.total() // _LARGE)
    wanted = min(max(patients // EVERY, _FEWEST), _MOST)
    return max(-(-patients // wanted), 1)


def _resources(lines: Iterable[Line]) -> Iterator[Resource]:
    """The newest records of a patient that can be read, in an order that does not depend on the engine."""
    for _, kind, _, raw in nlargest(MOST_RECORDS, lines):
        defects: list[Defect] = []
        try:
            resource = read_resource(raw, kind, defects)
        except UnreadableError:
            continue
        if resource is not None:
            yield resource
