"""From RSGI to WSGI: a request reaches the application once it is complete, and must arrive within a deadline.

granian reads bodies in a separate thread, so that a slow client occupies a connection but no worker. The application
runs in the event loop, one request at a time.
"""

from __future__ import annotations

import asyncio
import io
import math
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NoReturn, cast

from werkzeug.exceptions import RequestTimeout

from cards.record.body import MAX_BYTES
from service.computing import Desk, Limit, Result, is_debugged, result_of
from service.middleware.log import OUTPUT, Wsgi
from service.middleware.overload import OVERLOADED
from service.operations.health import PATHS
from service.operations.metrics import METRICS
from service.operations.watching import ARRIVED
from service.serving.turns import Turns

if TYPE_CHECKING:
    from granian._granian import RSGIHTTPProtocol
    from granian.rsgi import Scope

BODY_SECONDS = 10  # for a whole body; nginx.conf waits equally long for the next piece of one
_TICK = 0.25  # seconds between two checks of the deadlines
_DRAINED = 128 * 1024 * 1024  # bytes: a client that is still sending would not see the refusal

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
Reply = tuple[int, list[tuple[str, str]], bytes]
_LARGE = 64 * 1024  # bytes: a body larger than this is worth freeing early


class Gateway:
    """An RSGI application around a WSGI application, which may use `limit` seconds of CPU time per request."""

    def __init__(self, application: Wsgi, limit: float, most_waiting: int) -> None:
        self._application = application
        self._limit = Limit(limit)
        self._turns = Turns(most_waiting)
        self._desk = Desk()
        self._desk.switch()
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="aside")
        self._waiting: dict[asyncio.Task[None], float] = {}
        """The tasks that wait for a body, each with its deadline by the loop's clock."""
        self.busy = 0
        """The number of requests being received or answered."""

    async def __call__(self, scope: Scope, protocol: RSGIHTTPProtocol) -> None:
        """Answer a request."""
        self.busy += 1
        METRICS.in_flight.set(self.busy)
        try:
            environ = _environ(scope)
            try:
                environ["wsgi.input"] = await self._received(environ, protocol)
            except RuntimeError:  # from granian: the client has gone, or did not send HTTP
                protocol.response_empty(400, [])
                return
            status, headers, body = await self._answered(environ)
            if METRICS.is_draining():
                headers = [*headers, ("connection", "close")]  # so that the client sends its next request elsewhere
            protocol.response_bytes(status, headers, body)
        finally:
            self.busy -= 1
            METRICS.in_flight.set(self.busy)

    async def _answered(self, environ: dict[str, Any]) -> Reply:
        if environ["PATH_INFO"] in PATHS:
            return _answer(self._application, environ)
        environ[ARRIVED] = time.perf_counter()
        if not await self._turns.take():
            environ[OVERLOADED] = True
            return _answer(self._application, environ)
        try:
            with self._limit:
                return await self._computed(environ)
        finally:
            self._turns.pass_on()

    async def _computed(self, environ: dict[str, Any]) -> Reply:
        """The reply; while it waits for another machine, the loop handles whatever arrives."""
        self._desk.gr_context = copy_context()
        came = self._desk.switch(partial(_answer, self._application, environ))
        while not isinstance(came, Result):
            result = await asyncio.get_running_loop().run_in_executor(self._aside, result_of, came)
            came = self._desk.switch(result)
        reply: Reply = came.get()
        return reply

    @property
    def is_receiving(self) -> bool:
        """Whether a body is on its way."""
        return bool(self._waiting)

    def give_up_waiting(self, late: float = math.inf) -> None:
        """Answer the requests whose bodies have not arrived, if their deadlines are before `late`."""
        for task in [task for task, deadline in self._waiting.items() if deadline < late]:
            task.cancel()

    async def keep_deadlines(self) -> NoReturn:
        """Answer requests that are late, for as long as this runs: one clock for all costs each next to nothing."""
        told = 0
        while True:
            METRICS.beat.set(math.inf if is_debugged() else time.monotonic())
            await asyncio.sleep(_TICK)
            self.give_up_waiting(asyncio.get_running_loop().time())
            METRICS.lost.add(amount=OUTPUT.lost - told)
            told = OUTPUT.lost

    async def _received(self, environ: dict[str, Any], protocol: RSGIHTTPProtocol) -> Any:
        """The body as a file. Reading it raises RequestTimeout if the body did not arrive in time."""
        length = environ.get("CONTENT_LENGTH", "0")
        is_chunked = "HTTP_TRANSFER_ENCODING" in environ
        if length == "0" and not is_chunked:
            return io.BytesIO()
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._waiting[task] = asyncio.get_running_loop().time() + BODY_SECONDS
        try:
            fits = not is_chunked and int(length) <= MAX_BYTES
            body: bytes = await (protocol() if fits else _bounded(protocol))
            return _Body(body) if len(body) > _LARGE else io.BytesIO(body)
        except asyncio.CancelledError:
            return _Late()
        finally:
            del self._waiting[task]


class _Body(io.BytesIO):
    """A body that is freed once it has been read, so that it takes no memory while the request is evaluated."""

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
    """A body that did not arrive."""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        raise RequestTimeout

    def readinto(self, buffer: Any, /) -> int:
        raise RequestTimeout


async def _bounded(protocol: Any) -> bytes:
    """The part of a body of unknown size that is kept, at most a little over the limit; the rest is discarded."""
    parts: list[bytes] = []
    size = 0
    async for part in protocol:
        if size <= MAX_BYTES:
            parts.append(part)
        size += len(part)
        if size > _DRAINED:
            break
    return b"".join(parts)


@lru_cache(256)
def _key(header: str) -> str:
    """The name of a header in WSGI."""
    name = header.replace("-", "_").upper()
    return name if header in ("content-type", "content-length") else f"HTTP_{name}"


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
        key = _key(name)
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


def _answer(application: Wsgi, environ: dict[str, Any]) -> Reply:
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
