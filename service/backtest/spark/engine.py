"""The engine of a Spark cluster: the lines are read and packed, grouped by patient, sorted, and judged as they stream.

Spark never holds a whole patient: a chart reaches Python in packs, and Python keeps its newest records.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

import msgspec
from msgspec import Struct
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from service.backtest.answer import CardRow, VerdictRow
from service.backtest.codes import DIGITS, Looked, one_in
from service.backtest.export import Export, Source
from service.backtest.lines import SHARED
from service.backtest.sorting import Read, parts_of
from service.backtest.spark import judging
from service.backtest.spark.judging import Work
from service.backtest.spark.packing import COLUMNS, MEDICINE, PATIENT, READ
from service.backtest.spark.storage import Folder
from service.backtest.summary import Summary, summed

_COUNTED = "part int, counts string"
_PLACE = "patient string, moment timestamp, encounter string"


def _said(kind: type[Struct]) -> str:
    return ", ".join(f"{name} string" for name in kind.__struct_fields__)


TABLES = {
    "verdicts": f"{_PLACE}, {_said(VerdictRow)}, milliseconds float",
    "cards": f"{_PLACE}, {_said(CardRow)}",
    "moments": f"{_PLACE}, milliseconds float, month string, class string, site string, sex string, age short, "
    "refused string",
}
"""The columns of each table, as Spark names them."""
_SORTED = ("key", "kind", "lines", "about", "packed")
_AT_ONCE = 16  # tasks that may run at once, if Spark does not say


class Engine:
    """The packed lines of an export, read once and kept on the disks of the executors.

    `reads` says what became of the lines, `absent` which resource types the export does not hold. `kinds` are types
    that count as held even without any line.
    """

    def __init__(self, work: Work, packed: DataFrame, kinds: Collection[str] = ()) -> None:
        self._work = work
        self._packed = packed.persist(StorageLevel.DISK_ONLY)
        rows = packed.where(f.col("kind") == READ).select("packed").collect()
        self.reads = [msgspec.json.decode(bytes(row.packed), type=Read) for row in rows]
        self._kinds = {kind for read in self.reads for kind in read.kinds}
        types = judging.backtest(work, frozenset()).types
        self.absent = frozenset(types - self._kinds - set(kinds) - {"Patient", "Encounter"})

    @classmethod
    def of_sources(
        cls, session: SparkSession, work: Work, sources: tuple[Source, ...], kinds: Collection[str]
    ) -> Engine:
        """The lines of files; each executor reads the files that it is given."""
        count = len(sources)
        asked = session.range(0, count, 1, count)
        return cls(work, asked.mapInArrow(partial(judging.read_sources, work, sources), COLUMNS), kinds)

    @classmethod
    def of_lines(cls, work: Work, lines: DataFrame, kinds: Collection[str]) -> Engine:
        """The lines in the only column of a DataFrame."""
        return cls(work, lines.mapInArrow(partial(judging.pack_lines, work), COLUMNS), kinds)

    def table(self, name: str) -> DataFrame:
        """A table of TABLES."""
        return self._charts().mapInArrow(partial(judging.said, self._work, self.absent, name), TABLES[name])

    def write(self, folder: Folder) -> list[dict[str, int]]:
        """Write each part of every table to a folder that all executors reach; returns the counts of each part."""
        written = self._charts().mapInArrow(partial(judging.written, self._work, self.absent, folder), _COUNTED)
        return [msgspec.json.decode(row.counts, type=dict[str, int]) for row in written.collect()]

    def summary(self) -> Summary:
        """What became of every line, and what had to be assumed; this judges every chart."""
        counted = self._charts().mapInArrow(partial(judging.counted, self._work, self.absent), _COUNTED)
        counts = [msgspec.json.decode(row.counts, type=dict[str, int]) for row in counted.collect()]
        return summed(Export(()), self.reads, counts, self.absent)

    def looked(self) -> Looked:
        """The codes that no value set knows, of the same patients as one machine would look at."""
        lines = self._packed.where(f.col("kind") == PATIENT)
        every = one_in(self.reads)
        number = f.conv(f.substring(f.sha2("key", 256), 1, DIGITS), 16, 10).cast("long")
        rows = lines.where(number % every == 0).select("key", "about", "packed")
        size = sum(read.size for read in self.reads) // every
        seen = self._sorted(rows, size).mapInArrow(partial(judging.looked_at, self._work), _COUNTED).collect()
        return judging.looked((row.part, row.counts) for row in seen)

    def close(self) -> None:
        """Remove the lines from the disks of the executors."""
        self._packed.unpersist()

    def _charts(self) -> DataFrame:
        """The lines of each patient together, with the Medications that they point at."""
        lines = self._packed.where(f.col("kind") == PATIENT)
        rows = lines.select(*_SORTED)
        if SHARED in self._kinds:
            rows = rows.unionByName(self._medicines(lines))
        return self._sorted(rows, sum(read.size for read in self.reads))

    def _sorted(self, rows: DataFrame, size: int) -> DataFrame:
        """Packs of `size` bytes of lines, sorted so that those of a patient come together."""
        return rows.repartition(parts_of(size, _at_once(self._packed.sparkSession)), "key").sortWithinPartitions("key")

    def _medicines(self, lines: DataFrame) -> DataFrame:
        """A row for each Medication that a chart points at, if the chart has a trigger or too many records."""
        is_looked_at = f.max("is_trigger") | (f.sum("lines") > self._work.settings.max_records)
        closely = lines.groupBy("key").agg(is_looked_at.alias("closely")).where("closely").select("key")
        pointed_at = lines.select("key", f.explode("points_at").alias("medicine")).distinct()
        medicines = self._packed.where(f.col("kind") == MEDICINE)
        medicines = medicines.select(f.col("key").alias("medicine"), "about", "packed")
        return (
            pointed_at.join(closely, "key", "left_semi")
            .join(medicines.dropDuplicates(["medicine"]), "medicine")
            .select("key", f.lit(MEDICINE).alias("kind"), f.lit(0).alias("lines"), "about", "packed")
        )


def _at_once(session: SparkSession) -> int:
    """How many tasks may run at once."""
    try:
        return int(session.sparkContext.defaultParallelism)
    except Exception:  # a client of Spark Connect has no context, and each version says so in its own way
        return _AT_ONCE
