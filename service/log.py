"""One JSON line a request on standard error: names, numbers and times, never anything of a patient."""

from __future__ import annotations

import sys
import traceback
from time import perf_counter
from typing import Any

import msgspec
import structlog
from flask import Flask, Response, g, request

# Only these methods stand in a log: what else a client calls a method is its own text.
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})


def install(app: Flask) -> None:
    """Log every request: method, service, status, milliseconds and counts."""
    log = logger()

    @app.before_request
    def start() -> None:
        g.started = perf_counter()
        g.counts = {}

    @app.after_request
    def record(reply: Response) -> Response:
        log.info(
            "request",
            method=request.method if request.method in _METHODS else "other",
            status=reply.status_code,
            milliseconds=round((perf_counter() - g.started) * 1000, 2),
            **g.counts,
        )
        return reply


def logger() -> Any:
    """A logger that writes JSON lines to standard error as it is now."""
    return structlog.wrap_logger(
        structlog.WriteLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=_to_json),
        ],
        wrapper_class=structlog.BoundLogger,
    ).bind()  # once: the lazy proxy would be made into a logger at every call


def fault(error: BaseException) -> dict[str, Any]:
    """Where a fault arose, for the log. An exception's own words may hold patient data: they are left out."""
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "error": type(error).__name__,
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]],
    }


def _to_json(event: Any, **_: Any) -> str:
    return msgspec.json.encode(event).decode()
