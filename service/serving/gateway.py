"""From RSGI to WSGI: a request comes to the application when all of it is there, and has to come within a deadline.

granian reads bodies in a thread of its own, so that a slow client costs a connection and no worker. The application
runs in the event loop: one request at a time.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import RequestTimeout

from cards.record.decoding import MAX_BYTES
from service.computing import limited
from service.middleware.log import Wsgi

if TYPE_CHECKING:
    from granian._granian import RSGIHTTPProtocol
    from granian.rsgi import Scope

BODY_SECONDS = 10  # for a whole body; as long as nginx.conf waits for the next piece of one
_DRAINED = 128 * 1024 * 1024  # bytes: a client that is still sending would not see that it is refused

_CONSTANT: dict[str, Any] = {
    "SCRIPT_NAME": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.input_terminated": True,
    "wsgi.multithread": False,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}
_NAMES = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


class Gateway:
    """An RSGI application around a WSGI application, which may compute for `limit` seconds of CPU time a request."""

    def __init__(self, application: Wsgi, limit: float) -> None:
        self._application = application
        self._limit = limit
        self._waiting: set[asyncio.Timeout] = set()
        self.busy = 0
        """How many requests are being received or answered."""

    async def __call__(self, scope: Scope, protocol: RSGIHTTPProtocol) -> None:
        """Answer a request."""
        self.busy += 1
        try:
            environ = _environ(scope)
            try:
                environ["wsgi.input"] = await self._received(environ, protocol)
            except RuntimeError:  # of granian: the client has gone, or sent no HTTP
                protocol.response_empty(400, [])
                return
            with limited(self._limit):
                status, headers, body = _answer(self._application, environ)
            protocol.response_bytes(status, headers, body)
        finally:
            self.busy -= 1

    def give_up_waiting(self) -> None:
        """Answer now those whose bodies have not come yet."""
        for deadline in tuple(self._waiting):
            deadline.reschedule(0)

    async def _received(self, environ: dict[str, Any], protocol: RSGIHTTPProtocol) -> Any:
        """The body as a file. It raises RequestTimeout when it is read, if the body did not come in time."""
        length = environ.get("CONTENT_LENGTH", "0")
        is_chunked = "HTTP_TRANSFER_ENCODING" in environ
        if length == "0" and not is_chunked:
            return io.BytesIO()
        try:
            async with asyncio.timeout(BODY_SECONDS) as deadline:
                self._waiting.add(deadline)
                try:
                    fits = not is_chunked and int(length) <= MAX_BYTES
                    return _Body(await (protocol() if fits else _bounded(protocol)))
                finally:
                    self._waiting.discard(deadline)
        except TimeoutError:
            return _Late()


class _Body(io.BytesIO):
    """A body that is forgotten once it has been read: nothing holds it while the request is evaluated."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self._length = len(body)

    def read(self, size: int | None = -1, /) -> bytes:
        part = super().read(size)
        if len(part) == self._length:
            self.seek(0)
            self.truncate()
        return part


class _Late(io.RawIOBase):
    """A body that did not come."""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        raise RequestTimeout

    def readinto(self, buffer: Any, /) -> int:
        raise RequestTimeout


async def _bounded(protocol: Any) -> bytes:
    """What is read of a body of unknown size, a little over the limit at most; the rest is passed over."""
    parts: list[bytes] = []
    size = 0
    async for part in protocol:
        if size <= MAX_BYTES:
            parts.append(part)
        size += len(part)
        if size > _DRAINED:
            break
    return b"".join(parts)


def _environ(scope: Scope) -> dict[str, Any]:
    environ = _CONSTANT.copy()
    path = scope.path
    environ["REQUEST_METHOD"] = scope.method
    environ["PATH_INFO"] = path if path.isascii() else path.encode().decode("latin-1")
    environ["QUERY_STRING"] = scope.query_string
    environ["wsgi.url_scheme"] = scope.scheme
    environ["SERVER_NAME"], _, environ["SERVER_PORT"] = scope.server.rpartition(":")
    environ["REMOTE_ADDR"] = scope.client.rpartition(":")[0]
    for name, value in scope.headers.items():
        key = _NAMES.get(name) or f"HTTP_{name.replace('-', '_').upper()}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


def _answer(application: Wsgi, environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
    started: list[tuple[int, list[tuple[str, str]]]] = []

    def start(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
        started.append((int(status[:3]), headers))

    parts = application(environ, start)
    try:
        body = b"".join(parts)
    finally:
        close: Callable[[], None] | None = getattr(parts, "close", None)
        if close:
            close()
    status, headers = started[-1]
    return status, headers, body
