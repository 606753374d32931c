"""The installed command, the service as a process of its own, and a request to it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).parent / "foot-drop-cds"
TIMEOUT = 60


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The service as a process, and its address."""
    process = subprocess.Popen(
        [COMMAND, "serve", *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
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


def post(address: str, request: dict[str, Any]) -> Any:
    """The answer of a service to a request."""
    url = f"{address}/cds-services/foot-drop-{request['hook']}"
    asked = urllib.request.Request(url, json.dumps(request).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=TIMEOUT) as reply:
        return json.load(reply)
