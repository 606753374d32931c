"""Codes of the export that no value set knows: looked at in one patient in a hundred, before charts are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import msgspec
from msgspec import Struct

from cards.record.codes import Codes
from cards.record.decoding import read_resource
from cards.record.defects import Defect
from cards.record.errors import UnreadableError
from cards.record.records import Resource
from service.backtest.lines import SHARED
from service.backtest.places import Files, Place
from service.backtest.sorting import PLACED, quoted, write_whole
from service.memory.unknown import EVERY, MOST_RECORDS, codes_alone

CODES = "codes.json"
_FEWEST, _MOST = 100, 1_000  # patients who are looked at
_MOST_CODES = 100_000  # different ones that are counted
_LISTED = 500
_ROWS = 2_000  # lines that are held at once


class NotUnderstood(Struct, frozen=True):
    """A code that no value set knows: the prefetch key, the key of ours that it looks like, and how many patients."""

    place: str
    system: str
    code: str
    looks_like: str
    patients: int


class Looked(Struct, frozen=True):
    """How many patients were looked at; their codes that look like ours, then the most frequent ones; how many more."""

    patients: int
    codes: tuple[NotUnderstood, ...]
    more: int


def look(folder: Path, target: Path, codes: Codes, memory: str) -> None:
    """Look at the lines that were read into a folder, and write what was seen to a file, unless it is there.

    Raises OSError and duckdb.Error.
    """
    if target.exists() or not any(folder.glob("read-*.parquet")):
        return
    patients, counted = 0, Counter[tuple[str, str, str, str]]()
    for records in _patients(folder, memory):
        patients += 1
        for code in set(codes_alone(records, codes)):
            if code in counted or len(counted) < _MOST_CODES:
                counted[code] += 1
    ordered = sorted(counted.items(), key=lambda one: (not one[0][3], -one[1], one[0]))
    listed = tuple(NotUnderstood(*code, number) for code, number in ordered[:_LISTED])
    write_whole(target, msgspec.json.encode(Looked(patients, listed, len(ordered) - len(listed))))


def _patients(folder: Path, memory: str) -> Iterator[list[Resource]]:
    """The records of each patient who is looked at, of each as many as may be."""
    read = f"read_parquet('{quoted(folder)}/read-*.parquet') WHERE kind <> '{SHARED}'"
    with duckdb.connect(":memory:") as base:
        base.execute(f"SET memory_limit='{memory}'")
        base.execute(f"SET temp_directory='{quoted(folder / 'spill')}'")
        base.execute("SET threads=1")
        every = _one_in(int(base.execute(f"SELECT count(DISTINCT patient) FROM {read}").fetchall()[0][0]))
        chosen = f"SELECT patient, kind, {PLACED} FROM {read} AND hash(patient) % {every} = 0 ORDER BY patient"
        batches = base.sql(chosen).to_arrow_reader(_ROWS)
        rows = (row for batch in batches for row in zip(*(one.to_pylist() for one in batch.columns), strict=True))
        with Files() as files:
            for _, lines in groupby(rows, key=lambda row: row[0]):
                yield list(_resources(lines, files))


def _one_in(patients: int) -> int:
    """Of how many patients one is looked at."""
    wanted = min(max(patients // EVERY, _FEWEST), _MOST)
    return max(-(-patients // wanted), 1)


def _resources(lines: Iterator[tuple[Any, ...]], files: Files) -> Iterator[Resource]:
    for number, (_, kind, *placed) in enumerate(lines):
        defects: list[Defect] = []
        try:
            resource = read_resource(files.line(Place(*placed)), kind, defects)
        except UnreadableError:
            continue
        if resource is not None and number < MOST_RECORDS:
            yield resource
