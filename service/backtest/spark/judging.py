"""What an executor does: it reads and packs lines, and judges charts with the Backtest that every engine uses."""

from __future__ import annotations

import gc
import os
import secrets
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec
import pyarrow as pa
from msgspec import Struct

from cards.record.codes import Codes
from cards.rule_book import rule_book
from service.app import evaluator
from service.backtest.as_of import KnownBy
from service.backtest.codes import Codings, Line, Looked, count, listed
from service.backtest.export import Source, blocks
from service.backtest.local import OPEN_TO_OWNER
from service.backtest.moments import Plan
from service.backtest.output import Rows, plain
from service.backtest.patient import BEFORE_BIRTH, DIFFERING, LOST, NO_MOMENT, TWICE, WITHOUT_TRIGGER, Backtest
from service.backtest.reading import ExportReader
from service.backtest.spark.packing import Chart, Pack, Packer, charts, tuples
from service.backtest.spark.storage import Folder
from service.evaluation import Evaluator
from service.expansions import read_expansions
from service.memory.own_words import in_own_words
from service.settings import Settings
from service.signoff.site import Site
from service.store.hashing import keyed_hash

_MOMENTS = 1_000  # whose rows are held before they are passed on
_COUNTED = pa.schema([("part", pa.int32()), ("counts", pa.string())])


class Work(Struct, frozen=True, kw_only=True):
    """What executors receive: only those `settings` on which verdicts depend, and none that is secret.

    `expansions` are the codes of the files that `codes_from` names, which executors cannot read. `key` is that of
    pseudonyms, empty if there are none; `name` tells one Work from another.
    """

    name: str
    settings: Settings
    expansions: Mapping[str, dict[str, list[str]]]
    plan: Plan
    known_by: KnownBy = KnownBy.RECORDED
    rules: frozenset[str] | None = None
    key: str = ""

    @property
    def most(self) -> int:
        """How many records of a patient are held: up to this number nothing differs from one machine."""
        return 2 * self.settings.max_records

    def rows(self) -> Rows:
        """A new collection of rows."""
        return Rows(keyed_hash(self.key) if self.key else plain, in_own_words if self.key else str, self.rules)


def work(
    settings: Settings,
    plan: Plan,
    known_by: KnownBy = KnownBy.RECORDED,
    rules: Iterable[str] | None = None,
    key: str = "",
) -> Work:
    """What executors receive: nothing of the settings that is secret, or that only this machine can read."""
    return Work(
        name=secrets.token_hex(8),
        settings=Settings(
            codes=settings.codes,
            medicine_classes=settings.medicine_classes,
            max_records=settings.max_records,
            time_zone=settings.time_zone,
            dev=True,
        ),
        expansions=read_expansions(settings.codes_from),
        plan=plan,
        known_by=known_by,
        rules=None if rules is None else frozenset(rules),
        key=key,
    )


_ready: dict[tuple[str, frozenset[str]], Backtest] = {}


def backtest(work: Work, absent: frozenset[str]) -> Backtest:
    """The Backtest of this process, made once for its many tasks."""
    if "pyspark.worker" in sys.modules:
        gc.freeze()  # after each task Spark collects garbage, and would search every imported module
    place = work.name, absent
    if place not in _ready:
        _ready.clear()
        settings = work.settings
        _ready[place] = Backtest(partial(_evaluator, work), work.plan, work.known_by, absent, settings.max_records)
    return _ready[place]


def _evaluator(work: Work, now: Callable[[], datetime], reader: ExportReader) -> Evaluator:
    settings = work.settings
    codes = Codes(settings.codes, settings.medicine_classes, work.expansions)
    return evaluator(settings, now, None, reader, Site(rule_book(), codes, zone=settings.zone, now=now))


