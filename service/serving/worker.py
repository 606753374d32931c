"""A worker: the application on granian, in its own process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import uvloop
from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from service.middleware.log import Relay, Wsgi
from service.operations.health import Health
from service.operations.tracing import TRACING
from service.serving.gateway import Gateway

_HEADER_MILLISECONDS = 10_000  # a client that takes longer to send its headers, or its next request, is cut off
BACKLOG = 1024  # connections that wait until a worker accepts them
ENDS = signal.SIGUSR1
"""The signal that ends a worker. A terminal and systemd send SIGTERM and SIGINT to all processes, but only the parent
acts on them, and it then waits for some time."""
ARRIVAL_SECONDS = 1  # for bodies that are still arriving at the end: a proxy sends most of a body at once
_PAUSE_SECONDS = 0.02
_FLUSH_SECONDS = 0.2  # for answers that are still being sent at the end

_LOGGING = {
    "handlers": {name: {"class": f"{Relay.__module__}.{Relay.__qualname__}"} for name in ("console", "access")},
    "root": {"handlers": ["console"], "level": "WARNING"},
}


@dataclass(frozen=True)
class Task:
    """What every worker does."""

    listener: socket.socket
    connections: int
    """The number that a worker holds at a time."""
    load: Callable[[], Wsgi]
    """Creates the application."""
    limit: float
    """Seconds of CPU time that a request may take."""
    most_waiting: int
    """The number of requests that may wait for their turn in a worker."""
    otlp_endpoint: str | None = None
    """Where traces are sent to."""


@runtime_checkable
class Closable(Protocol):
    """An application that has data to write at the end."""

    def close(self) -> None:
        """Write the data."""


class _Server(Server):
    """granian on a listening socket that all workers share, so that waiting connections outlive a worker."""

    def __init__(self, listener: socket.socket, connections: int, application: Gateway) -> None:
        super().__init__(
            application,
            interface=Interfaces.RSGI,
            http=HTTPModes.http1,  # granian never closes an idle HTTP/2 connection
            websockets=False,
            backlog=BACKLOG,
            backpressure=connections,
            http1_settings=HTTP1Settings(header_read_timeout=_HEADER_MILLISECONDS),
            log_level=LogLevels.error,  # its only warning is that it is embedded
            log_dictconfig=_LOGGING,
        )
        self._listener = listener

    def _init_shared_socket(self) -> None:
        backlog = (BACKLOG,) if sys.platform == "linux" else ()  # other systems do not need it
        self._shd = SocketHolder(self._listener.detach(), False, *backlog)  # type: ignore[assignment,call-arg]


def work(task: Task, parent: int, ready: int) -> None:
    """Serve until the signal ENDS or the end of the parent.

    `parent` is a pipe whose other end only the parent holds; the start is reported on the pipe `ready`.
    """
    if task.otlp_endpoint:
        TRACING.start(task.otlp_endpoint)
    application = task.load()
    health: Health | None = getattr(application, "health", None)
    if health is not None:
        health.keep_looking()
    uvloop.run(_work(task, Gateway(application, task.limit, task.most_waiting), parent, ready))
    TRACING.stop()
    if isinstance(application, Closable):
        application.close()


async def _work(task: Task, gateway: Gateway, parent: int, ready: int) -> None:
    server = _Server(task.listener, task.connections, gateway)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(ENDS, stopping.set)
    loop.add_reader(parent, stopping.set)
    serving = asyncio.create_task(server.serve())
    deadlines = asyncio.create_task(gateway.keep_deadlines())
    loop.call_soon(os.write, ready, b".")
    await asyncio.wait([serving, asyncio.create_task(stopping.wait())], return_when=asyncio.FIRST_COMPLETED)
    server.stop()  # type: ignore[no-untyped-call]
    give_up = loop.time() + ARRIVAL_SECONDS
    while gateway.is_receiving and loop.time() < give_up and not serving.done():
        await asyncio.wait([serving], timeout=_PAUSE_SECONDS)
    gateway.give_up_waiting()
    await _quiet(gateway, serving)
    deadlines.cancel()


async def _quiet(gateway: Gateway, serving: asyncio.Task[None]) -> None:
    """Wait until everything is answered and sent, but not for clients that are silent.

    Requests that arrive meanwhile over a connection that is already open are answered too.
    """
    while not serving.done():
        was_busy = gateway.busy > 0
        await asyncio.wait([serving], timeout=_FLUSH_SECONDS)
        if not was_busy and not gateway.busy:
            return
