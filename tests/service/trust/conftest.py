"""A service in which one EHR is registered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.site import Site, site


@pytest.fixture
def main(tmp_path: Path) -> Iterator[Site]:
    """The service, with the client `main`."""
    with site(tmp_path) as running:
        yield running
