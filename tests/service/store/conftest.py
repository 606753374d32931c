"""Every test of the store runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from service.store.database import Database, place, prepare
from tests.support.machine import POSTGRESQL
from tests.support.postgresql import Server, postgresql

# The files that try PostgreSQL in `make test` already; the others do so in `make test-long`.
AT_ONCE = {"test_migrations.py", "test_postgresql.py", "test_store.py", "test_tables.py"}
KINDS = ["sqlite", *([pytest.param("postgresql", marks=pytest.mark.slow)] if POSTGRESQL else [])]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what tries PostgreSQL as long, but for the files of AT_ONCE."""
    asked = item.callspec.params.values() if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ()
    if "postgresql" in asked and item.path.name not in AT_ONCE:
        item.add_marker(pytest.mark.long)


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
