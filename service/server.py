"""`serve`: the application on granian, one blocking thread a worker, as many workers as are asked for."""

from __future__ import annotations

import gc
import http.client
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from service.errors import StartError
from service.middleware.log import Relay
from service.settings import Settings, refuse_unsafe

# performance.md: with a higher first threshold the collector keeps away from bodies that are being decoded
_GC_THRESHOLD = 50_000
_HEADER_MILLISECONDS = 10_000  # who has not sent the headers by then is cut off
_STOP_SECONDS = 0.6  # for a request in flight, which reads for at most 0.45: within a second of Ctrl-C all is over
_ANY_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # where an unspecified address is reached from this machine

_LOGGING = {
    "handlers": {name: {"class": f"{Relay.__module__}.{Relay.__qualname__}"} for name in ("console", "access")},
    "root": {"handlers": ["console"], "level": "WARNING"},
}


class AddressInUseError(StartError):
    """The address cannot be listened on; the message names it."""


def serve(settings: Settings, host: str, port: int, workers: int, say: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `say` is told where, once the service answers there.

    Raises RefusedSettingsError for settings that would leave patient data open, AddressInUseError.
    """
    refuse_unsafe(settings, host)
    with _reserve(host, port) as reserved:
        bound = reserved.getsockname()[1]
        server = Granian(
            "service.app",
            address=host,
            port=bound,
            interface=Interfaces.WSGI,
            workers=workers,
            blocking_threads=1,  # threads of one process only wait for each other: scale by workers
            http1_settings=HTTP1Settings(header_read_timeout=_HEADER_MILLISECONDS),
            websockets=False,
            workers_kill_timeout=_STOP_SECONDS,  # type: ignore[arg-type]  # it goes to Process.join
            log_level=LogLevels.warning,
            log_dictconfig=_LOGGING,
        )
        server.on_startup(partial(_announce, host, bound, min(settings.names, default=""), say))
        server.serve(target_loader=partial(load, settings), wrap_loader=False)


def load(settings: Settings) -> Any:
    """The application as a worker runs it: the collector never looks again at what is there after start."""
    from service.app import create_app

    app = create_app(settings)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD, 10, 10)
    return app


def _reserve(host: str, port: int) -> socket.socket:
    """A socket that holds the port for the workers, which share it. Raises AddressInUseError.

    Sharing would also let a second service slip onto a port that one listens on: so it is tried alone first.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as alone:
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind(address)
            free = alone.getsockname()[1]
        shared = socket.socket(family, kind, protocol)
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        shared.bind((host, free))
    except OSError as error:
        raise AddressInUseError(f"cannot listen on {_url(host, port)}: {error.strerror or error}") from None
    return shared


def _announce(host: str, port: int, name: str, say: Callable[[str], None]) -> None:
    def wait() -> None:
        while not _answers(_ANY_HOST.get(host, host), port, name):
            time.sleep(0.02)
        say(f"Listening on {_url(host, port)}")

    threading.Thread(target=wait, daemon=True).start()


def _answers(host: str, port: int, name: str) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/cds-services", headers={"Host": name})
        return connection.getresponse().status in (200, 401)
    except OSError:
        return False
    finally:
        connection.close()


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
