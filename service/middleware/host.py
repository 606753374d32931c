"""The Host header: a page whose own name points to this machine's address calls by that name, and is not served."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from service.middleware.log import Wsgi

_LONGEST = 300  # characters: a name of DNS has 253, and a port


def with_host(inner: Wsgi, is_own: Callable[[str], bool], refused: Callable[[dict[str, Any]], Wsgi]) -> Wsgi:
    """Serve requests that use one of the service's own names, as `is_own` decides; otherwise answer with `refused`."""
    is_own = lru_cache(64)(is_own)

    def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        header = environ.get("HTTP_HOST", "")
        if len(header) > _LONGEST or not is_own(header):
            return refused(environ)(environ, start_response)
        return inner(environ, start_response)

    return call
