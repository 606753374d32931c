"""Connections that another thread can abort, to addresses that have been checked."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from functools import lru_cache
from types import TracebackType
from typing import Any

from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from service.fhir.resolver import Resolver, UnresolvedError

_MOST_INTERIM = 10
_LOCK = threading.Lock()
_LOADING = threading.Lock()
_thread = threading.local()


class Watch:
    """The deadline for the request of one thread, and the means for another thread to abort it.

    The timeout of a socket only limits the silence between two bytes: a server that sends its headers byte by
    byte would occupy the thread for hours. Inside its `with` block the thread's connections are under watch.
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
        """Put a connection under watch. Raises TimeoutError after the deadline, so that nothing is sent."""
        with _LOCK:
            if self.left <= 0:
                raise TimeoutError
            connection.watch = self
            self._connection = connection
            self._socket = connection.sock or self._socket

    def hold(self, connected: socket.socket) -> None:
        """Put a socket under watch that is not yet known to its connection."""
        with _LOCK:
            self._socket = connected

    def break_off(self) -> None:
        """Shut the connection under watch, if there is one; its thread wakes up and ends."""
        with _LOCK:
            # a connection that went back to the pool may be another thread's by now
            if self._connection is None or self._connection.watch is not self:
                return
            for under_watch in (self._connection.sock, self._socket):
                if isinstance(under_watch, socket.socket):
                    with contextlib.suppress(OSError):
                        socket.socket.shutdown(under_watch, socket.SHUT_RDWR)


class _Response(http.client.HTTPResponse):
    """A response with few interim ones before it: endless `100 Continue` would keep the interpreter busy."""

    _interim = 0

    def _read_status(self) -> tuple[str, int, str]:
        self._interim += 1
        if self._interim > _MOST_INTERIM:
            raise http.client.BadStatusLine("100 Continue without end")
        return super()._read_status()  # type: ignore[misc,no-any-return]  # typeshed leaves it out


class _Connection(HTTPConnection):
    response_class = _Response
    resolver: Resolver
    watch: Watch | None = None

    def request(self, *args: Any, **options: Any) -> None:
        _thread.watch.claim(self)
        super().request(*args, **options)

    def getresponse(self) -> Any:
        _thread.watch.claim(self)  # again: only now is its socket certain to exist
        return super().getresponse()

    def _new_conn(self) -> socket.socket:
        """A socket to one of the checked addresses; each is tried for its share of the remaining time."""
        watch: Watch = _thread.watch
        watch.claim(self)
        try:
            places = self.resolver.places(self.host, watch.left, is_proxy=self.proxy is not None)
        except UnresolvedError as error:
            raise NewConnectionError(self, str(error)) from error
        for number, (family, address) in enumerate(places):
            with contextlib.suppress(OSError):
                return self._connected(family, (address[0], self.port, *address[2:]), len(places) - number)
        if watch.left <= 0:
            raise ConnectTimeoutError(self, "no connection in time")
        raise NewConnectionError(self, "no connection")

    def _connected(self, family: int, address: tuple[Any, ...], shares: int) -> socket.socket:
        watch: Watch = _thread.watch
        connected = socket.socket(family, socket.SOCK_STREAM)
        try:
            for option in self.socket_options or ():
                connected.setsockopt(*option)
            connected.settimeout(max(watch.left, 0.001) / shares)
            connected.connect(address)
            connected.settimeout(max(watch.left, 0.001))
        except BaseException:
            connected.close()
            raise
        return connected


class _SecureConnection(_Connection, HTTPSConnection):
    pass


class _SecureSocket(ssl.SSLSocket):
    """A socket under watch from the first byte of the handshake: until that ends, its connection does not know it."""

    def do_handshake(self, block: bool = False) -> None:
        watch: Watch | None = getattr(_thread, "watch", None)
        if watch is not None:
            watch.hold(self)
        super().do_handshake(block)


class Adapter(HTTPAdapter):
    """Kept-alive connections for requests; certificates are checked against `ca_file`, or those of certifi."""

    def __init__(self, connections: int, resolver: Resolver, ca_file: str | None) -> None:
        self._ca_file = ca_file
        self._plain = type("Connection", (_Connection,), {"resolver": resolver})
        self._secure = type("SecureConnection", (_SecureConnection,), {"resolver": resolver})
        super().__init__(pool_connections=connections, pool_maxsize=connections)

    def build_connection_pool_key_attributes(self, *args: Any, **options: Any) -> Any:
        """The key of the pool from which a request takes its connection."""
        place, keys = super().build_connection_pool_key_attributes(*args, **options)
        return place, {"ssl_context": self._trusted()} if place["scheme"] == "https" else keys

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        """The pool for a request, with the connections defined above."""
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        pool.ConnectionCls = self._secure if pool.scheme == "https" else self._plain
        return pool

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        """The pools for a proxy; a proxy that uses TLS is checked against the same certificates."""
        return super().proxy_manager_for(proxy, proxy_ssl_context=self._trusted(), **options)

    def cert_verify(self, *args: Any, **options: Any) -> None:
        """Set nothing on the pool: its context decides what is trusted."""

    def _trusted(self) -> ssl.SSLContext:
        with _LOADING:  # only when needed
            return _watched(self._ca_file)


@lru_cache(maxsize=256)
def _watched(ca_file: str | None) -> ssl.SSLContext:
    """The context of all adapters with this file: reading the certificates takes 20 ms, and keeping them 1 MiB."""
    context = trusted(ca_file)
    context.sslsocket_class = _SecureSocket
    return context


def trusted(ca_file: str | None) -> ssl.SSLContext:
    """The context for checking certificates. Raises OSError for a file that contains none."""
    return ssl.create_default_context(cafile=ca_file or DEFAULT_CA_BUNDLE_PATH)