def read_sources(work: Work, sources: tuple[Source, ...], asked: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Read the sources with these numbers, and pack their lines."""
    for batch in asked:
        for number in batch.column(0).to_pylist():
            packer = _packer(work)
            source = sources[number]
            yield from packer.pack((block for _, block in blocks(source)), has_end=source.end is None)
            yield from packer.end()


def pack_lines(work: Work, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Pack the lines in the only column."""
    packer = _packer(work)
    texts = (batch.column(0).cast(pa.binary()).drop_null().to_pylist() for batch in batches)
    yield from packer.pack(texts)
    yield from packer.end()


def _packer(work: Work) -> Packer:
    odd = Counter[str]()
    return Packer(backtest(work, frozenset()).line_reader(odd), odd)


def said(work: Work, absent: frozenset[str], table: str, rows: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """What was said of sorted charts, as rows of a table: verdicts, cards or moments."""
    for gathered, _ in _judged(work, absent, rows, _MOMENTS):
        yield from _usual(gathered.tables()[table]).to_batches()


def written(
    work: Work, absent: frozenset[str], folder: Folder, rows: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Write what was said of sorted charts to the files of this part, and yield what was counted.

    A part that is judged again, because an executor was lost, writes the same files again.
    """
    from pyspark import TaskContext

    context = TaskContext.get()
    number = context.partitionId() if context else 0
    before = os.umask(OPEN_TO_OWNER)
    try:
        for gathered, counts in _judged(work, absent, rows, None):
            for name, table in gathered.tables().items():
                folder.write_table(f"{name}-{number:05}.parquet", table)
            said = msgspec.json.encode(dict(counts)).decode()
            yield pa.RecordBatch.from_arrays([pa.array([number], pa.int32()), pa.array([said])], schema=_COUNTED)
    finally:
        os.umask(before)


def counted(work: Work, absent: frozenset[str], rows: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """What was counted of sorted charts."""
    for _, counts in _judged(work, absent, rows, None):
        said = msgspec.json.encode(dict(counts)).decode()
        yield pa.RecordBatch.from_arrays([pa.array([0], pa.int32()), pa.array([said])], schema=_COUNTED)


def looked_at(work: Work, rows: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The codes of sorted charts that no value set knows, with the number of charts."""
    every = tuples(rows, ("key", "about", "packed"))
    patients = (_lines(packs) for _, packs in groupby(every, key=itemgetter(0)))
    number, counted = count(patients, backtest(work, frozenset()).codes)
    if number:
        said = msgspec.json.encode(list(counted.items())).decode()
        yield pa.RecordBatch.from_arrays([pa.array([number], pa.int32()), pa.array([said])], schema=_COUNTED)


def looked(parts: Iterable[tuple[int, str]]) -> Looked:
    """The codes that were seen in all parts."""
    patients, counted = 0, Codings()
    for number, said in parts:
        patients += number
        counted.update(dict(msgspec.json.decode(said, type=list[tuple[tuple[str, str, str, str], int]])))
    return listed(patients, counted)


def _lines(packs: Iterable[tuple[Any, ...]]) -> Iterator[Line]:
    every = (one for _, about, packed in packs for one in Pack(about, packed).lines())
    return ((one.known, one.kind, one.id, one.raw) for one in every)


def _judged(
    work: Work, absent: frozenset[str], batches: Iterable[pa.RecordBatch], most: int | None
) -> Iterator[tuple[Rows, Counter[str]]]:
    """Rows of what was said of charts, with the counts, whenever there are `most` moments, and at the end."""
    judges, rows, counts, moments = backtest(work, absent), work.rows(), Counter[str](), 0
    is_empty = True
    for chart in charts(batches, work.most):
        is_empty = False
        moments += _judge(judges, chart, work.settings.max_records, rows, counts)
        if most and moments >= most:
            yield rows, counts
            rows, counts, moments, is_empty = work.rows(), Counter(), 0, True
    if not is_empty:
        yield rows, counts


def _judge(judges: Backtest, chart: Chart, max_records: int, rows: Rows, counts: Counter[str]) -> int:
    """Judge a chart; returns the number of its moments."""
    if not chart.has_trigger and chart.lines <= max_records:
        _count_others(chart, counts)
        every = chart.of_kinds(WITHOUT_TRIGGER)
        if not every:
            counts[NO_MOMENT] += 1
            return 0
    else:
        every = chart.all()
    try:
        records = [one.record() for one in every]
        judgement = judges.judge(chart.patient, records, chart.medicines, frozenset(chart.lost))
    except Exception as error:  # any error costs only this patient, whom no log names
        counts[f"patients who could not be judged ({type(error).__name__})"] += 1
        return 0
    rows.add(judgement)
    counts.update(judgement.counts)
    counts.update({"moments": len(judgement.judged), LOST: chart.lost.total()})
    return len(judgement.judged)


def _count_others(chart: Chart, counts: Counter[str]) -> None:
    """Count for lines that are not judged what is counted for those that are."""
    about = chart.about()
    others = [one for one in about if one.kind not in WITHOUT_TRIGGER]
    born = min((one.known for one in about if one.kind == "Patient"), default="")
    if born > min((one.known for one in others if one.known), default=born):
        counts[BEFORE_BIRTH] += sum(bool(one.known) and one.known < born[: len(one.known)] for one in others)
    named = [(one.kind, one.id) for one in others if one.id]
    if len(set(named)) == len(named):
        return
    same: dict[tuple[str, str], list[bytes]] = {}
    for one in chart.all():
        if one.id and one.kind not in WITHOUT_TRIGGER:
            same.setdefault((one.kind, one.id), []).append(one.raw)
    for raws in same.values():
        counts[TWICE if len(set(raws)) == 1 else DIFFERING] += len(raws) - 1


def _usual(table: pa.Table) -> pa.Table:
    """A table in the types that Spark accepts: no dictionaries, and moments in microseconds."""
    types = [pa.string() if pa.types.is_dictionary(kind.type) else kind.type for kind in table.schema]
    types = [pa.timestamp("us", tz="UTC") if pa.types.is_timestamp(kind) else kind for kind in types]
    return table.cast(pa.schema(list(zip(table.column_names, types, strict=True))))
