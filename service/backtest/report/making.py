"""The report of a backtest, from its folder to files next to the results."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from service.backtest.errors import BacktestError
from service.backtest.report.comparison import Compared, Gain, comparison, refuse_others
from service.backtest.report.figures import figures
from service.backtest.report.queries import Queries
from service.backtest.report.report import Report
from service.backtest.report.results import opened, results
from service.backtest.report.tables import as_csv, as_json, write_gains
from service.backtest.sorting import write_whole

FORMS = ("csv", "json", "html")
GAINS = "gains-and-losses.csv"
_OWN = 0o077  # the permissions that everybody else is denied


def write(
    folder: Path,
    titles: Mapping[str, str],
    least: int,
    *,
    forms: Collection[str],
    before: Path | None = None,
    notice: str = "",
) -> Iterator[Path]:
    """Write the report of a folder into it, in each format, readable by its owner alone; yields each file once written.

    If there is an earlier run, both are compared, and the patients who gain or lose a card are listed. The page comes
    last. Raises BacktestError and, for HTML, PlotsMissingError if the package that draws is missing.
    """
    report = _report(folder, titles, least, before)
    if before is not None:
        yield folder / GAINS
    for form in FORMS:
        if form in forms:
            target = folder / f"report.{form}"
            text = _text(report, form, notice)
            with _for_owner(folder):
                write_whole(target, text.encode())
            yield target


@contextmanager
def _for_owner(folder: Path) -> Iterator[None]:
    """Within this context, files are written so that only their owner can read them."""
    mask = os.umask(_OWN)
    try:
        yield
    except OSError as error:
        raise BacktestError(f"{folder} cannot be written: {error.strerror}") from None
    finally:
        os.umask(mask)


def _report(folder: Path, titles: Mapping[str, str], least: int, before: Path | None) -> Report:
    now = results(folder)
    then = results(before) if before is not None else None
    if then is not None:
        refuse_others(now, then)
    zone = ZoneInfo(now.run.zone)
    made = f"{datetime.now(UTC).astimezone(zone):%Y-%m-%d %H:%M}"
    with opened(now, *([then] if then else ())) as base:
        asks = Queries(base, now)
        report = figures(now, asks, least, titles, made, version("foot-drop-cds"))
        if then is None:
            return report
        asks_before = Queries(base, then, "before")
        compared = Compared(base, now, then)
        order = {rule: place for place, rule in enumerate(titles)}
        both = comparison(compared, asks, asks_before, (now, then), order, least)
        _list(folder / GAINS, compared.patients())
    return msgspec.structs.replace(report, comparison=both)


def _list(target: Path, gains: Iterable[Gain]) -> None:
    whole = target.with_name(f"{target.name}.tmp")
    with _for_owner(target.parent):
        with whole.open("w", encoding="utf-8", newline="") as file:
            write_gains(file, gains)
        os.replace(whole, target)


def _text(report: Report, form: str, notice: str) -> str:
    if form == "html":
        from service.backtest.report.page import page

        return page(report, notice)
    return as_json(report) if form == "json" else as_csv(report)
