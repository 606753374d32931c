"""GET /health/live and /health/ready: whether the process works, and whether it can answer calls.

Both are open to everybody and say nothing about a client. Neither contacts a hospital's FHIR server: if one is down,
that is no reason to take the service away from the others.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from service.middleware.log import Wsgi, survive
from service.operations.metrics import METRICS

LIVE = "/health/live"
READY = "/health/ready"
PATHS = frozenset({LIVE, READY})

LOOK_S = 5  # between two checks of the store and the keys

_HEADERS = [("Content-Type", "application/json"), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]


class Health:
    """What the service needs in order to answer.

    `is_store_usable` writes to the store and returns whether calls can be checked; None if there is no store.
    `has_keys` returns for each client, by name, whether a key for verifying its tokens is known. `are_modes_known`
    returns whether it is known which rules are switched off.
    """

    def __init__(
        self,
        is_store_usable: Callable[[], tuple[bool, bool]] | None,
        has_keys: Mapping[str, Callable[[], bool]],
        are_modes_known: Callable[[], bool] | None = None,
    ) -> None:
        self._is_store_usable = is_store_usable
        self._has_keys = has_keys
        self._are_modes_known = are_modes_known
        self._lock = threading.Lock()
        self._looked = -LOOK_S * 2.0
        self._lacking: tuple[str, ...] = ()

    def look(self) -> None:
        """Check the store and the keys, and update the metrics; this may take as long as the store takes."""
        with self._lock:
            lacking = []
            if self._is_store_usable is not None:
                is_up, is_usable = self._is_store_usable()
                METRICS.store_up.set(is_up)
                if not is_usable:
                    lacking.append("store")
            if self._are_modes_known is not None and not self._are_modes_known():
                lacking.append("modes")
            known = {client: has_keys() for client, has_keys in self._has_keys.items()}
            for client, is_known in known.items():
                METRICS.keys_known.set(is_known, client)
            if known and not any(known.values()):  # one client whose key server is down does not shut out the others
                lacking.append("keys")
            self._lacking = tuple(lacking)
            self._looked = time.monotonic()
            METRICS.ready.set(not self.lacking())

    def keep_looking(self) -> None:
        """Check repeatedly; in a separate thread if a check may take long."""
        if self._is_store_usable is None and not self._has_keys:
            self.look()
        else:
            threading.Thread(target=self._look_again, name="health", daemon=True).start()

    def _look_again(self) -> None:
        while True:
            survive("health", self.look)
            time.sleep(LOOK_S)

    def lacking(self) -> tuple[str, ...]:
        """What prevents the service from answering: the store, the modes, the keys, or that it is about to end."""
        return (*self._lacking, "draining") if METRICS.is_draining() else self._lacking

    def answering(self, inner: Wsgi) -> Wsgi:
        """Answer the two paths and leave all others to `inner`."""

        def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            path = environ.get("PATH_INFO")
            if path not in PATHS:
                return inner(environ, start_response)
            method = environ["REQUEST_METHOD"]
            if method not in ("GET", "HEAD"):
                start_response("405 METHOD NOT ALLOWED", [*_HEADERS, ("Allow", "GET, HEAD"), ("Content-Length", "0")])
                return ()
            status, body = ("200 OK", {"status": "live"}) if path == LIVE else self._ready()
            written = json.dumps(body).encode()
            start_response(status, [*_HEADERS, ("Content-Length", str(len(written)))])
            return (written,) if method == "GET" else ()

        return call

    def _ready(self) -> tuple[str, dict[str, Any]]:
        if time.monotonic() - self._looked > 2 * LOOK_S:  # a worker checks by itself, so that nobody waits here
            self.look()
        lacking = self.lacking()
        METRICS.ready.set(not lacking)
        if lacking:
            return "503 SERVICE UNAVAILABLE", {"status": "not ready", "lacking": list(lacking)}
        return "200 OK", {"status": "ready"}
