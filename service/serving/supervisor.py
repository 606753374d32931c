"""The parent of the workers: it starts them, replaces those that die, and ends them. It forks, so it has one thread."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import IO, Any

from service import computing
from service.middleware.log import OUTPUT, fault, logger
from service.operations.metrics import METRICS
from service.serving.worker import ENDS, Task, work

_PAUSES = (0, 1, 2, 4, 8, 16, 30)  # seconds before a restart, by how often the worker has died at once so far
_SETTLED = 1  # seconds: a worker that has lived this long has not died at once
_PLACES = 8  # of a traceback, as logged
_LOOK_SECONDS = 1  # between two checks of what the workers do
_START_SECONDS = 120  # for a worker, until it first handles waiting requests
_END_SECONDS = 1  # for a hanging worker to write down where it hangs, before it is killed
_HANGING = "it did not continue within deadline_ms, evaluation_limit_s and some seconds"


class _Worker:
    """One place among the workers, and the process that fills it; without a process it is empty until `due`."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: BaseProcess | None = None
        self.died_at_once = 0
        self.due = 0.0
        self.started = 0.0
        self.trace = _scratch()
        self.killed_at = math.inf
        """When it is killed: it hangs and has been told to end."""


@dataclass(frozen=True)
class Times:
    """How many seconds the parent waits."""

    grace: float
    """For requests in progress when the service ends."""
    held: float
    """How long a request may occupy a worker, or a worker show no sign of life."""
    drain: float = 0
    """After SIGTERM, so that clients and proxies learn that the service here is ending."""


