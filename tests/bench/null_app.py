"""The null route: what Flask and the server cost alone, served exactly as the service is."""

import gc
from typing import Any

from flask import Flask, Response, request

from service import server
from service.settings import Settings

ANSWER = b'{"cards":[]}'


def load(settings: Settings) -> Any:
    """The application in the place of the service's, with the collector in the same state."""
    app = Flask(__name__, static_folder=None)

    @app.get("/cds-services")
    def discover() -> Response:  # asked by the server, to know when it can say that it listens
        return Response(ANSWER, mimetype="application/json")

    @app.post("/cds-services/foot-drop-patient-view")
    def call() -> Response:
        request.get_data()
        return Response(ANSWER, mimetype="application/json")

    gc.collect()
    gc.freeze()
    gc.set_threshold(server._GC_THRESHOLD, 10, 10)
    return app


def main() -> None:
    """Serve it on a free port of loopback, by the code that serves the service."""
    server.serve(Settings(dev=True), "127.0.0.1", 0, 1, lambda line: print(line, flush=True), load)
