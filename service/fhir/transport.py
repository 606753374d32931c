"""HTTP with a FHIR server: one wall-clock deadline for everything, a byte cap, no redirects, no memory."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ProtocolError

from service.errors import ServiceError

LATE = "the FHIR server did not answer in time"

_CHUNK = 64 * 1024
_TROUBLE = (requests.RequestException, HTTPError, OSError, ValueError)
_WHY = (
    (requests.exceptions.SSLError, "the FHIR server's certificate is not trusted"),
    (requests.Timeout, LATE),
    (requests.exceptions.ChunkedEncodingError, "the FHIR server broke off its answer"),
    (requests.exceptions.ContentDecodingError, "the FHIR server's answer could not be decompressed"),
    (requests.ConnectionError, "the FHIR server could not be reached"),
)

_LOCK = threading.Lock()
_thread = threading.local()


class AnswerError(ServiceError):
    """No usable answer; the message says why and holds no address, no token and nothing of a patient.

    `status` is the HTTP status, 0 when there was none.
    """

    def __init__(self, why: str, status: int = 0) -> None:
        super().__init__(why)
        self.status = status


class Watch:
    """The deadline of what one thread asks, and the means by which another breaks it off.

    A timeout of a socket only bounds the silence between two bytes: a server that sends its headers byte by
    byte would keep the thread for hours. Inside of its `with` block the thread's connections are under watch.
    """

    def __init__(self, until: float) -> None:
        self.until = until
        self._connection: _Connection | None = None
        self._socket: socket.socket | None = None

    @property
    def left(self) -> float:
        """Seconds until the deadline, by time.monotonic."""
        return self.until - time.monotonic()

    def __enter__(self) -> Watch:
        _thread.watch = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _thread.watch = None
        with _LOCK:
            self._connection = self._socket = None

    def claim(self, connection: _Connection) -> None:
        """Take a connection under watch. Raises TimeoutError after the deadline: nothing is sent then."""
        with _LOCK:
            if self.left <= 0:
                raise TimeoutError
            connection.watch = self
            self._connection = connection
            self._socket = connection.sock or self._socket

    def break_off(self) -> None:
        """Shut the connection under watch, if there is one: its thread wakes up and ends."""
        with _LOCK:
            # a connection that went back to the pool may be another thread's by now
            if self._connection is None or self._connection.watch is not self:
                return
            under_watch = self._connection.sock or self._socket
            if under_watch is not None:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(under_watch, socket.SHUT_RDWR)


class _Connection(HTTPConnection):
    watch: Watch | None = None

    def request(self, *args: Any, **options: Any) -> None:
        _thread.watch.claim(self)
        super().request(*args, **options)

    def getresponse(self) -> Any:
        _thread.watch.claim(self)  # again: only now is its socket there for sure
        return super().getresponse()


class _SecureConnection(_Connection, HTTPSConnection):
    pass


class _Adapter(HTTPAdapter):
    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        pool.ConnectionCls = _SecureConnection if pool.scheme == "https" else _Connection
        return pool


class Exchanges:
    """Kept-alive connections, used by many threads. No cookie, proxy, netrc or redirect is followed."""

    def __init__(self, connections: int) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        # HAPI would answer a search from an equal one of the last minute, without what was ordered since
        headers = {"Accept": "application/fhir+json", "Cache-Control": "no-cache", "User-Agent": "foot-drop-cds"}
        self._session.headers.update(headers)
        # a cookie would tie one patient's calls to another's
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _Adapter(pool_connections=connections, pool_maxsize=connections))

    def close(self) -> None:
        """Close the connections that are kept."""
        self._session.close()

    def ask(self, url: str, token: str | None, watch: Watch, limit: int, form: str | None = None) -> bytes:
        """The body of a 200 answer to GET, or to POST when there is a form; at most `limit` bytes.

        Raises AnswerError.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if watch.left <= 0:
            raise AnswerError(LATE)
        try:
            with self._session.request(
                "GET" if form is None else "POST",
                url,
                data=form,
                headers=headers,
                timeout=max(watch.left, 0.001),
                stream=True,
                allow_redirects=False,
            ) as response:
                return _body(response, limit)
        except _TROUBLE as error:
            raise AnswerError(LATE if watch.left <= 0 else _why(error)) from None


def _body(response: requests.Response, limit: int) -> bytes:
    status = response.status_code
    if status != 200:
        aside = ": redirects are not followed" if 300 <= status < 400 else ""
        raise AnswerError(f"the FHIR server answered {status}{aside}", status)
    chunks = []
    for chunk in response.iter_content(_CHUNK):  # decoded: a small gzip may hold a flood
        limit -= len(chunk)
        if limit < 0:
            raise AnswerError("the FHIR server's answer is larger than the limit")
        chunks.append(chunk)
    body = b"".join(chunks)
    if "html" in response.headers.get("Content-Type", "").lower() or body[:64].lstrip().startswith(b"<"):
        raise AnswerError("the FHIR server answered with a web page or XML instead of FHIR JSON")
    return body


def _why(error: Exception) -> str:
    if isinstance(error, requests.ConnectionError) and error.args and isinstance(error.args[0], ProtocolError):
        return "the FHIR server broke off its answer"
    return next(
        (why for kind, why in _WHY if isinstance(error, kind)),
        f"the request to the FHIR server failed ({type(error).__name__})",
    )
