"""Things done at the same time, by processes that share a store and by clients of one service."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from urllib.parse import urlsplit

from sqlalchemy import URL

from service.store.database import Database, prepare
from service.store.used_tokens import UsedTokens
from tests.support.signing import VIEW, token
from tests.support.site import HOST, REQUEST

BODY = json.dumps(REQUEST).encode()
TOKENS = 10
AT_ONCE = 8
CROWD = 50  # that send one token


def use_all(asked: tuple[URL, int]) -> int:
    """How many of these tokens this process was the first to use."""
    url, number = asked
    database = Database(url)
    used = UsedTokens(database, 60)
    taken = sum(used.is_first("https://ehr.example", str(token), 4_000_000_000) for token in range(number))
    database.close()
    return taken


def prepare_there(url: URL) -> bool:
    """Bring the tables up to date."""
    prepare(url)
    return True


def reply(address: str, of_token: str) -> tuple[int, bytes]:
    """The status and the body of an answer, over its own connection."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    headers = {**HOST, "Content-Type": "application/json", "Authorization": f"Bearer {of_token}"}
    try:
        connection.request("POST", VIEW, BODY, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def status(address: str, of_token: str) -> int:
    """The status of an answer."""
    return reply(address, of_token)[0]


def answered(addresses: list[str], tokens: int = TOKENS, at_once: int = AT_ONCE) -> dict[int, int]:
    """How often each status was answered when each token was sent several times, all at the same moment."""
    start = Barrier(at_once)

    def send(turn: int, of_token: str) -> int:
        start.wait(60)
        return status(addresses[turn % len(addresses)], of_token)

    statuses: Counter[int] = Counter()
    with ThreadPoolExecutor(at_once) as threads:
        for _ in range(tokens):
            statuses.update(threads.map(send, range(at_once), [token()] * at_once))
    return dict(statuses)
