"""The JWK Set at an address: cached, refreshed in the background, and used for a while if it cannot be fetched."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import jwt

from service.computing import aside
from service.fhir.transport import AnswerError, Budget, HttpClient
from service.middleware.log import logger, survive
from service.trust.key_set import LARGEST, KeySet, read_key_set

FRESH_S = 300  # a key that its owner withdrew is trusted no longer than this if the owner answers
STALE_S = 24 * 3600  # and no longer than this if not
COOL_DOWN_S = 30  # between two fetches after a failure or an unknown kid, so that invented kids cause no more
FETCH_S = 2.0  # a worker evaluates nothing else meanwhile, if no key is known
PEER = "the key server"
_ACCEPT = {"Accept": "application/jwk-set+json, application/json"}


class RemoteKeys:
    """The keys at one https address. `client` names their owner in the log."""

    def __init__(self, client: str, url: str, http: HttpClient, steady: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._url = url
        self._http = http
        self._steady = steady
        self._set: KeySet | None = None
        self._since = 0.0
        self._not_before = 0.0
        self._lock = threading.Lock()
        self._fetching = threading.Lock()
        self._is_refreshing = False

    def key(self, kid: str, algorithm: str) -> jwt.PyJWK | None:
        """The key with this id for this algorithm. An unknown key is looked up at the address, but not too often."""
        age = self._steady() - self._since
        if self._set is None or age > STALE_S:
            self._set = None
            self._fetch_unless_cooling()
        elif not self._set.knows(kid):
            if self._fetch_unless_cooling():
                self._not_before = self._steady() + COOL_DOWN_S
        elif age > FRESH_S:
            self._refresh_aside()
        return self._set.key(kid, algorithm) if self._set else None

    def are_known(self) -> bool:
        """Whether there are keys, even old ones. If there are none, they are fetched, but not too often."""
        if self._set is None:
            self._fetch_unless_cooling()
        elif self._steady() - self._since > FRESH_S:
            self._refresh_aside()
        return self._set is not None and self._steady() - self._since <= STALE_S

    def fetch(self) -> KeySet:
        """The keys that are there now. Raises AnswerError, or ValueError for anything but a JWK Set."""
        answer = self._http.call("GET", self._url, FETCH_S, Budget(2 * LARGEST), headers=_ACCEPT)
        if answer.status != 200:
            raise AnswerError(f"{PEER} answered {answer.status}", answer.status)
        return read_key_set(answer.body)

    def _fetch_unless_cooling(self) -> bool:
        """Fetch the keys unless that was tried shortly before; returns whether it was tried now.

        The answer replaces the known keys unless it is not a JWK Set.
        """
        if not self._fetching.acquire(blocking=self._set is None):  # without any keys, wait for those being fetched
            return False
        try:
            if self._steady() < self._not_before:
                return False
            self._not_before = self._steady() + COOL_DOWN_S
            keys = aside(self.fetch)
        except (AnswerError, ValueError) as error:
            logger().warning("keys not fetched", client=self._client, why=str(error))
        else:
            self._set, self._since, self._not_before = keys, self._steady(), 0.0
        finally:
            self._fetching.release()
        return True

    def _refresh_aside(self) -> None:
        with self._lock:
            if self._is_refreshing or self._steady() < self._not_before:
                return
            self._is_refreshing = True
        threading.Thread(target=self._refresh, name="keys", daemon=True).start()

    def _refresh(self) -> None:
        survive("keys", self._fetch_unless_cooling)
        self._is_refreshing = False


class ClientKeys:
    """All the keys of a client: those in its file and those at its addresses."""

    def __init__(self, file: KeySet | None, remote: dict[str, RemoteKeys]) -> None:
        self._file = file
        self._remote = remote

    def are_known(self) -> bool:
        """Whether tokens of the client can be verified: there is a file, or an address has returned keys."""
        return any([self._file is not None, *(one.are_known() for one in self._remote.values())])

    def key(self, kid: str, algorithm: str, jku: str | None) -> jwt.PyJWK | None:
        """The key for a token; with `jku`, which must be one of the addresses, only from that address."""
        if jku is not None:
            return self._remote[jku].key(kid, algorithm) if jku in self._remote else None
        if self._file is not None and (key := self._file.key(kid, algorithm)) is not None:
            return key
        return next((key for one in self._remote.values() if (key := one.key(kid, algorithm)) is not None), None)
