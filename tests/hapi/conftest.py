"""One HAPI server for every test of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from service import examples
from service.app import create_app
from service.command import loading
from tests.hapi import build
from tests.hapi.hapi import Hapi
from tests.support.patients import NOW


@pytest.fixture(scope="session")
def running() -> Iterator[Hapi]:
    """The server, with every example as of NOW."""
    build.build()
    with Hapi() as server:
        assert list(loading.load(server.base, NOW)) == list(examples.names())
        yield server


@pytest.fixture
def hapi(running: Hapi) -> Hapi:
    """The server, with an access log that begins with the test."""
    running.asked()
    return running


@pytest.fixture(scope="session")
def service() -> FlaskClient:
    """The service as `serve --dev` runs it, at NOW."""
    return create_app(now=NOW, dev=True).test_client()
