"""A report made in a separate process, which has lower priority than the processes that answer requests.

`python -m service.reporting.child` reads its order as JSON from standard input, so that no process list shows the
address of the store.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from service.errors import ServiceError
from service.reporting.asking import Asked
from service.reporting.making import report, written
from service.store.database import place

_NICE = 10
_SECONDS = 900  # after which the process is ended
NOT_MADE = "the report could not be made: "


class Order(Struct, frozen=True):
    """What to make: the report of a store in one format, written to `file`; on failure, the reason goes to `failed`."""

    asked: Asked
    store_url: str | None
    data_dir: str | None
    least: int
    zone: str
    form: str
    file: str
    failed: str


def make(order: Order) -> None:
    """Make the report; its file appears complete or not at all."""
    from cards.rule_book import rule_book

    titles = {id: rule.title for id, rule in rule_book().rules.items()}
    url = place(order.store_url, Path(order.data_dir) if order.data_dir else None)
    zone = UTC if order.zone == "UTC" else ZoneInfo(order.zone)
    try:
        told = report(url, order.asked, order.least, titles, zone, datetime.now(UTC))
        _put(Path(order.file), written(told, order.form))
    except ServiceError as error:
        _put(Path(order.failed), f"{NOT_MADE}{error}")
    except Exception as error:
        _put(Path(order.failed), f"{NOT_MADE}{type(error).__name__}")


def _put(file: Path, text: str) -> None:
    whole = file.with_suffix(f".{os.getpid()}")
    whole.write_text(text, encoding="utf-8", newline="")
    whole.replace(file)


if __name__ == "__main__":
    signal.alarm(_SECONDS)
    with suppress(OSError):
        os.nice(_NICE)
    os.umask(0o077)
    make(msgspec.json.decode(sys.stdin.buffer.read(), type=Order))
