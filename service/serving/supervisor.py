"""The parent of the workers: it starts them, replaces those that die, and ends them. It has one thread, and forks."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import IO, Any

from service import computing
from service.middleware.log import fault, logger
from service.serving.worker import Task, work

_PAUSES = (0, 1, 2, 4, 8, 16, 30)  # seconds before a restart, by how often the worker has died at once before
_SETTLED = 1  # seconds: who has lived for so long has not died at once
_PLACES = 8  # of a traceback that are logged


class _Worker:
    """One place among the workers, and the process that fills it; without one it is empty until `due`."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: BaseProcess | None = None
        self.died_at_once = 0
        self.due = 0.0
        self.started = 0.0
        self.trace = _scratch()


class Supervisor:
    """Keeps as many workers at a task as are asked for, until SIGTERM or SIGINT.

    At the end they have `grace` seconds for requests under way; a second signal cuts that short.
    """

    def __init__(self, task: Task, workers: int, grace: float) -> None:
        self._task = task
        self._grace = grace
        self._workers = [_Worker(number + 1) for number in range(workers)]
        self._restarts = 0
        self._signals = 0
        self._forking = multiprocessing.get_context("fork")  # the socket and the application are there already
        self._ready, self._tell_ready = os.pipe()
        self._living, self._alive = os.pipe()  # readable when no parent holds the other end
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
        while not self._signals:
            self._fill_places()
            if self._ready in self._wait([self._woken, self._ready], self._pause()):
                os.read(self._ready, 4096)
                if not has_started:
                    has_started = True
                    started()
        self._stop()

    def _count_signal(self, *_: object) -> None:
        self._signals += 1

    def _pause(self) -> float | None:
        """Seconds until an empty place is due."""
        due = [worker.due for worker in self._workers if worker.process is None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _wait(self, waiting: list[Any], seconds: float | None) -> list[Any]:
        """What has happened of this; who has died is buried."""
        happened = wait([*waiting, *(worker.process.sentinel for worker in self._workers if worker.process)], seconds)
        with suppress(BlockingIOError):
            self._woken.recv(4096)
        for worker in self._workers:
            if worker.process is not None and worker.process.exitcode is not None:
                self._bury(worker)
        return happened

    def _fill_places(self) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if worker.process is None and worker.due <= now:
                self._start(worker)

    def _start(self, worker: _Worker) -> None:
        worker.started = time.monotonic()
        process = self._forking.Process(target=self._work, args=(worker,), name=f"worker {worker.number}")
        try:
            process.start()
        except OSError as error:  # no memory, or no more processes
            self._postpone(worker, error=type(error).__name__)
        else:
            worker.process = process

    def _work(self, worker: _Worker) -> None:
        """What the process of a worker does."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)  # until the event loop takes them
        os.close(self._alive)
        computing.say_where(worker.trace)
        try:
            work(self._task, self._living, self._tell_ready)
        except BaseException as error:
            self._log.error("fault", worker=worker.number, **fault(error))
            os._exit(1)

    def _bury(self, worker: _Worker) -> None:
        process, worker.process = worker.process, None
        if process is None or self._signals:
            return
        code = process.exitcode or 0
        why: dict[str, Any] = {"signal": _name(-code)} if code < 0 else {"exit_code": code}
        if code == -computing.ENDED_BY:
            why |= {"why": "a request computed for longer than evaluation_limit_s", "at": _places(worker.trace)}
        self._postpone(worker, **why)

    def _postpone(self, worker: _Worker, **why: Any) -> None:
        now = time.monotonic()
        if now - worker.started >= _SETTLED:
            worker.died_at_once = 0
        pause = _PAUSES[min(worker.died_at_once, len(_PAUSES) - 1)]
        worker.died_at_once += 1
        worker.due = now + pause
        self._restarts += 1
        self._log.error("worker ended", worker=worker.number, restart=self._restarts, restart_in_s=pause, **why)

    def _stop(self) -> None:
        self._task.listener.close()
        processes = [worker.process for worker in self._workers if worker.process]
        for process in processes:
            process.terminate()
        give_up = time.monotonic() + self._grace
        while self._signals < 2 and (left := give_up - time.monotonic()) > 0:
            if not any(worker.process for worker in self._workers):
                return
            self._wait([self._woken], left)
        for process in processes:
            process.kill()
            process.join()


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # one of those for real time
        return str(number)


def _scratch() -> IO[bytes]:
    """A file without a name, in memory where there is such a thing."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("trace"), "w+b")
    return tempfile.TemporaryFile()  # open for as long as there is a worker


def _places(trace: IO[bytes]) -> list[str]:
    """Where a process computed that was ended, as it wrote it down: files, lines and functions."""
    trace.seek(0)
    lines = [line.strip() for line in trace.read().decode(errors="replace").splitlines()]
    trace.seek(0)
    trace.truncate()
    return [line.removeprefix("File ") for line in lines if line.startswith("File ")][:_PLACES]
