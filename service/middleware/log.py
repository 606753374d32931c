"""The one logger: JSON lines on standard error, one a request; names, numbers and times, nothing of a patient."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

import msgspec
import structlog

from service.middleware.output import Output

# Only these methods stand in a log: what else a client calls a method is its own text.
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})


OUTPUT = Output()
"""Where all of the process logs to, and how many lines were lost."""

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]

COUNTS = "foot-drop-cds.counts"
"""Where in the WSGI environ a route may put names and numbers for the log, as a dict."""


def logged(inner: Wsgi) -> Wsgi:
    """Log every request: method, service, status, milliseconds and counts."""
    log = logger()

    def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        started = perf_counter()
        counts: dict[str, Any] = {}
        environ[COUNTS] = counts
        method = environ["REQUEST_METHOD"]

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            log.info(
                "request",
                method=method if method in _METHODS else "other",
                status=int(status[:3]),
                milliseconds=round((perf_counter() - started) * 1000, 2),
                **counts,
            )
            return start_response(status, headers, *error)

        return inner(environ, start)

    return call


def logger() -> Any:
    """A logger that writes JSON lines to standard error."""
    return structlog.wrap_logger(
        OUTPUT,
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _tell_lost,
            structlog.processors.JSONRenderer(serializer=_to_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    ).bind()  # once: the lazy proxy would be made into a logger at every call


class Relay(logging.Handler):
    """Hands on what libraries log, without the values, which may be a patient's: urllib3 names URLs."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the text before its values are put in, its first line: what follows is a traceback."""
        log = logger()
        write = log.error if record.levelno >= logging.ERROR else log.warning
        write("library", library=record.name, text=str(record.msg).partition("\n")[0])


def fault(error: BaseException) -> dict[str, Any]:
    """Where a fault arose, for the log. An exception's own words may hold patient data: they are left out."""
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "error": type(error).__name__,
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]],
    }


def _tell_lost(_: Any, __: str, event: Any) -> Any:
    if OUTPUT.lost:
        event["lost"] = OUTPUT.lost
    return event


def _to_json(event: Any, **_: Any) -> str:
    line = msgspec.json.encode(event).decode()
    # JSON escapes the control characters of ASCII but the last, and none of Unicode: a terminal would obey them
    return line if line.isascii() and line.isprintable() else json.dumps(event)
