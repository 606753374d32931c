"""How much memory requests take: `python -m tests.support.resident` reads lines `<file> <hook>`, and answers in JSON.

Each request is answered by its own process, forked from one that has answered an ordinary request. Only Linux reports
how large a process has been.
"""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Any

from service.app import create_app
from tests.support import vignettes
from tests.support.patients import FOOT_DROP, NOW

MIB = 1024 * 1024


def _peak() -> int:
    """The most bytes that this process has held since it was last reset."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


def _post(app: Any, body: io.BufferedIOBase | io.FileIO, length: int, hook: str) -> tuple[int, int]:
    """The status of the reply and the bytes of its body. The request is read as a server passes it on."""
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": f"/cds-services/foot-drop-{hook}", "SERVER_NAME": "localhost"}
    environ |= {
        "HTTP_HOST": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "application/json",
    }
    more = {"wsgi.input": body, "wsgi.url_scheme": "http", "CONTENT_LENGTH": str(length)}
    status: list[str] = []
    reply = app.wsgi_app({**environ, **more}, lambda line, *_: status.append(line))
    return int(status[0][:3]), sum(map(len, reply))


def _measure(app: Any, path: str, hook: str) -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    idle, size = _peak(), Path(path).stat().st_size
    with Path(path).open("rb", buffering=0) as body:
        status, answer = _post(app, body, size, hook)
    print(json.dumps({"status": status, "answer": answer, "body": size, "growth": _peak() - idle}), flush=True)


def main() -> None:
    """Answer each line."""
    app = create_app(now=NOW, dev=True)
    ordinary = json.dumps(vignettes.request(FOOT_DROP, "patient-view", NOW)).encode()
    _post(app, io.BytesIO(ordinary), len(ordinary), "patient-view")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _measure(app, *line.rsplit(maxsplit=1))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            print(json.dumps({"status": 0}), flush=True)


if __name__ == "__main__":
    main()
