"""The report for tools: as JSON, and as one table in CSV; and the list of patients who gain or lose a card."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import IO, Any

import msgspec
from msgspec import Struct

from service.backtest.report.comparison import Gain
from service.backtest.report.report import Comparison, OfRule, Read, Report
from service.reporting.tables import cell

HEADERS = ("about", "rule", "version", "indicator", "name", "measure", "value")
GAINS = ("rule", "patient", "gained", "lost", "louder", "quieter")
Line = tuple[str, str, str, str, str, str, Any]


def as_json(report: Report) -> str:
    """The whole report; null stands for a hidden number."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


def as_csv(report: Report) -> str:
    """A line for each number, which says what it is about; no spreadsheet takes a cell for a formula."""
    written = io.StringIO()
    write_rows(written, HEADERS, _lines(report))
    return written.getvalue()


def write_gains(file: IO[str], gains: Iterable[Gain]) -> None:
    """Write who gains a card and who loses one; the list names patients."""
    write_rows(file, GAINS, gains)


def write_rows(file: IO[str], headers: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write rows as RFC 4180 defines them."""
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(headers)
    for row in rows:
        writer.writerow([cell(value) for value in row])


def _lines(report: Report) -> Iterator[Line]:
    for measure, value in msgspec.structs.asdict(report).items():
        if (not isinstance(value, tuple | dict | Struct) and value is not None) or measure in ("patients", "moments"):
            yield "report", "", "", "", "", measure, value
    yield from _of_read(report.read)
    for tier in report.tiers:
        for measure, value in {**_measures(tier.tally), "in_moments": tier.in_moments}.items():
            yield "tier", "", "", tier.indicator, "", measure, value
    for rule in report.rules:
        yield from _of_rule(rule)
    for one in report.outcomes:
        for measure in ("card", "not_applicable", "suppressed", "could_not_evaluate"):
            yield "outcome", one.rule, one.version, "", measure.replace("_", "-"), "verdicts", getattr(one, measure)
        for cause in one.causes:
            yield "could not evaluate", one.rule, one.version, "", cause.cause, "verdicts", cause.verdicts
            yield "could not evaluate", one.rule, one.version, "", cause.cause, "patients", cause.patients
    for code in report.codes:
        name = f"{code.place} {code.system} {code.code}"
        yield "not understood", "", "", "", name, "patients", code.patients
        yield "not understood", "", "", "", name, "looks_like", code.looks_like
    if report.comparison:
        yield from _of_comparison(report.comparison)


def _of_read(read: Read) -> Iterator[Line]:
    for name, number in read.lines.items():
        yield "read", "", "", "", name, "lines", number
    for name, number in read.odd.items():
        yield "read", "", "", "", name, "number", number
    for about, sentences in (("not seen", read.absent), ("supposed", read.supposed), ("mind", read.notes)):
        for sentence in sentences:
            yield about, "", "", "", sentence, "", ""


def _of_rule(rule: OfRule) -> Iterator[Line]:
    own = rule.rule, rule.version, rule.indicator
    for measure, value in {**_measures(rule.tally), "spared_by_quiet_time": rule.spared}.items():
        yield "rule", *own, rule.title, measure, value
    for measure, value in msgspec.structs.asdict(rule.orders).items():
        if measure != "quartiles":
            yield "first order", *own, measure, "patients", value
    for name, days in zip(("lower quartile", "median", "upper quartile"), rule.orders.quartiles or (), strict=False):
        yield "first order", *own, name, "days_before", days
    for one in rule.slices:
        measures = {"moments": one.moments, "of_patients": one.of_patients, **_measures(one.tally)}
        for measure, value in measures.items():
            yield one.dimension, *own, one.name, measure, value


def _of_comparison(both: Comparison) -> Iterator[Line]:
    for one in both.editions:
        for name, version, tally in (("before", one.version_before, one.before), ("now", one.version_now, one.now)):
            for measure, value in _measures(tally).items():
                yield "edition", one.rule, version, one.indicator, name, measure, value
    for change in both.changes:
        for measure, value in msgspec.structs.asdict(change).items():
            if measure != "rule":
                yield "change", change.rule, "", "", "", measure, value
    for turned in both.turned:
        name = f"{turned.before} to {turned.now}"
        yield "turned", turned.rule, "", "", name, "verdicts", turned.verdicts
        yield "turned", turned.rule, "", "", name, "patients", turned.patients


def _measures(one: Any) -> dict[str, Any]:
    return msgspec.structs.asdict(one)
