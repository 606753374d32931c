"""The limit on computing: a request that computes for longer ends its worker, which is replaced.

A thread that looks at a clock would not wake while a regular expression holds the interpreter's lock. So the kernel
counts the CPU time of the process, and ends it with SIGPROF; the parent process says so in the log.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

ENDED_BY = signal.SIGPROF
_DEBUGGERS = ("bdb", "pydevd")  # modules that pdb, debugpy and the debuggers of editors load


def say_where(file: IO[bytes]) -> None:
    """Write into `file` where the process computed, as it is ended."""
    faulthandler.register(ENDED_BY, file, all_threads=False, chain=True)


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """End the process if the block takes more CPU time, unless a debugger is at work."""
    if any(name in sys.modules for name in _DEBUGGERS):
        yield
        return
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


@contextmanager
def uncounted() -> Iterator[None]:
    """Do not count the block: it reads from FHIR servers, for which there is a deadline."""
    left, _ = signal.setitimer(signal.ITIMER_PROF, 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, left)
