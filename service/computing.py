"""The limit on computing: a request that computes for longer ends its worker, which is replaced.

A thread that watches a clock would not wake while a regular expression holds the interpreter's lock. Therefore the
kernel counts the CPU time of the process and ends it with SIGPROF; the parent process logs this.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import IO, Any, NamedTuple, TypeVar

from greenlet import getcurrent, greenlet

T = TypeVar("T")

ENDED_BY = signal.SIGPROF


def say_where(file: IO[bytes]) -> None:
    """Write to `file` where the process was computing, when it is ended."""
    faulthandler.register(ENDED_BY, file, all_threads=False, chain=True)


def is_debugged() -> bool:
    """Whether a debugger is active, judged by the modules that pdb, debugpy and the debuggers of editors load."""
    return "bdb" in sys.modules or "pydevd" in sys.modules


class Limit:
    """Ends the process if its `with` block takes more CPU time, unless a debugger is active."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        if not is_debugged():
            signal.setitimer(signal.ITIMER_PROF, self._seconds)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)


class Desk(greenlet):
    """Where answers are computed, one at a time. It can be left while an answer waits for another machine.

    Switch to it with a call to compute. It returns a Result, or a call to be made meanwhile whose Result it then
    expects. One greenlet per answer would cost ten times as much.
    """

    def run(self) -> None:
        """Compute whatever comes, for ever."""
        result: Result | None = None
        while self.parent is not None:
            result = result_of(self.parent.switch(result))


class Result(NamedTuple):
    """The outcome of a call: a value, or the error that it raised."""

    value: Any = None
    error: Exception | None = None

    def get(self) -> Any:
        """The value. Raises the error that the call raised."""
        if self.error is not None:
            raise self.error
        return self.value


def result_of(call: Callable[[], Any]) -> Result:
    """The outcome of a call, made now."""
    try:
        return Result(call())
    except Exception as error:
        return Result(error=error)


def aside(call: Callable[[], T]) -> T:
    """The result of a call that waits for another machine: not computing, so the worker can refuse others meanwhile."""
    desk = getcurrent()
    if not isinstance(desk, Desk) or desk.parent is None:
        return call()
    with _uncounted():
        value: T = desk.parent.switch(partial(copy_context().run, call)).get()
    return value


@contextmanager
def _uncounted() -> Iterator[None]:
    left, _ = signal.setitimer(signal.ITIMER_PROF, 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, left)
