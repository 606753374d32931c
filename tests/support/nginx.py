"""A real nginx with the shipped configuration, in front of a server."""

from __future__ import annotations

import http.client
import json
import os
import select
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.http_server import Asked, HangUp, HttpServer, Reply
from tests.support.machine import NGINX
from tests.support.places import ROOT
from tests.support.processes import free_port

CONFIGURATION = ROOT / "deploy" / "nginx.conf"
SITES = ROOT / "deploy" / "nginx"
TLS = "/etc/foot-drop-cds/tls"
PATIENT_VIEW = "/cds-services/foot-drop-patient-view"
TIMEOUT = 60


@dataclass
class Proxy:
    """A running nginx: where it listens, and what it has logged."""

    port: int
    folder: Path
    tls: ssl.SSLContext | None = None
    """With what a client asks, if not in clear text."""

    @property
    def said(self) -> str:
        """The access log and all messages."""
        return (self.folder / "access.log").read_text() + (self.folder / "stderr").read_text()

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        if self.tls is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        else:
            connection = http.client.HTTPSConnection("localhost", self.port, timeout=TIMEOUT, context=self.tls)
        try:
            kind = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, body, {**kind, **headers})
            return read(connection.sock)
        finally:
            connection.close()

    def dial(self, sent: bytes) -> socket.socket:
        """A connection on which these bytes have been sent."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT)
        connection.sendall(sent)
        return connection


def read(connection: socket.socket) -> tuple[int, Any]:
    """Status and JSON of the answer on a connection."""
    with http.client.HTTPResponse(connection) as reply:
        reply.begin()
        return reply.status, json.loads(reply.read() or b"null")


def unanswered(connections: Sequence[socket.socket]) -> list[socket.socket]:
    """The connections on which nothing was answered yet."""
    said = select.select(connections, [], [], 0)[0]
    return [one for one in connections if one not in said]


def proxy(folder: Path, upstream: str, **changes: str) -> AbstractContextManager[Proxy]:
    """nginx without TLS in front of one upstream; the shipped configuration except ports, folders and `changes`."""
    return proxy_of(folder, [upstream], ["plain.conf"], changes)


@contextmanager
def proxy_of(
    folder: Path, upstreams: Sequence[str], sites: Sequence[str], changes: Mapping[str, str] | None = None
) -> Iterator[Proxy]:
    """nginx in front of upstreams, with these files of deploy/nginx; it looks for certificates in `folder`."""
    port = free_port()
    limits = "max_fails=0" if len(upstreams) == 1 else "max_fails=2 fail_timeout=2s"  # as the file asks
    here = {
        "server 127.0.0.1:8080 max_fails=0;": "\n".join(
            f"server {upstream.removeprefix('http://')} {limits};" for upstream in upstreams
        ),
        "/tmp/nginx": f"{folder}/nginx",
        "access_log /dev/stdout": f"access_log {folder}/access.log",
    }
    (folder / "nginx.conf").write_text(_changed(CONFIGURATION, {**here, **(changes or {})}), encoding="utf-8")
    (folder / "site.d").mkdir(exist_ok=True)
    for name in sites:
        text = (SITES / name).read_text(encoding="utf-8").replace("listen 8000;", f"listen 127.0.0.1:{port};")
        text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;").replace(TLS, str(folder))
        (folder / "site.d" / name).write_text(text, encoding="utf-8")
    # Otherwise, if started by root, it would switch to a user that cannot read this folder.
    globally = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
    with (folder / "stderr").open("w") as messages:
        command = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", globally]
        process = subprocess.Popen(command, stderr=messages)
        try:
            _wait(process, port)
            yield Proxy(port, folder)
        finally:
            process.terminate()
            process.wait(TIMEOUT)


def _changed(file: Path, changes: dict[str, str]) -> str:
    text = file.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.02)
    pytest.fail("nginx did not start")


class Upstream(HttpServer):
    """A server behind the proxy: it answers `{}`, or hangs up."""

    def __init__(self) -> None:
        super().__init__(self._say)
        self.hangs_up = False

    def _say(self, _: Asked) -> Reply:
        if self.hangs_up:
            raise HangUp
        return Reply(body=b"{}")


def head(body: bytes, *headers: str, path: str = PATIENT_VIEW) -> bytes:
    """The start of a POST, up to the body."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    return "\r\n".join([*lines, *(headers or (f"Content-Length: {len(body)}",)), "", ""]).encode()
