"""Every test of the store runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from service.store.database import Database, place, prepare
from tests.support.machine import POSTGRESQL
from tests.support.postgresql import Server, postgresql

KINDS = ["sqlite", *([pytest.param("postgresql", marks=pytest.mark.slow)] if POSTGRESQL else [])]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The one PostgreSQL."""
    with postgresql() as running:
        yield running


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """Where an empty database is."""
    if request.param == "sqlite":
        return place(None, tmp_path / "data")
    running: Server = request.getfixturevalue("server")
    running.empty()
    return place(running.url, None)


@pytest.fixture
def database(url: URL) -> Iterator[Database]:
    """A database with its tables."""
    prepare(url)
    opened = Database(url)
    yield opened
    opened.close()
