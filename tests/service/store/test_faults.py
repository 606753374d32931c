"""The store is locked, full, read-only or away: answers go on, no feedback is acknowledged, what is lost is told."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from service.operations.metrics import METRICS
from service.store.database import place
from tests.support.machine import POSTGRESQL
from tests.support.postgresql import Server
from tests.support.processes import until
from tests.support.remembered import counts, rows
from tests.support.signing import AUDIENCE, VIEW, token
from tests.support.site import Site, lines, site

ROOM = 2  # answers that may wait
ANSWERS = 5
"""While the store takes nothing."""

Fault = Callable[[Path, Server | None], AbstractContextManager[None]]


@contextmanager
def locked_file(folder: Path, _: Server | None) -> Iterator[None]:
    """Another program holds the file."""
    with closing(sqlite3.connect(folder / "data" / "store.sqlite", isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        yield


@contextmanager
def full_disk(folder: Path, _: Server | None) -> Iterator[None]:
    """No file takes another byte."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def connected(server: Server) -> psycopg.Connection:
    """A connection of an administrator."""
    return psycopg.connect(server.url, autocommit=True)


@contextmanager
def locked_tables(_: Path, server: Server | None) -> Iterator[None]:
    """Another program holds the tables."""
    assert server is not None
    with connected(server) as holder, holder.transaction():
        holder.execute("LOCK TABLE used_tokens, evaluations, feedback IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def read_only(_: Path, server: Server | None) -> Iterator[None]:
    """The server takes no writes, as one that has become a standby."""
    assert server is not None
    with connected(server) as administrator:
        for setting in ("on", "off"):
            administrator.execute(f"ALTER SYSTEM SET default_transaction_read_only = {setting}")
            administrator.execute("SELECT pg_reload_conf()")
            administrator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            if setting == "on":
                yield
                administrator.execute("SET transaction_read_only = off")


@contextmanager
def away(_: Path, server: Server | None) -> Iterator[None]:
    """There is no server."""
    assert server is not None
    server.stop()
    yield
    server.start()


FAULTS: dict[str, list[Fault]] = {"sqlite": [locked_file, full_disk], "postgresql": [locked_tables, read_only, away]}
CASES = [
    pytest.param(kind, fault, id=f"{kind}-{fault.__name__}")
    for kind, faults in FAULTS.items()
    for fault in faults
    if kind == "sqlite" or POSTGRESQL
]


def send(main: Site, card: str) -> int:
    """The status of a reply to feedback."""
    entry = {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-03-02T10:00:00Z"}
    signed = token(aud=f"{AUDIENCE}/feedback")
    return main.post(signed, {"feedback": [entry]}, path=f"{VIEW}/feedback").status_code


@pytest.mark.parametrize(("kind", "fault"), CASES)
def test_answers_go_on_and_what_is_lost_is_told(
    tmp_path: Path,
    request: pytest.FixtureRequest,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    fault: Fault,
) -> None:
    for module in ("service.memory.writer", "service.memory.lasting"):
        monkeypatch.setattr(f"{module}.RETRY_S", 0.1)
    monkeypatch.setattr("service.memory.writer.MOST_WAITING", ROOM)
    server: Server | None = None
    if kind == "postgresql":
        server = request.getfixturevalue("server")
        server.empty()
    url = place(server.url if server else None, tmp_path / "data")
    told = METRICS.not_kept._here[0]
    with site(tmp_path, of_service=f'store_url = "{server.url}"' if server else "") as main:
        main.learn_modes()
        with fault(tmp_path, server):
            replies = [main.post(token()) for _ in range(ANSWERS)]
            assert {reply.status_code for reply in replies} == {200}
            assert all(reply.get_json()["cards"] for reply in replies)
            assert send(main, "early") == 503
            main.app.health.look()
            assert METRICS.store_up.at_here() == 0
        assert main.app.memory.lost == METRICS.not_kept._here[0] - told == ANSWERS - ROOM
        until(lambda: send(main, "late") == 200)
        until(lambda: counts(url)["evaluations"] == ROOM)
    assert [card for (card,) in rows(url, "SELECT card FROM feedback")] == ["late"]
    said = [line for line in lines(capfd.readouterr().err) if "event" in line]
    assert sum(line["count"] for line in said if line["event"] == "answers not kept") == ANSWERS - ROOM
    assert {"store away", "feedback not kept"} <= {line["event"] for line in said} or fault is full_disk
