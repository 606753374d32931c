"""Feedback that was acknowledged is kept, whatever becomes of the worker that took it: each once, none lost."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import random
import signal
import threading
from pathlib import Path

import pytest

from service.store.database import place
from tests.support.clients_at_once import ClientsAtOnce
from tests.support.machine import POSTGRESQL
from tests.support.postgresql import postgresql
from tests.support.processes import children, serving, until
from tests.support.remembered import rows
from tests.support.signing import AUDIENCE, VIEW, registered, token
from tests.support.site import HOST

FEEDBACK = f"{VIEW}/feedback"
CLIENTS = 2
LIVES = 1.1  # seconds: who lives for so long has not died at once, and is replaced at once

KINDS = [
    ("sqlite", 3),
    pytest.param("sqlite", 100, marks=pytest.mark.long),
    *([pytest.param("postgresql", 100, marks=pytest.mark.long)] if POSTGRESQL else []),
]


class Senders(ClientsAtOnce):
    """Clients that send feedback again and again, each message until it is acknowledged."""

    def __init__(self, address: str) -> None:
        super().__init__(CLIENTS)
        self._place = address.removeprefix("http://")
        self._numbers = itertools.count()
        self.acknowledged: list[str] = []

    def wait_for_more(self) -> None:
        """Wait until some more was acknowledged."""
        enough = len(self.acknowledged) + 5
        until(lambda: len(self.acknowledged) > enough)

    def send(self) -> None:
        """Send feedback on one card until it is acknowledged."""
        card = f"card-{next(self._numbers)}"
        entry = {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-03-02T10:00:00Z"}
        while self._status(json.dumps({"feedback": [entry]})) != 200:
            pass
        self.acknowledged.append(card)

    def _status(self, body: str) -> int:
        connection = http.client.HTTPConnection(self._place, timeout=30)
        signed = {**HOST, "Content-Type": "application/json"}
        signed["Authorization"] = f"Bearer {token(aud=f'{AUDIENCE}/feedback')}"
        try:
            connection.request("POST", FEEDBACK, body, signed)
            reply = connection.getresponse()
            return reply.status if reply.read() == b"{}" else 0
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()


@pytest.mark.parametrize(("kind", "kills"), KINDS)
def test_no_acknowledged_feedback_is_lost_and_none_doubled(tmp_path: Path, kind: str, kills: int) -> None:
    if kind == "sqlite":
        kill_again_and_again(tmp_path, kills)
        return
    with postgresql() as server:
        kill_again_and_again(tmp_path, kills, server.url)


def kill_again_and_again(folder: Path, kills: int, store_url: str | None = None) -> None:
    """Kill a worker so many times while feedback is sent, and compare what was acknowledged with what is kept."""
    store = f'store_url = "{store_url}"' if store_url else ""
    words = ["--port", "0", "--workers", "2", "--settings", str(registered(folder, of_service=store))]
    drawn = random.Random(kills)
    with serving(folder, *words) as (process, address), Senders(address) as senders:
        for _ in range(kills):
            senders.wait_for_more()
            until(lambda: len(children(process)) == 2)
            threading.Event().wait(LIVES * drawn.random())
            os.kill(drawn.choice(children(process)), signal.SIGKILL)
    kept = [card for (card,) in rows(place(store_url, folder / "data"), "SELECT card FROM feedback")]
    assert len(kept) == len(set(kept))
    assert set(senders.acknowledged) <= set(kept)
    assert len(kept) - len(senders.acknowledged) <= CLIENTS, "but what was on its way at the end"
