"""CORS: which pages may call from a browser, and the preflight that asks."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, request

_MAX_AGE = "600"


def install(app: Flask, allows: Callable[[str], bool]) -> None:
    """Answer preflights before anything else, and name the origin on every reply, errors included."""

    @app.before_request
    def answer_preflight() -> Response | None:
        if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
            return None
        reply = Response(status=204)
        if allows(request.headers.get("Origin", "")):
            reply.headers["Access-Control-Allow-Methods"] = "GET, POST"
            # By the Fetch standard `*` does not cover Authorization.
            reply.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
            reply.headers["Access-Control-Max-Age"] = _MAX_AGE
        return reply

    @app.after_request
    def name_origin(reply: Response) -> Response:
        reply.headers["Vary"] = "Origin"
        origin = request.headers.get("Origin")
        if origin is not None and allows(origin):
            reply.headers["Access-Control-Allow-Origin"] = origin
        return reply
