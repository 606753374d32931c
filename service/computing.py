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


def say_where(file: IO[bytes]) -> None:
    """Write into `file` where the process computed, as it is ended."""
    faulthandler.register(ENDED_BY, file, all_threads=False, chain=True)


class Limit:
    """Ends the process if what stands in its `with` block takes more CPU time, unless a debugger is at work."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        # What pdb loads, and what debugpy and the debuggers of editors load.
        if "bdb" not in sys.modules and "pydevd" not in sys.modules:
            signal.setitimer(signal.ITIMER_PROF, self._seconds)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)


@contextmanager
def uncounted() -> Iterator[None]:
    """Do not count the block: it reads from FHIR servers, for which there is a deadline."""
    left, _ = signal.setitimer(signal.ITIMER_PROF, 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, left)
