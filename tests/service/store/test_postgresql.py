"""What can happen to a PostgreSQL alone."""

from __future__ import annotations

import pytest

from service.store.database import Database, StoreAwayError, place, prepare
from service.store.used_tokens import UsedTokens
from tests.support.postgresql import Server

ISSUER = "https://ehr.example"
LATER = 4_000_000_000


@pytest.mark.slow
def test_a_server_that_was_restarted_is_reached_at_the_next_call(server: Server) -> None:
    server.empty()
    url = place(server.url, None)
    prepare(url)
    database = Database(url)
    used = UsedTokens(database, 0)
    assert used.is_first(ISSUER, "one", LATER)
    server.stop()
    with pytest.raises(StoreAwayError):
        used.is_first(ISSUER, "two", LATER)
    server.start()
    again = UsedTokens(database, 0)
    assert not again.is_first(ISSUER, "one", LATER), "what was used before stays used"
    server.stop()
    server.start()
    assert again.is_first(ISSUER, "three", LATER), "within one call, by another connection"
    database.close()
