"""What the tests in a browser share: one service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.command import demo


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """The service as `serve --dev` runs it."""
    with demo.started() as address:
        yield address
