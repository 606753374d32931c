"""What the simulator's tests in a browser share: one service, and one chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from service.command import demo
from tests.support.browsing import chromium


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The service as `serve --dev` runs it."""
    with demo.started() as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium."""
    with chromium() as browser:
        yield browser
