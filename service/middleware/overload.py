"""Overload: a request for which there is no room is refused immediately, before any work is done for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from service.middleware.log import Wsgi

OVERLOADED = "foot-drop-cds.overloaded"
"""The key in the WSGI environ that marks a request for which the server has no room."""


def with_overload(inner: Wsgi, refused: Callable[[dict[str, Any]], Wsgi]) -> Wsgi:
    """Answer a request for which there is no room with `refused`."""

    def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if OVERLOADED in environ:
            return refused(environ)(environ, start_response)
        return inner(environ, start_response)

    return call
