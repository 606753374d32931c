"""The one logger: lines on standard error, one per request, with names, numbers and times, but no patient data."""

from __future__ import annotations

import json
import logging
import os
import traceback
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from time import perf_counter
from typing import Any

import msgspec
import structlog

from cards.record.words import printable
from service.middleware.output import Output

# Only these methods are logged: anything else that a client sends as a method is its own text.
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})


LONGEST_ID = 128  # characters of a request id

OUTPUT = Output()
"""The log output of the whole process, and how many lines were lost."""

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]

COUNTS = "foot-drop-cds.counts"
"""The key in the WSGI environ of a dict, in which a route may put names and numbers for the log."""


_REQUEST: ContextVar[dict[str, Any] | None] = ContextVar("request", default=None)
_OF_REQUEST = ("request_id", "client")  # in every line about a request

FIELDS = frozenset(
    {
        *("timestamp", "level", "event", "lost"),
        *("request_id", "client", "method", "service", "status", "milliseconds", "records", "unreadable", "unseen"),
        *("refused", "patient", "user", "why", "error", "at", "rule", "place", "order", "library", "text"),
        *("worker", "restart", "restart_in_s", "signal", "exit_code", "checked_alone_for_s", "away_s"),
        *("hidden", "setting", "shadow", "quiet", "feedback", "again", "unknown_cards", "refused_entries"),
        *("waiting", "room", "count", "in_all"),
    }
)
"""The fields that a line may have; any others are left out. docs/operations.md says what each field means."""


def logged(inner: Wsgi) -> Wsgi:
    """Log every request: its id, method, service, status, milliseconds and counts. The reply carries the id."""
    log = logger()

    def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        started = perf_counter()
        identity = request_id(environ.get("HTTP_X_REQUEST_ID"))
        counts: dict[str, Any] = {"request_id": identity}
        environ[COUNTS] = counts
        method = environ["REQUEST_METHOD"]
        told = _REQUEST.set(counts)

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            log.info(
                "request",
                method=method if method in _METHODS else "other",
                status=int(status[:3]),
                milliseconds=round((perf_counter() - started) * 1000, 2),
                **counts,
            )
            return start_response(status, [*headers, ("X-Request-Id", identity)], *error)

        try:
            return inner(environ, start)
        finally:
            _REQUEST.reset(told)

    return call


def request_id(given: str | None) -> str:
    """The id that the caller gave the request, if it is short and in printable ASCII; else a new one."""
    if given and len(given) <= LONGEST_ID and given.isascii() and given.isprintable():
        return given
    return os.urandom(16).hex()


def of_request(name: str, default: str) -> str:
    """What is known about the current request, such as its `client`."""
    counts = _REQUEST.get()
    return default if counts is None else str(counts.get(name, default))


def configure(level: str, form: str) -> None:
    """Log from this level up (info, warning, error), as json or for a console; applies to loggers made later."""
    _written["level"], _written["form"] = level, form


def logger() -> Any:
    """A logger that writes to standard error, in lines of JSON unless it is configured otherwise."""
    return structlog.wrap_logger(
        OUTPUT,
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _name_request,
            _leave_out_unknown,
            _tell_lost,
            _RENDERERS[_written["form"]],
        ],
        wrapper_class=_WRAPPERS[_written["level"]],
    ).bind()  # bound once: the lazy proxy would create a logger at every call


class Relay(logging.Handler):
    """Forwards what libraries log without the values, which may be patient data: urllib3 names URLs."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the first line of the text, before values are inserted; the rest is a traceback."""
        log = logger()
        write = log.error if record.levelno >= logging.ERROR else log.warning
        write("library", library=record.name, text=str(record.msg).partition("\n")[0])


def survive(place: str, step: Callable[[], object]) -> None:
    """Run a step of a thread that has to go on: an error is logged as a fault at this place."""
    try:
        step()
    except Exception as error:
        logger().error("fault", place=place, **fault(error))


def fault(error: BaseException) -> dict[str, Any]:
    """Where a fault occurred, for the log. An exception's message may contain patient data, so it is left out."""
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "error": type(error).__name__,
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]],
    }


def _name_request(_: Any, __: str, event: Any) -> Any:
    counts = _REQUEST.get()
    if counts is not None:
        for name in _OF_REQUEST:
            if name in counts:
                event[name] = counts[name]
    return event


def _leave_out_unknown(_: Any, __: str, event: Any) -> Any:
    if event.keys() <= FIELDS:
        return event
    return {name: value for name, value in event.items() if name in FIELDS}


def _tell_lost(_: Any, __: str, event: Any) -> Any:
    if OUTPUT.lost:
        event["lost"] = OUTPUT.lost
    return event


def _to_json(event: Any, **_: Any) -> str:
    line = msgspec.json.encode(event).decode()
    # JSON escapes ASCII control characters except the last, and none of Unicode's: a terminal would act on them
    return line if line.isascii() and line.isprintable() else json.dumps(event)


def _to_console(_: Any, __: str, event: Any) -> str:
    """A line for people: time, level, event and the rest as name=value."""
    rest = " ".join(f"{name}={value}" for name, value in event.items() if name not in _FIRST)
    return printable(" ".join([*(str(event[name]) for name in _FIRST), rest]).rstrip())


_FIRST = ("timestamp", "level", "event")
_RENDERERS: dict[str, structlog.typing.Processor] = {
    "json": structlog.processors.JSONRenderer(serializer=_to_json),
    "console": _to_console,
}
_WRAPPERS = {
    name: structlog.make_filtering_bound_logger(level)
    for name, level in (("info", logging.INFO), ("warning", logging.WARNING), ("error", logging.ERROR))
}
_written = {"level": "info", "form": "json"}
