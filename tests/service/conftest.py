"""What the tests in a browser share: one service, and one chromium."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from service.command import demo

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The service as `serve --dev` runs it."""
    with demo.started() as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium."""
    from tests.support.browsing import chromium  # what it needs may be missing, and then these tests are left out

    with chromium() as browser:
        yield browser
