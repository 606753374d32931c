"""Two services behind nginx over one PostgreSQL answer as one, while one is killed, and while both are restarted."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.support.clients_at_once import ClientsAtOnce
from tests.support.nginx import proxy_of
from tests.support.postgresql import postgresql
from tests.support.processes import TIMEOUT, children, free_port, is_running, serving, until
from tests.support.racing import AT_ONCE, TOKENS, answered, reply, status
from tests.support.signing import registered, token

CLIENTS = 4
A_SECOND = 50  # requests
FAIL_TIMEOUT = 3.5  # seconds: that of nginx, which counts whole seconds; then it tries a service again
RESTARTS = 6


class Services:
    """Services that share one store, each at its own port."""

    def __init__(self, folder: Path, number: int) -> None:
        self._folder = folder
        self._words = ["--settings", str(registered(folder)), "--port"]
        self._running = [ExitStack() for _ in range(number)]
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self.ports = [free_port() for _ in range(number)]
        for place in range(number):
            self.start(place)

    @property
    def addresses(self) -> list[str]:
        """Their own addresses."""
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    def start(self, place: int) -> None:
        """Start one, and wait until it answers."""
        process, _ = self._running[place].enter_context(serving(self._folder, *self._words, str(self.ports[place])))
        self._processes[place] = process

    def stop(self, place: int) -> None:
        """End one with SIGTERM, and wait for its end."""
        self._running[place].close()

    def kill(self, place: int) -> None:
        """End one with all its processes at once, as when its machine loses power."""
        process = self._processes[place]
        workers = children(process)
        for pid in (process.pid, *workers):
            os.kill(pid, signal.SIGKILL)
        process.wait(TIMEOUT)
        until(lambda: not any(is_running(pid) for pid in workers))

    def close(self) -> None:
        """End all."""
        for place in range(len(self.ports)):
            self.stop(place)


class Load(ClientsAtOnce):
    """Clients that send signed requests all the time, with the start of each request and its answer."""

    def __init__(self, address: str) -> None:
        super().__init__(CLIENTS, CLIENTS / A_SECOND)
        self._address = address
        self.answers: list[tuple[float, int]] = []
        self.others: list[bytes] = []
        """What was answered instead of cards."""

    def more(self, number: int) -> None:
        """Wait for this many more answers."""
        enough = len(self.answers) + number
        until(lambda: len(self.answers) >= enough)

    def send(self) -> None:
        """Send one signed request."""
        begun = time.monotonic()
        answer, body = reply(self._address, token())
        self.answers.append((begun, answer))
        if answer != HTTPStatus.OK:
            self.others.append(body)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Two services."""
    with postgresql() as store, pytest.MonkeyPatch.context() as environment:
        environment.setenv("FOOT_DROP_CDS_STORE_URL", store.url)
        running = Services(tmp_path_factory.mktemp("services"), 2)
        yield running
        running.close()


@pytest.fixture
def address(services: Services, tmp_path: Path) -> Iterator[str]:
    """The address of the nginx in front of them."""
    with proxy_of(tmp_path, services.addresses, ["plain.conf"]) as running:
        yield f"http://127.0.0.1:{running.port}"


def test_a_token_that_one_has_taken_is_refused_by_the_other(services: Services) -> None:
    one, other = services.addresses
    used = token()
    assert [status(one, used), status(other, used), status(one, used)] == [200, 401, 401]


def test_of_the_same_token_sent_at_once_nginx_lets_one_be_answered(address: str) -> None:
    assert answered([address]) == {200: TOKENS, 401: TOKENS * (AT_ONCE - 1)}


def test_of_a_service_that_is_killed_only_what_it_held_is_lost(services: Services, address: str) -> None:
    with Load(address) as load:
        load.more(20)
        services.kill(0)
        killed = time.monotonic()
        load.more(100)
    lost = [begun for begun, answer in load.answers if answer != 200]
    assert len(lost) <= CLIENTS
    assert all(begun <= killed for begun in lost)
    services.stop(0)
    services.start(0)


@pytest.mark.long
def test_a_rolling_restart_loses_no_request(services: Services, address: str) -> None:
    with Load(address) as load:
        for turn in range(RESTARTS):
            load.more(10)
            services.stop(turn % 2)
            services.start(turn % 2)
            time.sleep(FAIL_TIMEOUT)
        load.more(10)
    assert load.others == []
