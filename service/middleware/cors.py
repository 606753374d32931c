"""CORS: which pages may call the CDS services (and nothing else) from a browser, and the preflight requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from service.middleware.log import Wsgi

_PREFLIGHT = [
    ("Access-Control-Allow-Methods", "GET, POST"),
    # By the Fetch standard `*` does not cover Authorization.
    ("Access-Control-Allow-Headers", "Authorization, Content-Type"),
    ("Access-Control-Max-Age", "600"),
]
_VARY = [("Vary", "Origin")]
_SERVICES = "/cds-services"


def with_cors(inner: Wsgi, allows: Callable[[str], bool]) -> Wsgi:
    """Below /cds-services, answer preflights before anything else, and name the origin on every reply, even errors."""

    def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path != _SERVICES and not path.startswith(f"{_SERVICES}/"):
            return inner(environ, start_response)
        origin = environ.get("HTTP_ORIGIN")
        named = _VARY
        if origin is not None and allows(origin):
            named = [*_VARY, ("Access-Control-Allow-Origin", origin)]
        if environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ:
            start_response("204 NO CONTENT", named if named is _VARY else [*named, *_PREFLIGHT])
            return ()

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            return start_response(status, headers + named, *error)

        return inner(environ, start)

    return call
