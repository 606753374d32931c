"""Counting every reply, by what the routes have noted for the log."""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter
from typing import Any

from service.middleware.log import COUNTS, Wsgi
from service.operations.families import OTHER
from service.operations.metrics import METRICS, NOBODY

ARRIVED = "foot-drop-cds.arrived"
"""The key in the WSGI environ where the server stores when the request was complete, by time.perf_counter."""


COUNTED_AS = "foot-drop-cds.counted-as"
"""The key in the WSGI environ for counting a request under another service than the log names."""


def watched(inner: Wsgi) -> Wsgi:
    """Count every request by service, status and client, and its duration in seconds."""

    def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        started = environ.get(ARRIVED) or perf_counter()

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            counts = environ[COUNTS]
            service, client = environ.get(COUNTED_AS) or counts.get("service", OTHER), counts.get("client", NOBODY)
            METRICS.requests.add(service, status[:3], client)
            if "hidden" in counts:
                METRICS.hidden.add(client)
            METRICS.seconds.observe(perf_counter() - started, service)
            refused = counts.get("refused")
            if refused is not None:
                METRICS.tokens_refused.add(refused)
            return start_response(status, headers, *error)

        return inner(environ, start)

    return call