class Supervisor:
    """Keeps the requested number of workers at a task until SIGTERM or SIGINT; a second signal ends it faster.

    `tell` runs in a separate process; its argument is the pipe that shows the end of the parent.
    """

    def __init__(self, task: Task, workers: int, times: Times, tell: Callable[[int], None] | None = None) -> None:
        self._task = task
        self._times = times
        self._tell = tell
        self._workers = [_Worker(number + 1) for number in range(workers)]
        self._places = [*self._workers, *([_Worker(0)] if tell else [])]
        self._restarts = 0
        self._signals: list[int] = []
        self._is_stopping = False
        self._lost = 0
        self._forking = multiprocessing.get_context("fork")  # so that workers inherit the socket and the application
        self._ready, self._tell_ready = os.pipe()
        self._living, self._alive = os.pipe()  # readable once the parent, which holds the other end, has ended
        self._woken, self._wake = socket.socketpair()
        self._log = logger()

    def run(self, started: Callable[[], None]) -> None:
        """Serve; `started` is called once, when a worker answers."""
        for end in (self._woken, self._wake):
            end.setblocking(False)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._count_signal)
        has_started = False
        while not self._is_over():
            self._fill_places()
            if self._ready in self._wait([self._woken, self._ready], self._pause()):
                os.read(self._ready, 4096)
                if not has_started:
                    has_started = True
                    started()
            self._end_hanging()
            METRICS.lost.add(amount=OUTPUT.lost - self._lost)
            self._lost = OUTPUT.lost
        self._stop()

    def _count_signal(self, number: int, _: object) -> None:
        self._signals.append(number)
        METRICS.draining.set(METRICS.draining.at_here() or time.monotonic())

    def _is_over(self) -> bool:
        """Whether the service ends now: clients have learned of it, or somebody at a terminal is waiting."""
        since = METRICS.draining.at_here()
        is_told = len(self._signals) > 1 or signal.SIGINT in self._signals
        return bool(self._signals) and (is_told or time.monotonic() >= since + self._times.drain)

    def _pause(self) -> float:
        """Seconds until there is something to do: an empty place is due, a worker may hang, or the service ends."""
        due = [worker.due for worker in self._places if worker.process is None]
        if self._signals:
            due.append(METRICS.draining.at_here() + self._times.drain)
        return min(_LOOK_SECONDS, max(0.0, min(due) - time.monotonic())) if due else _LOOK_SECONDS

    def _end_hanging(self) -> None:
        """End the workers that hang: they write down where they are, or are killed."""
        now = time.monotonic()
        for worker in self._workers:
            if worker.process is None or worker.process.pid is None:
                continue
            if now >= worker.killed_at:
                worker.process.kill()
            elif worker.killed_at == math.inf and now >= self._hangs_at(worker):
                worker.killed_at = now + _END_SECONDS
                os.kill(worker.process.pid, computing.ENDED_BY)

    def _hangs_at(self, worker: _Worker) -> float:
        since, beat = METRICS.of_worker(worker.number)
        if not beat:
            return worker.started + _START_SECONDS
        return min(beat, since or math.inf) + self._times.held

    def _wait(self, waiting: list[Any], seconds: float | None) -> list[Any]:
        """Wait for one of these, and return those that have happened; clean up after processes that have ended."""
        happened = wait([*waiting, *(worker.process.sentinel for worker in self._places if worker.process)], seconds)
        with suppress(BlockingIOError):
            self._woken.recv(4096)
        for worker in self._places:
            if worker.process is not None and worker.process.exitcode is not None:
                self._bury(worker)
        return happened

    def _fill_places(self) -> None:
        now = time.monotonic()
        for worker in self._places:
            if worker.process is None and worker.due <= now:
                self._start(worker)

    def _start(self, worker: _Worker) -> None:
        worker.started = time.monotonic()
        process = self._forking.Process(target=self._work, args=(worker,), name=f"worker {worker.number}")
        try:
            process.start()
        except OSError as error:  # out of memory, or no more processes allowed
            self._postpone(worker, "no process", error=type(error).__name__)
        else:
            worker.process = process

    def _work(self, worker: _Worker) -> None:
        """The work of a worker process."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(ENDS, signal.SIG_DFL)  # until the event loop takes it
        os.close(self._alive)
        OUTPUT.lost = 0  # the parent reports itself what it has lost
        computing.say_where(worker.trace)
        try:
            if worker.number:
                METRICS.take_place(worker.number)
                work(self._task, self._living, self._tell_ready)
            elif self._tell:
                self._tell(self._living)
        except BaseException as error:
            self._log.error("fault", worker=worker.number, **fault(error))
            os._exit(1)

    def _bury(self, worker: _Worker) -> None:
        process, worker.process = worker.process, None
        is_hanging, worker.killed_at = worker.killed_at < math.inf, math.inf
        if worker.number:
            METRICS.vacate(worker.number)
        if process is None or self._is_stopping:
            return
        code = process.exitcode or 0
        cause = "signal" if code < 0 else "exit"
        why: dict[str, Any] = {"signal": _name(-code)} if code < 0 else {"exit_code": code}
        if is_hanging:
            cause = "hanging"
            why |= {"why": _HANGING, "at": _places(worker.trace)}
        elif code == -computing.ENDED_BY:
            cause = "computing"
            why |= {"why": "a request computed for longer than evaluation_limit_s", "at": _places(worker.trace)}
        self._postpone(worker, cause, **why)

    def _postpone(self, worker: _Worker, cause: str, **why: Any) -> None:
        METRICS.restarts.add(cause)
        now = time.monotonic()
        if now - worker.started >= _SETTLED:
            worker.died_at_once = 0
        pause = _PAUSES[min(worker.died_at_once, len(_PAUSES) - 1)]
        worker.died_at_once += 1
        worker.due = now + pause
        self._restarts += 1
        self._log.error("worker ended", worker=worker.number, restart=self._restarts, restart_in_s=pause, **why)

    def _stop(self) -> None:
        self._is_stopping = True
        self._task.listener.close()
        processes = [worker.process for worker in self._places if worker.process]
        for process in processes:
            with suppress(OSError):  # it has just ended
                os.kill(process.pid or 0, ENDS)
        give_up = time.monotonic() + self._times.grace
        while len(self._signals) < 2 and (left := give_up - time.monotonic()) > 0:
            if not any(worker.process for worker in self._places):
                return
            self._wait([self._woken], left)
        for process in processes:
            process.kill()
            process.join()


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return str(number)


def _scratch() -> IO[bytes]:
    """A file without a name, in memory if the system supports that."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("trace"), "w+b")
    return tempfile.TemporaryFile()  # stays open as long as the worker's place exists


def _places(trace: IO[bytes]) -> list[str]:
    """Where a process was computing when it was ended, as it wrote down: files, lines and functions."""
    trace.seek(0)
    lines = [line.strip() for line in trace.read().decode(errors="replace").splitlines()]
    trace.seek(0)
    trace.truncate()
    return [line.removeprefix("File ") for line in lines if line.startswith("File ")][:_PLACES]
