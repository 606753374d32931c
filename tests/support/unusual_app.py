"""The service with extra addresses that do what no request may make it do; each is for the tests of `serve`.

with serving(folder, "--workers", "1", "--settings", file, command=COMMAND) as (process, address): ...
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import click
from flask import Response

from service import server
from service.settings import Settings
from service.settings import load as read_settings

COMMAND = (sys.executable, "-c", "from tests.support.unusual_app import main; main()")


def _hang() -> None:
    threading.Event().wait()


def _sleep() -> None:
    time.sleep(1)


WAYS: dict[str, Callable[[], None]] = {"/hang": _hang, "/sleep": _sleep}


def load(settings: Settings) -> Any:
    """The application, with these addresses."""
    app = server.load(settings)
    for path, way in WAYS.items():
        app.add_url_rule(path, path, lambda way=way: (way(), Response("done"))[1])
    return app


@click.command()
@click.argument("serve")
@click.option("--workers", type=int, default=1)
@click.option("--settings", "file", type=click.Path(), default=None)
def main(serve: str, workers: int, file: str | None) -> None:
    """Serve it on a free port of loopback, as `serve --dev` does."""
    assert serve == "serve"
    settings = read_settings(file, dev=True)  # type: ignore[arg-type]
    server.serve(settings, "127.0.0.1", 0, workers, lambda line: print(line, flush=True), load)
