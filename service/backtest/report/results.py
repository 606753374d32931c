"""What a backtest left in its folder, opened for queries."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import msgspec
from msgspec import Struct, field

from cards.record.decoding import NO_JSON
from service.backtest.asked import FILE
from service.backtest.codes import CODES, Looked
from service.backtest.errors import BacktestError
from service.backtest.sorting import database, quoted
from service.backtest.summary import Summary

KINDS = ("verdicts", "cards", "moments")
MEMORY = "2GB"
_NUMBER = re.compile(r"-(\d+)\.parquet$")
_END = b"PAR1"  # of every Parquet file
_NEEDED = {
    "verdicts": ("patient", "moment", "encounter", "rule", "version", "outcome", "indicator", "reason"),
    "cards": (
        *("patient", "moment", "encounter", "rule", "version", "indicator", "suggests", "first_order"),
        *("fingerprint", "unseen"),
    ),
    "moments": ("patient", "moment", "encounter", "month", "site", "sex", "age", "refused"),
}


class Asked(Struct):
    """When the rules were asked, as run.json says it."""

    at: str = "encounters"
    first: date | None = None
    last: date | None = None
    hook: str = "patient-view"


class Run(Struct, rename="camel"):
    """What was asked for when the backtest was started. `versions` are those of all rules."""

    plan: Asked
    known_by: str = "recorded"
    rules: list[str] | None = None
    pseudonymous: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    program: str = ""

    @property
    def zone(self) -> str:
        """The name of the site's time zone."""
        return str(self.settings.get("time_zone") or "UTC")


class Results(Struct, frozen=True):
    """A finished backtest: what was asked for, what was counted, and its files by kind."""

    folder: Path
    run: Run
    summary: Summary
    looked: Looked | None
    files: Mapping[str, tuple[Path, ...]]

    def table(self, kind: str) -> str:
        """The rows of a kind, as a table in a query."""
        listed = ", ".join(f"'{quoted(file)}'" for file in self.files[kind])
        return f"read_parquet([{listed}])"


def results(folder: Path) -> Results:
    """The results in a folder. Raises BacktestError if they are not a whole result of a backtest."""
    if not folder.is_dir():
        raise BacktestError(f"{folder} is not a folder")
    if not (folder / "summary.json").exists():
        raise BacktestError(f"{folder} holds no finished backtest: there is no summary.json; continue with --resume")
    summary = _read(folder / "summary.json", Summary)
    looked = _read(folder / CODES, Looked) if (folder / CODES).exists() else None
    files = {kind: tuple(_files(folder, kind)) for kind in KINDS}
    numbers = {kind: {found[1] for file in of if (found := _NUMBER.search(file.name))} for kind, of in files.items()}
    for kind, of in numbers.items():
        if missing := sorted(set.union(*numbers.values()) - of):
            raise BacktestError(f"{folder}/{kind}-{missing[0]}.parquet is missing: run the backtest again")
    if summary.moments and not all(files.values()):
        raise BacktestError(f"{folder} lacks Parquet files of verdicts, cards or moments: run the backtest again")
    return Results(folder, _read(folder / FILE, Run), summary, looked, files)


def _files(folder: Path, kind: str) -> Iterator[Path]:
    """The files of a kind, and those in folders of a kind, as engines write them; each must be complete."""
    for file in sorted([*folder.glob(f"{kind}*.parquet"), *folder.glob(f"{kind}*.parquet/*.parquet")]):
        if file.is_file():
            if _end(file) != _END:
                raise BacktestError(f"{file} is cut off or damaged: run the backtest again")
            yield file


def _end(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            opened.seek(-min(file.stat().st_size, len(_END)), os.SEEK_END)
            return opened.read()
    except OSError as error:
        raise BacktestError(f"{file} cannot be read: {error.strerror}") from None


def _read(file: Path, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except OSError as error:
        raise BacktestError(f"{file} cannot be read: {error.strerror}") from None
    except (*NO_JSON, msgspec.ValidationError):
        raise BacktestError(f"{file} is damaged: run the backtest again") from None


@contextmanager
def opened(*every: Results) -> Iterator[Any]:
    """A DuckDB that has checked these results, and that puts on disk what does not fit into its memory.

    Raises BacktestError if a file cannot be read.
    """
    try:
        with TemporaryDirectory(prefix="report-", dir=every[0].folder) as spill, database(Path(spill), MEMORY) as base:
            base.execute("SET preserve_insertion_order=false")
            for one in every:
                _look(base, one)
            yield base
    except duckdb.OutOfMemoryException:
        raise BacktestError("there is not enough memory or disk space for the report") from None
    except (duckdb.Error, OSError) as error:
        said = str(error).partition("\n")[0]
        raise BacktestError(f"the results cannot be read, or {every[0].folder} not written: {said}") from None


def _look(base: Any, one: Results) -> None:
    for kind, needed in _NEEDED.items():
        if not one.files[kind]:
            raise BacktestError(f"{one.folder} holds no patient who was judged: there is nothing to report")
        has = {row[0] for row in base.execute(f"DESCRIBE SELECT * FROM {one.table(kind)}").fetchall()}
        if missing := [name for name in needed if name not in has]:
            raise BacktestError(f"{one.folder} was written by an older version (no {missing[0]}): run it again")
    held = base.execute(f"SELECT count(*) FROM {one.table('moments')}").fetchall()[0][0]
    if held != one.summary.moments:
        raise BacktestError(
            f"the files in {one.folder} hold {held:,} moments, and summary.json says {one.summary.moments:,}: "
            "run the backtest again"
        )


def words(asked: Asked) -> str:
    """In words, at which moments the rules were asked."""
    within = " ".join(f"{word} {day}" for word, day in (("from", asked.first), ("to", asked.last)) if day is not None)
    if asked.at == "encounters":
        when = (
            "at the end of each encounter"
            if asked.hook == "encounter-discharge"
            else "at the beginning of each encounter"
        )
    elif asked.at == "daily":
        when = "at the end of each day"
    else:
        when = f"once, on {datetime.fromisoformat(asked.at):%Y-%m-%d at %H:%M}"
    return f"{when} {within}".strip()
