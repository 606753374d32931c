"""The one HTTP client: a deadline for everything, a byte budget, no redirects, no cookies, no machine settings."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Collection, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import NamedTuple
from urllib.parse import urlsplit

import requests
from requests.exceptions import ChunkedEncodingError, ContentDecodingError, ProxyError, SSLError
from urllib3.exceptions import HTTPError, ProtocolError

from cards.record.body import MAX_BYTES
from service.errors import ServiceError
from service.fhir.address import LOOPBACK
from service.fhir.connections import Adapter, Watch
from service.fhir.resolver import Resolver, UnresolvedError

FHIR_SERVER = "the FHIR server"
LATE = "did not answer in time"

_CHUNK = 64 * 1024
_LOOPBACK = frozenset(host.strip("[]") for host in LOOPBACK)
_TROUBLE = (requests.RequestException, HTTPError, OSError, ValueError)
_WHY = (
    (SSLError, "could not be reached over TLS"),
    (requests.Timeout, LATE),
    (ChunkedEncodingError, "broke off its answer"),
    (ContentDecodingError, "sent an answer that could not be decompressed"),
    (ProxyError, "could not be reached through the proxy"),
    (requests.ConnectionError, "could not be reached"),
)


class AnswerError(ServiceError):
    """No usable answer; the message says why and contains no address, no token and no patient data.

    `status` is the HTTP status, or 0 if there was none. `is_unconnected` means that there was no connection, or that it
    was lost before any part of an answer arrived.
    """

    def __init__(self, why: str, status: int = 0, *, is_unconnected: bool = False) -> None:
        super().__init__(why)
        self.status = status
        self.is_unconnected = is_unconnected


class Answer(NamedTuple):
    """A whole answer, decompressed. The body of an error is read only if that was requested."""

    status: int
    media_type: str
    body: bytes


class Budget:
    """The bytes, decompressed, that all answers to one request may have together; a single one at most half of them."""

    def __init__(self, size: int = MAX_BYTES) -> None:
        self.largest = size // 2
        self._left = size
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Take bytes if that many are left; returns whether they were. Otherwise nothing is taken."""
        with self._lock:
            is_left = size <= self._left
            self._left -= size if is_left else 0
            return is_left

    def give_back(self, size: int) -> None:
        """Give back the bytes of an answer that is not kept, so that other answers at the same time have room."""
        with self._lock:
            self._left += size


class HttpClient:
    """Kept-alive connections, used by many threads. No cookie, netrc or redirect, and no proxy except `proxy`.

    `ca_file` names the certificates that are trusted in place of those that come with Python. Without a proxy,
    the address of a name is checked (see Resolver, also for `private`); with a proxy, that is the proxy's duty,
    and loopback is reached without it. `peer` is the name of the other side in errors.
    """

    def __init__(
        self,
        connections: int = 1,
        *,
        ca_file: str | None = None,
        proxy: str | None = None,
        allow_loopback: bool = True,
        private: Collection[str] | None = None,
        peer: str = FHIR_SERVER,
    ) -> None:
        self._peer = peer
        self._proxies = {"http": proxy, "https": proxy} if proxy else {}
        self._session = requests.Session()
        self._session.trust_env = False
        # HAPI would answer a search from an equal one of the last minute, without what was ordered since
        headers = {"Accept": "application/fhir+json", "Cache-Control": "no-cache", "User-Agent": "foot-drop-cds"}
        self._session.headers.update(headers)
        # a cookie would link one patient's calls to another's
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = Adapter(connections, Resolver(allow_loopback=allow_loopback, private=private), ca_file)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)

    def close(self) -> None:
        """Close the kept-alive connections."""
        self._session.close()

    def ask(
        self,
        method: str,
        url: str,
        watch: Watch,
        budget: Budget,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | str | None = None,
        read_errors: bool = False,
    ) -> Answer:
        """The answer to one request, in a thread that is under `watch`. Raises AnswerError if there is none."""
        if watch.left <= 0:
            raise AnswerError(f"{self._peer} {LATE}")
        has_begun = False
        try:
            with self._session.request(
                method,
                url,
                data=body,
                headers=headers,
                timeout=max(watch.left, 0.001),
                stream=True,
                allow_redirects=False,
                proxies={} if urlsplit(url).hostname in _LOOPBACK else self._proxies,
            ) as response:
                has_begun = True
                is_read = read_errors or 200 <= response.status_code < 300
                content = self._body(response, watch, budget) if is_read else b""
                return Answer(response.status_code, response.headers.get("Content-Type", "").lower(), content)
        except _TROUBLE as error:
            is_late = watch.left <= 0
            raise AnswerError(
                f"{self._peer} {LATE if is_late else _why(error)}",
                is_unconnected=not has_begun and not is_late and _is_unconnected(error),
            ) from None

    def call(
        self,
        method: str,
        url: str,
        seconds: float,
        budget: Budget | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | str | None = None,
        read_errors: bool = False,
    ) -> Answer:
        """`ask`, for a caller that has no other thread to abort it. Raises AnswerError."""
        watch = Watch(time.monotonic() + seconds)
        alarm = threading.Timer(seconds, watch.break_off)
        alarm.daemon = True
        alarm.start()
        try:
            with watch:
                return self.ask(
                    method, url, watch, budget or Budget(), headers=headers, body=body, read_errors=read_errors
                )
        finally:
            alarm.cancel()

    def _body(self, response: requests.Response, watch: Watch, budget: Budget) -> bytes:
        if _is_longer(response.headers.get("Content-Length", ""), budget.largest):
            raise AnswerError(f"{self._peer}'s answer is larger than the limit")  # no need to read any of it
        chunks: list[bytes] = []
        taken = 0
        try:
            for chunk in response.iter_content(_CHUNK):  # decoded: a small gzip file may expand enormously
                if taken + len(chunk) > budget.largest or not budget.take(len(chunk)):
                    raise AnswerError(f"{self._peer}'s answer is larger than the limit")
                taken += len(chunk)
                if watch.left <= 0:
                    raise AnswerError(f"{self._peer} {LATE}")
                chunks.append(chunk)
        except BaseException:
            budget.give_back(taken)
            raise
        return b"".join(chunks)


def _is_longer(length: str, most: int) -> bool:
    """Whether a header states a length over `most` bytes; Python does not read a number of a thousand digits."""
    return length.isdecimal() and (len(length) > 18 or int(length) > most)


def _is_unconnected(error: Exception) -> bool:
    """Whether a connection failed by chance, not because of time, certificate, name or proxy."""
    if not isinstance(error, requests.ConnectionError) or isinstance(error, SSLError | ProxyError | requests.Timeout):
        return False
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return not isinstance(getattr(reason, "__cause__", None), UnresolvedError)


def _why(error: Exception) -> str:
    cause = error.args[0] if error.args else None
    if isinstance(error, requests.ConnectionError):
        reason = getattr(cause, "reason", None)
        if any(isinstance(detail, ssl.SSLCertVerificationError) for detail in getattr(reason, "args", ())):
            return "has a certificate that is not trusted"
        if isinstance(unresolved := getattr(reason, "__cause__", None), UnresolvedError):
            return f"has a name that {unresolved}"
        if isinstance(cause, ProtocolError):
            return "broke off its answer"
    return next((why for kind, why in _WHY if isinstance(error, kind)), f"failed ({type(error).__name__})")
