"""A part of a sorted export: the lines of a few hundred patients, which one process judges at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Self

import msgspec
import pyarrow.parquet as pq

from service.backtest.lines import SHARED, references
from service.backtest.patient import Record
from service.backtest.places import Files
from service.backtest.sorting import PLACED, ROWS, Sorted

_POINTING = frozenset({"MedicationRequest", "MedicationStatement"})
_COLUMNS = ["part", "patient", "kind", "id", "is_trigger", *PLACED.split(", ")]


class Part:
    """The patients of one part, with the Medications that their records point at."""

    def __init__(self, folder: Path, number: int) -> None:
        self._number = number
        self._files = Files()
        self._sorted = pq.ParquetFile(folder / "sorted.parquet")
        self._medicines = pq.ParquetFile(folder / "medicines.parquet")
        self.lost = msgspec.json.decode((folder / "sorted.json").read_bytes(), type=Sorted).lost
        """How many lines of each type were left out, by patient."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self._files, self._sorted, self._medicines):
            file.__exit__()

    def medicines(self) -> Mapping[str, bytes]:
        """The Medications that records of this part point at, by id."""
        if not self._medicines.metadata.num_rows:
            return {}
        placed = (place for _, kind, _, _, *place in self._rows() if kind in _POINTING)
        wanted = {identity for place in placed for identity in references(self._files.line(*place), SHARED)}
        every = (row for batch in self._medicines.iter_batches(ROWS, columns=["id", "line"]) for row in _tuples(batch))
        return {identity: line for identity, line in every if identity in wanted}

    def patients(self) -> Iterator[tuple[str, list[Record]]]:
        """Each patient, with all records."""
        line = self._files.line
        for patient, rows in groupby(self._rows(), key=itemgetter(0)):
            yield patient, [Record(kind, id, line(*place), is_trigger) for _, kind, id, is_trigger, *place in rows]

    def _rows(self) -> Iterator[list[Any]]:
        """The rows of this part, in their order."""
        metadata = self._sorted.metadata
        for group in range(metadata.num_row_groups):
            bounds = metadata.row_group(group).column(0).statistics
            if bounds is not None and bounds.has_min_max and not bounds.min <= self._number <= bounds.max:
                continue
            for batch in self._sorted.iter_batches(ROWS, row_groups=[group], columns=_COLUMNS):
                yield from (row for part, *row in _tuples(batch) if part == self._number)


def _tuples(batch: Any) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in batch.columns), strict=True)
