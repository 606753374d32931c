"""What processes do at the same time in the tests of the store."""

from __future__ import annotations

from sqlalchemy import URL

from service.store.database import Database, prepare
from service.store.used_tokens import UsedTokens


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
