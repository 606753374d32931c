"""Workers that die are replaced, and cost nobody an answer but those whose request they held."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients_at_once import ClientsAtOnce
from tests.support.processes import TIMEOUT, children, is_running, post, serving, until

CLIENTS = 4
LIVES = 1.1  # seconds: who lives for so long has not died at once, and is replaced at once


class Load(ClientsAtOnce):
    """Clients that ask again and again, with a connection a request; `lost` names those (by port) without answer."""

    def __init__(self, address: str, body: bytes) -> None:
        super().__init__(CLIENTS)
        self._place = address.removeprefix("http://")
        self._body = body
        self.answered = 0
        self.lost: set[int] = set()

    def send(self) -> None:
        """Ask once, over a connection of its own."""
        connection = http.client.HTTPConnection(self._place, timeout=30)
        connection.connect()
        port = connection.sock.getsockname()[1]
        try:
            connection.request(
                "POST",
                "/cds-services/foot-drop-patient-view",
                self._body,
                {"Content-Type": "application/json", "Connection": "close"},
            )
            assert json.loads(connection.getresponse().read())["cards"] == []
            self.answered += 1
        except (OSError, http.client.HTTPException):
            self.lost.add(port)
        finally:
            connection.close()


def held_by(pid: int) -> set[int]:
    """The ports of the clients whose connections a process holds."""
    sockets = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        sockets.add(os.readlink(file).removeprefix("socket:[").removesuffix("]"))
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(line[2].partition(":")[2], 16) for line in lines if line[9] in sockets}


def has_stopped(pid: int) -> bool:
    """Whether no thread of a process runs."""
    stats = [(task / "stat").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    return all(stat.rpartition(")")[2].split()[0] == "T" for stat in stats)


def kill_one(process: subprocess.Popen[str]) -> set[int]:
    """Kill the older of two workers, wait for the next, and return the ports of the clients that it held."""
    victim, other = children(process)
    os.kill(victim, signal.SIGSTOP)
    until(lambda: has_stopped(victim))  # it takes no more: that alone may be lost
    held = held_by(victim)
    os.kill(victim, signal.SIGKILL)
    until(lambda: victim not in children(process) and len(children(process)) == 2)
    assert is_running(other)
    return held


@contextmanager
def logging_to(file: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The service as a process, with its log in a file."""
    with file.open("w") as log, serving(file.parent, "--dev", "--port", "0", *words, log=log) as running:
        yield running


def ends(file: Path) -> list[dict[str, Any]]:
    """What the log says of workers that have ended."""
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return [line for line in lines if line["event"] == "worker ended"]


@pytest.mark.parametrize("kills", [8, pytest.param(100, marks=pytest.mark.long)])
def test_killed_workers_take_their_own_requests_with_them_and_no_other(
    tmp_path: Path, kills: int, no_foot_drop: dict[str, Any]
) -> None:
    of_the_killed: set[int] = set()
    with logging_to(tmp_path / "log", "--workers", "2") as (process, address):
        with Load(address, json.dumps(no_foot_drop).encode()) as load:
            until(lambda: load.answered > CLIENTS)
            for _ in range(kills):
                time.sleep(LIVES / 2)
                of_the_killed |= kill_one(process)
        assert load.lost <= of_the_killed
        assert load.answered > kills
    said = ends(tmp_path / "log")
    assert [line["restart"] for line in said] == list(range(1, kills + 1))
    assert {line["signal"] for line in said} == {"SIGKILL"}


@pytest.mark.long
def test_who_asks_while_the_only_worker_is_dead_is_answered_by_the_next(
    tmp_path: Path, no_foot_drop: dict[str, Any]
) -> None:
    with logging_to(tmp_path / "log") as (process, address):
        for _ in range(4):
            until(lambda: bool(children(process)))
            os.kill(children(process)[0], signal.SIGKILL)
            post(address, no_foot_drop)
    assert [line["restart_in_s"] for line in ends(tmp_path / "log")] == [0, 1, 2, 4]


@pytest.mark.long
def test_workers_end_with_their_parent(tmp_path: Path, no_foot_drop: dict[str, Any]) -> None:
    with logging_to(tmp_path / "log", "--workers", "2") as (process, address):
        workers = children(process)
        process.kill()
        process.wait()
        until(lambda: not [pid for pid in workers if is_running(pid)])
    port = address.rpartition(":")[2]
    with serving(tmp_path, "--dev", "--port", port) as (_, again):
        assert again == address
        post(again, no_foot_drop)


def test_a_request_that_is_on_its_way_when_the_service_ends_is_answered(
    tmp_path: Path, no_foot_drop: dict[str, Any]
) -> None:
    body = json.dumps(no_foot_drop).encode()
    with serving(tmp_path, "--dev", "--port", "0") as (process, address):
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=TIMEOUT) as client:
            client.sendall(
                b"POST /cds-services/foot-drop-patient-view HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:-1]
            )
            post(address, no_foot_drop)  # by then the headers are read
            process.terminate()
            until(lambda: is_refused(host, int(port)))
            client.sendall(body[-1:])
            with http.client.HTTPResponse(client) as reply:
                reply.begin()
                assert (reply.status, json.loads(reply.read())["cards"]) == (200, [])


def is_refused(host: str, port: int) -> bool:
    """Whether nobody listens there."""
    try:
        socket.create_connection((host, port), timeout=TIMEOUT).close()
    except ConnectionRefusedError:
        return True
    return False
