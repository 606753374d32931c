"""The example reports of a backtest: over the ten patients of Synthea, and over an invented population.

`python -m tests.support.backtest_example build/backtest-example --docs docs` writes both reports, and what docs/ shows
of the second: `backtest_example.md` and its two pictures.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import msgspec

from service.backtest.report.page import days_words, in_time, rate_words, rates
from service.backtest.report.report import OfRule, Report, Tier
from service.reporting.small_counts import Count
from tests.support import example_population
from tests.support.places import DATA

NOTICE = "invented patients: shows the report, predicts nothing"
_COMMAND = [sys.executable, "-m", "service.command.cli"]
_COLOURS = {
    "ink": "#1a1a1a",
    "grid": "#c4c9ce",
    "one": "#0b5fa5",
    "two": "#c98500",
    "three": "#d9dde1",
    "bad": "#b00000",
}
_VARIABLE = re.compile(r"var\(--plot-(\w+)\)")
_SIZE = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
_MOST_ROWS = 12


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--patients", default=100_000, show_default=True)
@click.option("--docs", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of the documents.")
@click.option("--report-only", is_flag=True, help="The backtests are there already.")
def main(folder: Path, patients: int, docs: Path | None, report_only: bool) -> None:
    """Write an invented population and the reports of two backtests to FOLDER."""
    exports = {"synthea": DATA / "synthea_10", "population": folder / "export"}
    if not report_only:
        example_population.write(folder / "export", patients)
    for name, export in exports.items():
        out = folder / name
        if not report_only:
            subprocess.run([*_COMMAND, "backtest", str(export), "--out", str(out), "--no-report"], check=True)
        forms = [word for form in ("html", "csv", "json") for word in ("--format", form)]
        subprocess.run([*_COMMAND, "backtest-report", str(out), "--notice", NOTICE, *forms], check=True)
    if docs:
        show(folder / "population", docs)


def show(out: Path, docs: Path) -> None:
    """Write the parts of a report that the documents show."""
    report = msgspec.json.decode((out / "report.json").read_bytes(), type=Report)
    for name, picture in (("rates", rates(report)), ("in_time", in_time(report))):
        (docs / f"backtest_example_{name}.svg").write_text(_alone(picture), encoding="utf-8")
    (docs / "backtest_example.md").write_text("\n".join(_document(report)), encoding="utf-8")


def _alone(picture: str) -> str:
    """A plot outside its page, in the colours for paper and at the size at which it was drawn."""
    coloured = _VARIABLE.sub(lambda name: _COLOURS[name[1]], picture)
    size = _SIZE.search(coloured)
    width, height = size.groups() if size else ("", "")
    own = f'xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt" style="background: #fff"'
    return coloured.replace("<svg ", f"<svg {own} ", 1) + "\n"


def _document(report: Report) -> Iterator[str]:
    yield f"# {NOTICE}\n"
    yield (
        "This page shows part of what `make backtest-example` writes: the report of [a backtest](backtest.md) over a "
        "population that\n`tests.support.example_population` invents. "
        "The full report has these tables for every rule, and plots by month."
    )
    period = f"{report.unit} from {report.first} to {report.last}"
    yield f"\n{_count(report.patients)} patients, {_count(report.moments)} {period}."
    yield "\n## What was read, what was not seen, and what had to be assumed\n"
    fates = {("lines that were read" if fate == "kept" else fate): of for fate, of in report.read.lines.items()}
    yield from _table(("what became of it", "lines"), [(fate, _count(number)) for fate, number in fates.items()])
    yield from _table(
        ("what was odd", "how many"), [(name, _count(number)) for name, number in report.read.odd.items()]
    )
    yield from (f"- Not seen: {one}" for one in report.read.absent)
    yield from (f"- {one}" for one in report.read.supposed)
    yield f"\n## How often each rule would have spoken\n\n{_picture(f'Cards per 1,000 {report.unit}', 'rates')}\n"
    names = (
        "tier",
        "cards",
        f"per 1,000 {report.unit}",
        f"{report.unit} with a card",
        "patients",
        "per 1,000 patients",
    )
    yield from _table(names, [_tier(one) for one in report.tiers])
    names = ("rule", "tier", "cards", f"per 1,000 {report.unit}", "patients", "per 1,000 patients")
    yield from _table((*names, "spared by quiet time"), [_spoken(one) for one in report.rules])
    yield f"## Whether the cards would have come in time\n\n{_picture('Before the order or after it', 'in_time')}\n"
    names = ("rule", "tier", "before", "same day", "after", "never ordered")
    quartiles = ("lower quartile", "median", "upper quartile")
    yield from _table((*names, *quartiles), [_ordered(one) for one in report.rules if one.orders.quartiles])
    yield from _of_one(max(report.rules, key=lambda one: one.tally.cards or 0), report.unit)
    yield "## What could not be evaluated, and why\n"
    causes = [(one.rule, cause.cause, _count(cause.verdicts)) for one in report.outcomes for cause in one.causes]
    yield from _table(("rule", "cause", report.unit), causes[:_MOST_ROWS])
    yield f"## Codes that no value set knows\n\nThe records of {_count(report.looked_at)} patients were looked at.\n"
    alike = [(one.place, one.code, _count(one.patients), one.looks_like) for one in report.codes if one.looks_like]
    yield from _table(("prefetch key", "code", "patients", "looks like"), alike[:_MOST_ROWS])


def _picture(words: str, name: str) -> str:
    return f"![{words}](backtest_example_{name}.svg)"


def _tier(one: Tier) -> tuple[str, ...]:
    tally = one.tally
    told = (_count(tally.cards), rate_words(tally.per_1000_moments), _count(one.in_moments), _count(tally.patients))
    return (one.indicator, *told, rate_words(tally.per_1000_patients))


def _spoken(one: OfRule) -> tuple[str, ...]:
    tally = one.tally
    told = (_count(tally.cards), rate_words(tally.per_1000_moments), _count(tally.patients))
    return (one.rule, one.indicator, *told, rate_words(tally.per_1000_patients), _count(one.spared))


def _ordered(one: OfRule) -> tuple[str, ...]:
    orders = one.orders
    counts = (_count(number) for number in (orders.before, orders.same_day, orders.after, orders.never))
    return (one.rule, one.indicator, *counts, *(days_words(days) for days in orders.quartiles or ()))


def _of_one(rule: OfRule, unit: str) -> Iterator[str]:
    yield f"## By age, sex and site: {rule.name}\n"
    rows = [
        (one.dimension, one.name, _count(one.moments), _count(one.tally.cards), rate_words(one.tally.per_1000_moments))
        for one in rule.slices
        if one.dimension != "month"
    ]
    yield from _table(("by", "", unit, "cards", f"per 1,000 {unit}"), rows)


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"
    yield ""


def _count(count: Count) -> str:
    return "hidden" if count is None else f"{count:,}"


if __name__ == "__main__":
    main()
