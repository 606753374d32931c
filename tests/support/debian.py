"""A Debian in a folder: commands run as if by root, with the folders, ports and units that they name inside it.

`systemctl` is simulated: it starts, restarts, reloads and ends the programs of the units, with their commands and
their environment. Anything that would change the machine itself (packages, users, owners) is noted and not done.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterable
from configparser import RawConfigParser
from pathlib import Path

from tests.support.machine import NGINX, POSTGRESQL, PROMETHEUS
from tests.support.places import ROOT
from tests.support.processes import COMMAND, TIMEOUT, free_port, until

NOTED = {"adduser", "apt-get", "chgrp", "python3", "/opt/foot-drop-cds/bin/pip"}
ETC, UNITS, OF_PROMETHEUS = "/etc/foot-drop-cds", "/etc/systemd/system", "/etc/prometheus"
OPT, BIN, STATE = "/opt/foot-drop-cds/bin", "/usr/local/bin", "/var/lib/foot-drop-cds"
_PLACES = (ETC, UNITS, OF_PROMETHEUS, OPT, BIN, STATE, "/tmp/nginx")
_AS_POSTGRES = "runuser -u postgres -- "
# The unit of Debian's package, reduced to what matters here.
_PROMETHEUS = (
    f"[Service]\nExecStart={PROMETHEUS} --config.file={OF_PROMETHEUS}/prometheus.yml"
    f" --storage.tsdb.path={STATE}/prometheus --web.listen-address=127.0.0.1:9090\n"
)


class Debian:
    """The folder, and the programs that run in it; `postgresql` is the folder of a PostgreSQL's socket."""

    def __init__(self, folder: Path, postgresql: Path) -> None:
        self.folder = folder
        self.noted: list[str] = []
        self._ports = {port: str(free_port()) for port in ("443", "8080", "9464", "9090")}
        self._listens = {"foot-drop-cds": "8080", "foot-drop-cds-proxy": "443", "prometheus": "9090"}
        self._postgresql = postgresql
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        for place in (UNITS, OF_PROMETHEUS, OPT, BIN, STATE, "/tmp"):
            self.place(place).mkdir(parents=True)
        (self.place(OPT) / COMMAND.name).symlink_to(COMMAND)
        (self.place(UNITS) / "prometheus.service").write_text(self.here(_PROMETHEUS), encoding="utf-8")
        (folder / "deploy").symlink_to(ROOT / "deploy")
        path = [str(self.place(BIN)), str(POSTGRESQL), os.environ["PATH"]]
        # pg_wrapper of Debian would look for a server of its own.
        self.environment = {**os.environ, "PATH": ":".join(path), "PGHOST": str(postgresql), "PGUSER": "postgres"}

    def place(self, path: str) -> Path:
        """Where a path lies in the folder."""
        return self.folder / path[1:]

    def here(self, text: str) -> str:
        """A text that names the places and ports of this folder."""
        changes = {place: str(self.place(place)) for place in _PLACES if str(self.place(place)) not in text}
        changes |= {f"127.0.0.1:{port}": f"127.0.0.1:{here}" for port, here in self._ports.items()}
        changes |= {
            "/run/postgresql": str(self._postgresql),
            "https://localhost/": f"https://localhost:{self._ports['443']}/",
            "listen 443 ssl": f"listen 127.0.0.1:{self._ports['443']} ssl",
            "--port 8080": f"--port {self._ports['8080']}",
            "/usr/sbin/nginx": NGINX,
            "access_log /dev/stdout": f"access_log {self.folder}/access.log",
            "_interval: 15s": "_interval: 200ms",
        }
        if os.geteuid() == 0:  # otherwise nginx would switch to a user that cannot read this folder
            changes["daemon off;"] = "daemon off; user root;"
        for old, new in changes.items():
            text = text.replace(old, new)
        return text

    def run(self, line: str) -> str:
        """The output of a command, which must succeed."""
        status, said = self.attempt(line)
        assert status == 0, f"{line}\n{said}"
        return said

    def attempt(self, line: str) -> tuple[int, str]:
        """How a command ends, and what it prints."""
        program, *words = shlex.split(line)
        if program in NOTED:
            self.noted.append(line)
        elif program == "systemctl":
            self._systemctl(*(word for word in words if not word.startswith("-")))
        elif program == "export":
            self.environment |= _assigned(map(self.here, words))
        else:
            command = ["sh", "-c", self.here(line.removeprefix(_AS_POSTGRES))]
            done = subprocess.run(
                command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=TIMEOUT
            )
            if program == "install":
                self._move_in()
            return done.returncode, done.stdout + done.stderr
        return 0, ""

    def _move_in(self) -> None:
        """Make the installed files name the places of this folder."""
        for place in (ETC, UNITS, OF_PROMETHEUS):
            for file in self.place(place).rglob("*.*"):
                if file.suffix in (".conf", ".service", ".yml"):
                    file.write_text(self.here(file.read_text(encoding="utf-8")), encoding="utf-8")

    def _systemctl(self, verb: str, *units: str) -> None:
        for unit in units:
            if verb == "reload":
                self._running[unit].send_signal(signal.SIGHUP)
                continue
            self._end(unit)
            if verb != "disable":
                self._start(unit)

    def _start(self, unit: str) -> None:
        written = RawConfigParser(strict=False, delimiters="=")
        written.read(self.place(UNITS) / f"{unit}.service", encoding="utf-8")
        section = written["Service"]
        given = _assigned(shlex.split(section.get("Environment", "")))
        with (self.folder / f"{unit}.log").open("ab") as log:
            process = subprocess.Popen(
                shlex.split(section["ExecStart"]),
                cwd=section.get("WorkingDirectory", self.folder),
                env={**os.environ, **given},
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        self._running[unit] = process
        until(lambda: process.poll() is not None or self._answers(unit))
        assert process.poll() is None, (self.folder / f"{unit}.log").read_text()

    def _answers(self, unit: str) -> bool:
        try:
            socket.create_connection(("127.0.0.1", int(self._ports[self._listens[unit]]))).close()
        except ConnectionRefusedError:
            return False
        return True

    def _end(self, unit: str) -> None:
        process = self._running.pop(unit, None)
        if process is not None:
            process.terminate()
            process.wait(TIMEOUT)

    def close(self) -> None:
        """End all that runs."""
        for unit in list(self._running):
            self._end(unit)


def _assigned(words: Iterable[str]) -> dict[str, str]:
    """Variables of the environment, as a shell and a unit write them."""
    return {name: value for name, _, value in (word.partition("=") for word in words)}
