"""What every test may ask for: one moment, a service at that moment, and a patient with foot drop."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.app import create_app
from service.settings import PREFIX
from tests import vignettes

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)

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
