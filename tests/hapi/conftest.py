"""One HAPI server for every test of this folder; without Java or Maven they are left out, and one line says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from service import examples
from service.app import create_app
from service.command import loading
from tests.conftest import NOW
from tests.hapi import build
from tests.hapi.hapi import Hapi

_MISSING = build.missing()

collect_ignore_glob = ["test_*.py"] if _MISSING else []


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _MISSING:
        terminalreporter.write_line(f"The HAPI tests were left out: {_MISSING}.", yellow=True)


@pytest.fixture(scope="session")
def running() -> Iterator[Hapi]:
    """The server, with every example in it as at NOW."""
    build.build()
    with Hapi() as server:
        assert list(loading.load(server.base, NOW)) == list(examples.names())
        yield server


@pytest.fixture
def hapi(running: Hapi) -> Hapi:
    """The server; its access log begins with the test."""
    running.asked()
    return running


@pytest.fixture(scope="session")
def service() -> FlaskClient:
    """The service as `serve --dev` runs it, at NOW."""
    return create_app(now=NOW, dev=True).test_client()
