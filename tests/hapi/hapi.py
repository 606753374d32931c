"""HAPI on loopback: started, called, loaded, configured while it runs, and ended with the process that started it.

with Hapi() as hapi:
    hapi.load(example.bundle)
    with hapi.set("page.max", 2, afterwards=200):
        ...
    hapi.asked()   # what its access log says since the last time
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import requests

from tests.hapi.build import JAR

Json = dict[str, Any]
FHIR_JSON = "application/fhir+json"
DATABASE = "fhir"  # the name of its files without their extensions

_FLAGS = ("-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_START_SECONDS = 180
_STOP_SECONDS = 30
_TIMEOUT = 60


class NotStartedError(RuntimeError):
    """HAPI did not start; the message is the end of its output."""


@dataclass(frozen=True)
class Access:
    """A line of the access log: `query` as it came, `form` that of a POST _search."""

    method: str
    path: str
    query: str
    form: str
    status: int
    microseconds: int

    @property
    def url(self) -> str:
        """The request as it was written, below the server's base."""
        return self.path.removeprefix("/fhir/") + self.query


class Hapi:
    """A separate HAPI server; it listens inside its `with` block.

    `data` is the folder of its database, which survives until the next start; without it, the database is in memory.
    Raises NotStartedError.
    """

    def __init__(self, data: Path | None = None, port: int = 0) -> None:
        self._properties = [f"-Dfhir.port={port}"]
        if data is not None:
            data.mkdir(parents=True, exist_ok=True)
            self._properties.append(f"-Dfhir.db=jdbc:h2:file:{(data / DATABASE).resolve()}")
        self._read = 0
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Accept"] = FHIR_JSON

    def __enter__(self) -> Hapi:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._log = Path(self._folder.name) / "stderr.log"
        command = ["java", *_FLAGS, f"-Djava.io.tmpdir={self._folder.name}", *self._properties, "-jar", str(JAR)]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # an interrupt from the keyboard is meant for the process that started it
            )
        try:
            self.base = self._ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """The end of its standard input ends the server."""
        self.session.close()
        self.process.send_signal(signal.SIGCONT)
        if self.process.stdin:
            self.process.stdin.close()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        self._folder.cleanup()

    def _ready(self) -> str:
        late = threading.Timer(_START_SECONDS, self.process.kill)
        late.start()
        try:
            line = self._answer()
        finally:
            late.cancel()
        if not line.startswith("READY "):
            said = self._log.read_text("utf-8")
            reasons = [line.removeprefix("FAILED ") for line in said.splitlines() if line.startswith("FAILED ")]
            raise NotStartedError(f"HAPI did not start: {reasons[0] if reasons else said[-2000:].strip()}")
        return line.removeprefix("READY ")

    def _answer(self) -> str:
        return self.process.stdout.readline().strip() if self.process.stdout else ""

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return cast(int, urlsplit(self.base).port)

    @contextmanager
    def set(self, name: str, value: int, afterwards: int) -> Iterator[None]:
        """A setting of the running server (see Sandbox.java) until the block ends."""
        self._set(f"{name}={value}")
        try:
            yield
        finally:
            self._set(f"{name}={afterwards}")

    def _set(self, line: str) -> None:
        if self.process.stdin:
            self.process.stdin.write(f"{line}\n")
            self.process.stdin.flush()
        answer = self._answer()
        if answer != f"SET {line}":
            raise NotStartedError(f"HAPI did not take {line}: {answer}")

    def stop(self) -> None:
        """Suspend it, whatever it is doing."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """The end of `stop`. Requests that came in the meantime are answered, to nobody, and dropped from the log."""
        os.kill(self.process.pid, signal.SIGCONT)
        self.ask("GET", "Patient?_summary=count")
        while self.asked():
            time.sleep(0.3)

    def ask(self, method: str, path: str, body: Json | None = None) -> Json:
        """The JSON of its answer to a request; raises requests.HTTPError for a refusal."""
        reply = self.session.request(
            method, f"{self.base}/{path}".rstrip("/"), json=body, headers={"Content-Type": FHIR_JSON}, timeout=_TIMEOUT
        )
        reply.raise_for_status()
        return cast(Json, reply.json())

    def load(self, bundle: Json) -> Json:
        """The answer to a transaction."""
        return self.ask("POST", "", bundle)

    def asked(self) -> list[Access]:
        """The requests in its access log since the last call of this method, in the order in which they came.

        Waits until each of them has been answered.
        """
        until = time.monotonic() + _TIMEOUT
        while True:
            lines = self._log.read_text("utf-8").splitlines()[self._read :]
            begun = {line.split("\t")[1] for line in lines if line.startswith("ASKED\t")}
            ended = [line.split("\t")[1:] for line in lines if line.startswith("ANSWERED\t")]
            if begun <= {words[0] for words in ended} or time.monotonic() > until:
                break
            time.sleep(0.01)
        self._read += len(lines)
        return [_access(words) for words in sorted(ended, key=lambda words: int(words[0].replace("-", "0")))]


def _access(words: list[str]) -> Access:
    _, method, path, query, form, status, microseconds = words
    return Access(method, path, query, "" if form == "-" else form, int(status), int(microseconds))
