"""Over HTTP: CPU and wall time of a request to the running service and to the null route, alternating."""

import http.client
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlsplit

from msgspec import Struct

from tests.bench.bodies import SIZES

SERVICE = ("-c", "from service.command.cli import main; main()", "serve", "--dev", "--port", "0")
NULL = ("-c", "from tests.bench.null_app import main; main()")
NO_PROC = "The CPU of a server is not measured here: this machine has no /proc to find its processes in."

_ROOT = Path(__file__).parents[2]
_PATH = "/cds-services/foot-drop-patient-view"
_HEADERS = {"Content-Type": "application/json"}
_REQUESTS = dict(zip(SIZES, (200, 120, 40, 5), strict=True))  # to one server in one round


Headers = Callable[[], dict[str, str]]
"""The headers of the next request, in addition to those that every request has."""


class Taken(Struct):
    """Seconds per request: CPU (0 when it cannot be measured) and, at the client, wall time."""

    cpu: float
    p50: float
    p95: float


class Compared(Struct):
    """The service and the null route; `ratio` of CPU is the median of the ratios of the rounds."""

    service: Taken
    null: Taken
    ratio: float


class Server:
    """A server in its own process, and one connection to it."""

    def __init__(self, process: subprocess.Popen[str], headers: Headers = dict) -> None:
        said = process.stdout.readline() if process.stdout else ""
        address = urlsplit(said.rpartition(" ")[2].strip())
        if address.port is None:
            raise RuntimeError(f"the server did not start: {said!r}")
        self._connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        self._headers = headers
        self._pids = [process.pid, *_children(process.pid)]

    def post(self, body: bytes, times: int) -> tuple[float, list[float]]:
        """CPU seconds per request over all of them, and the wall time of each."""
        headers = [{**_HEADERS, **self._headers()} for _ in range(times)]
        before, walls = self._cpu(), []
        for of_one in headers:
            start = time.perf_counter()
            self._connection.request("POST", _PATH, body, of_one)
            reply = self._connection.getresponse()
            reply.read()
            walls.append(time.perf_counter() - start)
            if reply.status != 200:
                raise RuntimeError(f"the server answered {reply.status}")
        return (self._cpu() - before) / times, walls

    def _cpu(self) -> float:
        # The clocks of clock_getcpuclockid(3). /proc/<pid>/stat tells the same sum, in steps of 10 ms.
        return sum(time.clock_gettime(~pid << 3 | 2) for pid in self._pids) if has_proc() else 0.0


def has_proc() -> bool:
    """Whether the processes of a server can be found here."""
    return Path("/proc/self/task").is_dir()


@contextmanager
def servers() -> Iterator[tuple[Server, Server]]:
    """The service and the null route, served by the same code, until the block ends."""
    with ExitStack() as stack:
        yield stack.enter_context(started(SERVICE)), stack.enter_context(started(NULL))


def compare(service: Server, null: Server, body: bytes, rounds: int) -> Compared:
    """Both servers answer the same body, alternating."""
    times = next((each for size, each in _REQUESTS.items() if len(body) < size * 3_000), 1)
    for server in (service, null):
        server.post(body, 3)
    turns = [(service.post(body, times), null.post(body, times)) for _ in range(rounds)]
    ratios = [mine[0] / other[0] for mine, other in turns if other[0]]
    return Compared(
        _taken([mine for mine, _ in turns]), _taken([other for _, other in turns]), median(ratios) if ratios else 0.0
    )


def _taken(turns: list[tuple[float, list[float]]]) -> Taken:
    walls = [wall for _, of_turn in turns for wall in of_turn]
    return Taken(median(cpu for cpu, _ in turns), median(walls), quantiles(walls, n=20)[-1])


@contextmanager
def started(arguments: tuple[str, ...], headers: Headers = dict) -> Iterator[Server]:
    """A server, started by these arguments of Python, until the block ends."""
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield Server(process, headers)
    finally:
        process.terminate()
        process.wait(30)


def _children(pid: int) -> list[int]:
    """The descendants of a process, found by the parent that each process names."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended in the meantime
        parents.setdefault(int(after_name[1]), []).append(int(stat.parent.name))
    found = list(parents.get(pid, ()))
    for child in found:
        found += parents.get(child, ())
    return found
