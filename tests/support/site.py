"""The service as a hospital runs it, in this process, with clients and a store, and called as granian would call it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from cards.rule_book import RuleBook
from service.app import create_app
from service.settings import Settings, load
from service.store.database import place, prepare
from tests.support import vignettes
from tests.support.patients import FOOT_DROP, NOW
from tests.support.signing import VIEW, registered, token

Json = dict[str, Any]
HOST = {"Host": "cds.hospital.example"}
REQUEST: Json = vignettes.request(FOOT_DROP, "patient-view", NOW)


class Site:
    """A running service, and ways to call it."""

    def __init__(self, settings: Settings, book: RuleBook | None = None) -> None:
        self.settings = settings
        self.app = create_app(settings, now=NOW, book=book)
        self.http = self.app.test_client()

    def post(self, of_token: str | None, request: Json | None = None, path: str = VIEW, **headers: str) -> TestResponse:
        """The answer to a request that carries this token."""
        carried = {"Authorization": f"Bearer {of_token}"} if of_token is not None else {}
        return self.http.post(path, json=request or REQUEST, headers={**HOST, **carried, **headers})

    def learn_modes(self) -> None:
        """Read which rules are switched off, as a worker does when it starts."""
        assert self.app.callers is not None
        assert self.app.callers.modes.are_known()

    def status(self, of_token: str | None = None, **how: Any) -> int:
        """The status of such an answer; without a token, a valid one is sent."""
        return self.post(token() if of_token is None else of_token, **how).status_code


@contextmanager
def site(
    folder: Path, more: str = "", of_service: str = "", keys: bytes = b"", book: RuleBook | None = None
) -> Iterator[Site]:
    """The service with the client `main`, further settings in its table or next to it, and its own rules or others."""
    settings = load(registered(folder, more, of_service, keys), {})
    prepare(place(settings.store_address, settings.data_dir))
    running = Site(settings, book)
    yield running
    running.app.close()


def lines(said: str) -> list[Json]:
    """The log, line by line."""
    return [json.loads(line) for line in said.splitlines()]
