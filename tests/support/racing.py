"""What is done at the same time: by processes over one store, by clients of one service."""

from __future__ import annotations

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from sqlalchemy import URL

from service.store.database import Database, prepare
from service.store.used_tokens import UsedTokens
from tests.support.signing import VIEW, token
from tests.support.site import HOST, REQUEST

BODY = json.dumps(REQUEST).encode()
TOKENS = 40
AT_ONCE = 8


def use_all(asked: tuple[URL, int]) -> int:
    """How many of so many tokens this process was the first to use."""
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


def status(address: str, of_token: str) -> int:
    """The status of an answer, over a connection of its own."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    headers = {**HOST, "Content-Type": "application/json", "Authorization": f"Bearer {of_token}"}
    try:
        connection.request("POST", VIEW, BODY, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def answered(addresses: list[str]) -> dict[int, int]:
    """How often each status was answered when each of many tokens was sent several times at once."""
    tokens = [token() for _ in range(TOKENS)]
    sent = [(addresses[turn % len(addresses)], of_token) for of_token in tokens for turn in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        statuses = list(threads.map(lambda one: status(*one), sent))
    return {one: statuses.count(one) for one in set(statuses)}
