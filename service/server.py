"""`serve`: the application in the requested number of worker processes, which share one socket."""

from __future__ import annotations

import gc
import os
import resource
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

from cards.rule_book import rule_book
from service.errors import StartError
from service.hooks import HOOKS, service_id
from service.middleware import log
from service.operations.metrics import METRICS, METRICS_PATH
from service.serving.supervisor import Supervisor, Times
from service.serving.worker import ARRIVAL_SECONDS, BACKLOG, Task
from service.settings import Settings, refuse_unsafe

# performance.md: with a higher first threshold the collector does not run while bodies are being decoded
_GC_THRESHOLD = 50_000
_SILENT_MILLISECONDS = 10_000  # a client that reads nothing of an answer for this long is cut off
_CONNECTIONS = 4096  # held by a worker at a time, if it may open that many files
_OTHER_FILES = 128  # that a worker also opens, including connections to FHIR servers
_STOP_SECONDS = 0.6 + ARRIVAL_SECONDS  # for the end, in addition to the longest request
# In addition to deadline_ms and twice evaluation_limit_s (CPU time): for the store and the keys of a client.
_HELD_SECONDS = 5


class AddressInUseError(StartError):
    """The service cannot listen on the address; the message names it."""


class FewFilesError(StartError):
    """The process may not open as many files as the service needs; the message says how many."""


def load(settings: Settings) -> Any:
    """The application as a worker runs it; the garbage collector never examines again what exists after start."""
    from service.app import create_app

    app = create_app(settings)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD, 10, 10)
    return app


def serve(
    settings: Settings,
    host: str,
    port: int,
    workers: int,
    say: Callable[[str], None],
    load: Callable[[Settings], Any] = load,
) -> None:
    """Serve the application from `load` until SIGINT or SIGTERM; `say` gets the address once the service answers.

    Raises RefusedSettingsError for settings that would leave patient data open, FewFilesError, AddressInUseError,
    and StoreFailedError.
    """
    refuse_unsafe(settings, host)
    log.configure(settings.log_level, settings.log_format)
    if settings.has_store:
        from service.store.database import place, prepare  # loaded only if there is a store

        prepare(place(settings.store_address, settings.data_dir))
    connections = _connections()
    _close_gaps()
    with ExitStack() as open_until_the_end:
        listener = open_until_the_end.enter_context(
            _listen(host, port, "choose another address with --host and --port")
        )
        address, bound = listener.getsockname()[:2]
        lines = [f"Listening on {_url(address, bound)}"]
        tell = None
        if settings.metrics_at:
            watched = open_until_the_end.enter_context(_listen(*settings.metrics_at, "see metrics_address"))
            lines.append(f"Metrics at {_url(*watched.getsockname()[:2])}{METRICS_PATH}")
            tell = _telling(watched)
        _know(settings, workers)
        make = partial(load, settings)
        make()  # in the parent, so that all workers and their replacements have what this imports and computes
        task = Task(
            listener, connections, make, settings.evaluation_limit_s, settings.max_waiting, settings.otlp_endpoint
        )
        lines += signed(settings)
        Supervisor(task, workers, _times(settings), tell).run(partial(_say, say, lines))


def _know(settings: Settings, workers: int) -> None:
    """Set up the metrics for these settings, and share the numbers with the workers to come."""
    refusals: tuple[str, ...] = ()
    if settings.clients and not settings.dev:
        from service.trust.callers import REFUSALS

        refusals = REFUSALS
    METRICS.know(map(service_id, HOOKS), rule_book().rules, settings.clients, refusals)
    METRICS.share(workers)


def _telling(listener: socket.socket) -> Callable[[int], None]:
    """The function that serves the metrics on this socket."""
    from service.operations.exposition import tell  # loaded only if metrics are wanted

    return partial(tell, METRICS, listener)


def _times(settings: Settings) -> Times:
    longest = settings.longest_deadline + settings.evaluation_limit_s
    return Times(longest + _STOP_SECONDS, longest + settings.evaluation_limit_s + _HELD_SECONDS, settings.drain_s)


def signed(settings: Settings) -> list[str]:
    """Sentences on how many rules are signed and what happens to the others; none in development."""
    if settings.dev:
        return []
    from service.app import signing

    site = signing(settings)
    return list(site.standings.sentences(site.today))


def _close_gaps() -> None:
    """Open closed standard files: otherwise a connection gets such a file's number, and with it its output."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _connections() -> int:
    """How many connections a worker may hold. Raises FewFilesError if there is hardly room for any."""
    wanted = _CONNECTIONS + _OTHER_FILES
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed < wanted:  # no limit is a large number or -1
        if 0 <= most < wanted:
            wanted = most
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
            allowed = wanted
    if 0 <= allowed < 2 * _OTHER_FILES:
        raise FewFilesError(
            f"a process may open {allowed} files here, and the service needs {2 * _OTHER_FILES}: "
            "raise the limit (ulimit -n, LimitNOFILE of systemd)"
        )
    return _CONNECTIONS if allowed < 0 else min(_CONNECTIONS, allowed - _OTHER_FILES)


def _listen(host: str, port: int, otherwise: str) -> socket.socket:
    """A socket that listens there; its options also apply to its connections. Raises AddressInUseError."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        # A name may stand for an IPv6 and an IPv4 address; every client tries the latter.
        family, kind, protocol, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENT_MILLISECONDS)
            listener.bind(address)
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        why = f"{error.strerror or error}; {otherwise}"
        raise AddressInUseError(f"cannot listen on {_url(host, port)}: {why}") from None
    return listener


def _say(say: Callable[[str], None], lines: list[str]) -> None:
    with suppress(OSError):  # nobody reads standard output
        for line in lines:
            say(line)


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
