"""Feedback that was acknowledged is kept, whatever becomes of the worker that took it: each once, none lost."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import random
import signal
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.clients_at_once import ClientsAtOnce
from tests.support.processes import children, serving, until
from tests.support.signing import AUDIENCE, VIEW, registered, token
from tests.support.site import HOST

FEEDBACK = f"{VIEW}/feedback"
CLIENTS = 2
LIVES = 1.1  # seconds: who lives for so long has not died at once, and is replaced at once


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


@pytest.mark.parametrize("kills", [3, pytest.param(100, marks=pytest.mark.long)])
def test_no_acknowledged_feedback_is_lost_and_none_doubled(tmp_path: Path, kills: int) -> None:
    words = ["--port", "0", "--workers", "2", "--settings", str(registered(tmp_path))]
    drawn = random.Random(kills)
    with serving(tmp_path, *words) as (process, address), Senders(address) as senders:
        for _ in range(kills):
            senders.wait_for_more()
            until(lambda: len(children(process)) == 2)
            threading.Event().wait(LIVES * drawn.random())
            os.kill(drawn.choice(children(process)), signal.SIGKILL)
    with closing(sqlite3.connect(tmp_path / "data" / "store.sqlite")) as file:
        kept = [card for (card,) in file.execute("SELECT card FROM feedback")]
    assert len(kept) == len(set(kept))
    assert set(senders.acknowledged) <= set(kept)
    assert len(kept) - len(senders.acknowledged) <= CLIENTS, "but what was on its way at the end"
