"""Making a report, from the store to its text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo

from sqlalchemy import URL

from service.reporting.asking import Asked
from service.reporting.figures import figures
from service.reporting.queries import Queries
from service.reporting.report import Report
from service.store.database import snapshot

SECONDS = 300
"""Seconds that a query may take."""
FORMATS = {"html": "text/html", "csv": "text/csv", "json": "application/json"}


def report(url: URL, asked: Asked, least: int, titles: Mapping[str, str], zone: tzinfo, now: datetime) -> Report:
    """The report of a store. Raises StoreAwayError."""
    with snapshot(url, SECONDS) as connection:
        return figures(Queries(connection, asked), asked, least, titles, zone, now)


def written(told: Report, form: str) -> str:
    """A report in one of the formats. Raises PlotsMissingError for HTML if the plotting package is missing."""
    return _writer(form)(told)


def _writer(form: str) -> Callable[[Report], str]:
    if form == "html":
        from service.reporting.page import page

        return page
    from service.reporting.tables import as_csv, as_json

    return as_json if form == "json" else as_csv
