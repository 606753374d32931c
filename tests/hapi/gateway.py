"""A proxy before HAPI that records what is asked, and on demand changes it, answers itself or hangs up.

    def manner(asked):
        if "_getpages" in asked.target:
            return Reply(401)
        return asked    # pass it on

    with Gateway(hapi, manner) as gateway:
        ...ask gateway.base...

HAPI sees the gateway's host and port, so its links lead through the gateway.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.hapi.hapi import Hapi

_TIMEOUT = 60
_HOPS = {"transfer-encoding", "content-length", "connection", "keep-alive", "date", "server"}


@dataclass(frozen=True)
class Asked:
    """A request: `target` is the path and query as they came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """An answer of the gateway's own."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class HangUp(Exception):
    """Raised by a manner: the connection is closed without an answer."""


Manner = Callable[[Asked], Asked | Reply]


class Gateway:
    """The proxy; it listens inside of its `with` block."""

    def __init__(self, hapi: Hapi, manner: Manner) -> None:
        self.port = hapi.port
        self.manner = manner
        self.asked: list[Asked] = []
        self._answered = threading.Semaphore(0)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _connection(self))
        self._http.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._http.server_address[1]}/fhir"

    def __enter__(self) -> Gateway:
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def reply(self, asked: Asked) -> Reply:
        """What is answered to a request. Raises HangUp, or OSError when HAPI does not answer."""
        self.asked.append(asked)
        answer = self.manner(asked)
        reply = answer if isinstance(answer, Reply) else self._pass_on(answer)
        self._answered.release()
        return reply

    def wait_for(self, number: int) -> None:
        """Wait until so many requests have been answered since the last time."""
        for _ in range(number):
            if not self._answered.acquire(timeout=_TIMEOUT):
                raise TimeoutError

    def _pass_on(self, asked: Asked) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT)
        try:
            connection.request(asked.method, asked.target, asked.body or None, asked.headers)
            answer = connection.getresponse()
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in _HOPS}
            return Reply(answer.status, headers, answer.read())
        finally:
            connection.close()


def _connection(gateway: Gateway) -> type[BaseHTTPRequestHandler]:
    class Connection(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_: Any) -> None:
            """The record is `Gateway.asked`."""

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                reply = gateway.reply(Asked(self.command, self.path, dict(self.headers), body))
            except (HangUp, OSError, http.client.HTTPException):
                self.close_connection = True
                return
            with suppress(OSError):
                self._send(reply)

        do_POST = do_GET

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

    return Connection
