"""Processes that a test has started."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

TIMEOUT = 60  # seconds
COMMAND = Path(sys.executable).parent / "foot-drop-cds"


@contextmanager
def serving(
    folder: Path,
    *words: str,
    log: int | IO[Any] = subprocess.DEVNULL,
    command: Sequence[str | Path] = (COMMAND,),
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The service as a process that logs into a file, and its address."""
    process = subprocess.Popen([*command, "serve", *words], cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True)
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


def children(process: subprocess.Popen[str]) -> list[int]:
    """The processes that a process has started, as Linux lists them, oldest first."""
    task = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(pid) for pid in task.read_text().split()] if task.exists() else []


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something holds. Raises TimeoutError."""
    give_up = time.monotonic() + TIMEOUT
    while not is_so():
        if time.monotonic() > give_up:
            raise TimeoutError
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    """Whether the process exists."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def post(address: str, request: dict[str, Any]) -> Any:
    """The answer of a service to a request."""
    url = f"{address}/cds-services/foot-drop-{request['hook']}"
    asked = urllib.request.Request(url, json.dumps(request).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=TIMEOUT) as reply:
        return json.load(reply)
