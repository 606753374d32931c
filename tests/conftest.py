"""What every test may ask for: one moment, a service at that moment, and a patient with foot drop."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.app import create_app
from service.settings import PREFIX
from tests.support import vignettes

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)

NGINX = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))

CHROMIUM = shutil.which("chromium")

collect_ignore = [] if NGINX else ["test_nginx.py"]
collect_ignore += [] if CHROMIUM else ["test_simulator_browser.py", "hapi/test_simulator.py"]

# New right foot drop, weak dorsiflexion, leg pain: several cards, the lumbar MRI among them.
FOOT_DROP: dict[str, Any] = {
    "patient": {"age": 60, "sex": "female"},
    "encounter": {"class": "AMB"},
    "conditions": [
        {"code": "foot-drop", "clinical": "active", "verification": "confirmed", "side": "right", "onsetDaysAgo": 3},
        {
            "code": "radicular-pain",
            "clinical": "active",
            "verification": "confirmed",
            "side": "right",
            "onsetDaysAgo": 8,
        },
    ],
    "observations": [{"code": "mrc-ankle-dorsiflexion", "value": 2, "daysAgo": 1, "side": "right"}],
}
NOTHING: dict[str, Any] = {"patient": {"age": 60, "sex": "female"}}

Ask = Callable[..., TestResponse]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what was left out."""
    if NGINX is None:
        terminalreporter.write_line(
            "The tests of the proxy were left out: nginx is missing (Debian: apt-get install nginx).", yellow=True
        )
    if CHROMIUM is None:
        terminalreporter.write_line(
            "The simulator's tests in a browser were left out: chromium is missing (Debian: apt-get install chromium).",
            yellow=True,
        )


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def app() -> Flask:
    """The service as `serve --dev` runs it, at one moment."""
    return create_app(now=NOW, dev=True)


@pytest.fixture
def client(app: Flask) -> Iterator[FlaskClient]:
    """A client of that service."""
    with app.test_client() as client:
        yield client


@pytest.fixture
def ask(client: FlaskClient) -> Ask:
    """Posts a request to the service of its hook."""

    def post(request: dict[str, Any], **how: Any) -> TestResponse:
        return client.post(f"/cds-services/foot-drop-{request['hook']}", json=request, **how)

    return post


@pytest.fixture
def foot_drop() -> dict[str, Any]:
    """A patient-view request about a patient whom cards are shown for."""
    return vignettes.request(FOOT_DROP, "patient-view", NOW)


@pytest.fixture
def no_foot_drop() -> dict[str, Any]:
    """A patient-view request about a patient with nothing on record."""
    return vignettes.request(NOTHING, "patient-view", NOW)
