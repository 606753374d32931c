"""A page of the simulator that is reached through a gateway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.between import Between

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def between(address: str) -> Iterator[Between]:
    """The gateway, through which the page is opened."""
    with Between(address) as gateway:
        yield gateway


@pytest.fixture
def page(browser: Browser, between: Between) -> Iterator[Page]:
    """A page, whose console may speak of what failed."""
    from tests.support.browsing import LAPTOP, Visit  # what it needs may be missing

    visit = Visit(browser, f"http://{between.address}", LAPTOP, "light")
    yield visit.page
    visit.page.context.close()
