"""The null route: the cost of Flask and the server alone, served exactly as the service is."""

import gc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jwt
from flask import Flask, Response, request

from service import server
from service.settings import Settings
from service.settings import load as read_settings
from service.trust.key_set import read_key_file
from tests.support.signing import AUDIENCE, ISSUER

ANSWER = b'{"cards":[]}'


def load(settings: Settings, check: Callable[[], object] = lambda: None) -> Any:
    """The application instead of the service's, with the collector in the same state; `check` is called first."""
    app = Flask(__name__, static_folder=None)

    @app.get("/cds-services")
    def discover() -> Response:  # called by the server, to know when it can say that it listens
        return Response(ANSWER, mimetype="application/json")

    @app.post("/cds-services/foot-drop-patient-view")
    def call() -> Response:
        check()
        request.get_data()
        return Response(ANSWER, mimetype="application/json")

    gc.collect()
    gc.freeze()
    gc.set_threshold(server._GC_THRESHOLD, 10, 10)
    return app


def main() -> None:
    """Serve it on a free port of loopback, by the code that serves the service."""
    server.serve(Settings(dev=True), "127.0.0.1", 0, 1, partial(print, flush=True), load)


def load_signed(settings: Settings) -> Any:
    """The same, but with each token verified by PyJWT alone: the signature and the claims, no replay."""
    (client,) = settings.clients.values()
    assert client.keys_file is not None
    keys = read_key_file(client.keys_file)

    def verify() -> object:
        of_request = request.headers["Authorization"].removeprefix("Bearer ")
        header = jwt.get_unverified_header(of_request)
        key = keys.key(header["kid"], header["alg"])
        assert key is not None
        return jwt.decode(of_request, key, list(client.algorithms), audience=AUDIENCE, issuer=ISSUER)

    return load(settings, verify)


def signed(file: str) -> None:
    """Serve that, with the client of a settings file."""
    say = partial(print, flush=True)
    server.serve(read_settings(Path(file), {}), "127.0.0.1", 0, 1, say, load_signed)
