"""A real PostgreSQL in its own folder, reached by a Unix socket; if the tests run as root, it runs as another user."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.machine import POSTGRESQL

_USER = "postgres"
_TIMEOUT = 60


class Server:
    """A server that can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._run("initdb", "-U", _USER, "-A", "trust", "-D", "data", "--no-sync", "-E", "UTF8", "--locale", "C")

    @property
    def folder(self) -> Path:
        """Where its socket is."""
        return self._folder

    @property
    def url(self) -> str:
        """The address for the setting store_url."""
        return f"postgresql://{_USER}@/postgres?host={self._folder}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = f"-c listen_addresses= -k {self._folder} -c fsync=off"
        self._run("pg_ctl", "start", "-w", "-D", "data", "-l", "log", "-o", options)

    def stop(self) -> None:
        """Stop at once, even if clients are connected."""
        self._run("pg_ctl", "stop", "-w", "-D", "data", "-m", "immediate")

    def empty(self) -> None:
        """Drop all tables."""
        self._run(
            "psql", "-h", str(self._folder), "-U", _USER, "-qc", "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
        )

    def _run(self, program: str, *words: str) -> None:
        assert POSTGRESQL is not None
        who: dict[str, Any] = {"user": _USER, "group": _USER, "extra_groups": []} if os.geteuid() == 0 else {}
        command = [str(POSTGRESQL / program), *words]
        # To a file, because the server inherits it, and a pipe would stay open.
        with tempfile.TemporaryFile("w+") as said:
            done = subprocess.run(command, cwd=self._folder, stdout=said, stderr=said, timeout=_TIMEOUT, **who)
            said.seek(0)
            assert done.returncode == 0, said.read()


@contextmanager
def postgresql() -> Iterator[Server]:
    """A running server, until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # not below pytest's folder, which other users cannot read
    try:
        if os.geteuid() == 0:
            other = pwd.getpwnam(_USER)
            os.chown(folder, other.pw_uid, other.pw_gid)
        server = Server(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
