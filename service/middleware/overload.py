"""Overload: a request for which there is no room any more is refused at once, before anything is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from service.middleware.log import Wsgi

OVERLOADED = "foot-drop-cds.overloaded"
"""In the WSGI environ of a request that the server has no room for."""


def with_overload(inner: Wsgi, refused: Callable[[dict[str, Any]], Wsgi]) -> Wsgi:
    """Answer a request for which there is no room as `refused` does."""

    def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if OVERLOADED in environ:
            return refused(environ)(environ, start_response)
        return inner(environ, start_response)

    return call
