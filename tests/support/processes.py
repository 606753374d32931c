"""Processes that a test has started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

TIMEOUT = 60  # seconds
COMMAND = Path(sys.executable).parent / "foot-drop-cds"


@contextmanager
def serving(
    folder: Path, *words: str, log: int | IO[Any] = subprocess.DEVNULL
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The service as a process that logs into a file, and its address."""
    process = subprocess.Popen([COMMAND, "serve", *words], cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("Listening on http://")
        yield process, line.removeprefix("Listening on ").strip()
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(TIMEOUT)
        process.stdout.close()


def is_running(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def post(address: str, request: dict[str, Any]) -> Any:
    """The answer of a service to a request."""
    url = f"{address}/cds-services/foot-drop-{request['hook']}"
    asked = urllib.request.Request(url, json.dumps(request).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=TIMEOUT) as reply:
        return json.load(reply)
