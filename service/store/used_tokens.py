"""The tokens that were used, so that each is accepted once: kept in the store, or in the worker while it is away."""

from __future__ import annotations

import time
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from service.middleware.log import logger
from service.store.database import Database, StoreAwayError

RETRY_S = 5  # between two tries to reach a store that is away: each may keep a worker waiting
_PURGE_S = 60  # between two deletions of expired tokens
_MARGIN_S = 300  # for which an expired token is kept: the clocks of two machines that share a store may differ
_MOST_KEPT = 10_000  # tokens that a worker remembers by itself

_METADATA = sa.MetaData()
USED = sa.Table(
    "used_tokens",
    _METADATA,
    sa.Column("issuer", sa.Text, primary_key=True),
    sa.Column("jti", sa.Text, primary_key=True),
    sa.Column("expires", sa.BigInteger, nullable=False),
)
_EXPIRED = sa.delete(USED).where(USED.c.expires < sa.bindparam("now"))

Token = tuple[str, str]
"""Issuer and jti."""


class UsedTokens:
    """Tells whether a token is used for the first time, whichever worker and service on this store saw it before.

    While the store is away, a worker knows only the tokens that it has seen itself, and relies on those for `grace`
    seconds. `clock` tells the seconds since 1970, `steady` the seconds of a clock that is never set.
    """

    def __init__(
        self,
        database: Database,
        grace: float,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        insert = sqlite.insert(USED) if database.is_sqlite else postgresql.insert(USED)
        self._insert = database.statement(insert.on_conflict_do_nothing())
        self._forget = database.statement(_EXPIRED)
        self.close = database.close
        self._grace = grace
        self._clock = clock
        self._steady = steady
        self._seen: dict[Token, int] = {}
        """The tokens accepted while the store was away, with their expiry; they are stored when it is back."""
        self._away_since: float | None = None
        self._next_try = 0.0
        self._next_purge = 0.0
        self._log = logger()

    def is_first(self, issuer: str, jti: str, expires: int) -> bool:
        """Whether a token was not used before; from now on it counts as used. After `expires` it may be forgotten.

        Raises StoreAwayError if that is not known.
        """
        if (issuer, jti) in self._seen:
            return False
        if self._away_since is None or self._steady() >= self._next_try:
            try:
                is_first = self._put(issuer, jti, expires)
            except StoreAwayError as error:
                self._note_away(str(error))
            else:
                self._note_back()
                return is_first
        if self._away_since is None or self._steady() - self._away_since >= self._grace:
            raise StoreAwayError
        return self._remember((issuer, jti), expires)

    def look(self) -> tuple[bool, bool]:
        """Whether the store can be written now, and whether calls can be checked: by the store, or for a while without.

        It may be called from another thread than the one that checks calls.
        """
        try:
            self._forget(now=int(self._clock()) - _MARGIN_S)
        except StoreAwayError as error:
            self._note_away(str(error))
        else:
            self._note_back()
        since = self._away_since
        return since is None, since is None or self._steady() - since < self._grace

    def _put(self, issuer: str, jti: str, expires: int) -> bool:
        """Store a token as used, with those accepted while the store was away. Raises StoreAwayError."""
        for (other, its), until in list(self._seen.items()):
            self._insert(issuer=other, jti=its, expires=until)
            del self._seen[other, its]
        if self._steady() >= self._next_purge:
            self._next_purge = self._steady() + _PURGE_S
            self._forget(now=int(self._clock()) - _MARGIN_S)
        return self._insert(issuer=issuer, jti=jti, expires=expires) == 1

    def _remember(self, token: Token, expires: int) -> bool:
        now = self._clock()
        if len(self._seen) >= _MOST_KEPT:
            self._seen = {other: until for other, until in self._seen.items() if until >= now}
        if len(self._seen) >= _MOST_KEPT:
            raise StoreAwayError
        self._seen[token] = expires
        return True

    def _note_away(self, why: str) -> None:
        now = self._steady()
        self._next_try = now + RETRY_S
        if self._away_since is None:
            self._away_since = now
            self._log.error("store away", why=why, checked_alone_for_s=self._grace)

    def _note_back(self) -> None:
        if self._away_since is not None:
            self._log.warning("store back", away_s=round(self._steady() - self._away_since, 1))
            self._away_since = None
