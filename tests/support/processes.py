"""Processes that a test has started."""

from __future__ import annotations

import os


def is_running(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
