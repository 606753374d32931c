"""The report for tools: as JSON and as one CSV table for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import msgspec

from service.reporting.report import OfRule, Report

HEADERS = ("about", "rule", "version", "name", "measure", "value")
HIDDEN = "hidden"
_LISTS = ("rule", "title", "version", "reasons", "causes", "firing_rate")
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")

Line = tuple[str, str, str, str, str, Any]


def as_json(report: Report) -> str:
    """The whole report; hidden numbers are null."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


def as_csv(report: Report) -> str:
    """One line for each number that says what it is about; a spreadsheet reads no cell as a formula."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")  # RFC 4180
    writer.writerow(HEADERS)
    for line in _lines(report):
        writer.writerow([cell(value) for value in line])
    return written.getvalue()


def _lines(report: Report) -> Iterator[Line]:
    for measure, value in msgspec.structs.asdict(report).items():
        if not isinstance(value, tuple):
            yield "report", "", "", "", measure, value
    for rule in report.rules:
        yield from _of_rule(rule)
    for about, of in (
        ("latency", report.latency),
        ("missing", report.missing),
        ("not understood", report.not_understood),
    ):
        for one in of:
            name, *measures = msgspec.structs.asdict(one).items()
            if about == "not understood":
                name, measures = (name[0], " ".join(str(value) for _, value in [name, *measures[:2]])), measures[2:]
            for measure, value in measures:
                yield about, "", "", str(name[1]), measure, value


def _of_rule(rule: OfRule) -> Iterator[Line]:
    own = rule.rule, rule.version
    for measure, value in msgspec.structs.asdict(rule).items():
        if measure not in _LISTS:
            yield "rule", *own, rule.title, measure, value
    for reason in rule.reasons:
        yield "override reason", *own, reason.code or reason.display, "cards", reason.cards
    for cause in rule.causes:
        yield "could not evaluate", *own, cause.cause, "evaluations", cause.evaluations
    for point in rule.firing_rate.points:
        for measure, value in msgspec.structs.asdict(point).items():
            if measure != "date":
                yield "firing rate", *own, point.date, measure, value


def cell(value: Any) -> str:
    """A value as written in CSV: hidden values are named as such, and a spreadsheet reads nothing as a formula."""
    if value is None:
        return HIDDEN
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULAS) else text
