"""The one HTTP server of the tests, on loopback: it answers as it is told, and remembers the requests.

    def manner(asked):
        if "_getpages" in asked.target:
            return Reply(401)
        return asked    # pass it on

    with Gateway(hapi.port, manner) as gateway:
        ...ask gateway.base...

The server behind a gateway sees the gateway's host and port, so its links lead through the gateway.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

_TIMEOUT = 60
_HOPS = {"transfer-encoding", "content-length", "connection", "keep-alive", "date", "server"}


@dataclass(frozen=True)
class Asked:
    """A request; `target` is its path and query as received."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """An answer, and how it is sent."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    odd_header: str = ""  # a line among the headers that is not a header
    drip: float = 0.0  # seconds between two bytes of the body
    drip_headers: float = 0.0  # seconds between two bytes of the headers
    cut: bool = False  # half of the body, then the connection is closed


class HangUp(Exception):
    """Raised instead of a reply: the connection is closed without an answer."""


class HttpServer:
    """A server that answers with `reply`; it listens inside its `with` block."""

    def __init__(self, reply: Callable[[Asked], Reply]) -> None:
        self.asked: list[Asked] = []
        self._reply = reply
        self._closing = threading.Event()
        self._listener = _Listener(self)
        self.address = f"127.0.0.1:{self._listener.server_address[1]}"
        self.base = f"http://{self.address}/fhir"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.005,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._listener.shutdown()
        self._thread.join()
        self._listener.server_close()

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than the server listens."""
        if seconds:
            self._closing.wait(seconds)

    def reply(self, asked: Asked) -> Reply:
        """The answer. Raises HangUp, or OSError when a server behind this one does not answer."""
        self.asked.append(asked)
        return self._reply(asked)


class Gateway(HttpServer):
    """A proxy in front of the server at `port`; its manner passes a request on, changes it, or answers itself."""

    def __init__(self, port: int, manner: Callable[[Asked], Asked | Reply]) -> None:
        super().__init__(self._answer)
        self._port = port
        self._manner = manner
        self._answered = threading.Semaphore(0)

    def wait_for(self, number: int) -> None:
        """Wait until this many requests have been answered since the last time."""
        for _ in range(number):
            if not self._answered.acquire(timeout=_TIMEOUT):
                raise TimeoutError

    def _answer(self, asked: Asked) -> Reply:
        answer = self._manner(asked)
        reply = answer if isinstance(answer, Reply) else self._pass_on(answer)
        self._answered.release()
        return reply

    def _pass_on(self, asked: Asked) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT)
        try:
            connection.request(asked.method, asked.target, asked.body or None, asked.headers)
            answer = connection.getresponse()
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in _HOPS}
            return Reply(answer.status, headers, answer.read())
        finally:
            connection.close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # a connection that finds the queue full is tried again after a whole second

    def __init__(self, server: HttpServer) -> None:
        self.http = server
        super().__init__(("127.0.0.1", 0), _Connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is not the server's fault."""


class _Connection(BaseHTTPRequestHandler):
    server: _Listener
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _TIMEOUT

    def log_message(self, *_: object) -> None:
        """The record is `HttpServer.asked`."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            reply = self.server.http.reply(Asked(self.command, self.path, dict(self.headers), body))
        except (HangUp, OSError, http.client.HTTPException):
            self.close_connection = True
            return
        with suppress(OSError):
            self._send(reply)

    do_POST = do_PUT = do_DELETE = do_SECRET = do_GET

    def _send(self, reply: Reply) -> None:
        lines = [f"HTTP/1.1 {reply.status} Reply", f"Content-Length: {len(reply.body)}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        lines += [reply.odd_header] if reply.odd_header else []
        self._drip("\r\n".join([*lines, "", ""]).encode(), reply.drip_headers)
        self._drip(reply.body[: len(reply.body) // 2] if reply.cut else reply.body, reply.drip)
        self.close_connection = reply.cut

    def _drip(self, data: bytes, pause: float) -> None:
        for part in (data[i : i + 1] for i in range(len(data))) if pause else (data,):
            self.wfile.write(part)
            self.server.http.pause(pause)
