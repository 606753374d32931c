"""How many requests nginx accepts at a time and per second, and its own answers, in FHIR."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome

from cards.record.body import MAX_BYTES
from service.command import demo
from tests.support.nginx import CONFIGURATION, PATIENT_VIEW, Proxy, Upstream, head, proxy, read, unanswered
from tests.support.places import ROOT
from tests.support.processes import until

MANY = 64  # slow clients

LARGE = head(b"", f"Content-Length: {MAX_BYTES}") + b" "
OF_UNKNOWN_SIZE = head(b"", "Transfer-Encoding: chunked") + b"1\r\n "


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """nginx in front of `serve --dev` with one worker."""
    with demo.started() as address, proxy(tmp_path_factory.mktemp("nginx"), address) as running:
        yield running


@pytest.mark.parametrize("first", [LARGE, OF_UNKNOWN_SIZE])
def test_large_bodies_are_let_in_only_as_many_as_there_is_room_for(
    tmp_path: Path, first: bytes, foot_drop: dict[str, Any]
) -> None:
    with Upstream() as behind, proxy(tmp_path, behind.address) as running, ExitStack() as opened:
        room = number("limit_conn large_of_address (.+);")
        sent = [opened.enter_context(running.dial(first)) for _ in range(room + 1)]
        until(lambda: len(unanswered(sent)) == room)  # whichever of them nginx accepts last
        (one_more,) = set(sent) - set(unanswered(sent))
        status, outcome = read(one_more)
        assert (status, outcome["issue"][0]["code"]) == (503, "throttled")
        OperationOutcome.model_validate(outcome)
        assert running.ask("POST", PATIENT_VIEW, json.dumps(foot_drop).encode()) == (200, {})


def test_all_large_bodies_that_are_let_in_fit_into_the_memory_that_the_proxy_has() -> None:
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    room = re.search(r"/tmp:size=(\d+)m", compose)
    assert room
    assert number("limit_conn large_of_all (.+);") * number("client_max_body_size (.+)m;") < int(room[1])
    assert number("client_body_buffer_size (.+)m;") == 1  # a body of at most six digits never goes to a file


def number(pattern: str) -> int:
    """What the configuration sets."""
    found = re.search(pattern, CONFIGURATION.read_text(encoding="utf-8"))
    assert found, pattern
    return int(found[1])


def test_silent_connections_keep_nobody_from_an_answer(proxied: Proxy, foot_drop: dict[str, Any]) -> None:
    """More than 1,000, half of which say that they speak HTTP/2."""
    with ExitStack() as opened:
        for sent in (b"", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
            for _ in range(550):
                opened.enter_context(proxied.dial(sent))
        status, answer = proxied.ask("POST", PATIENT_VIEW, json.dumps(foot_drop).encode())
    assert (status, bool(answer["cards"])) == (200, True)


def test_clients_that_take_no_answer_keep_nobody_from_theirs(proxied: Proxy, foot_drop: dict[str, Any]) -> None:
    with ExitStack() as opened:
        for _ in range(MANY):
            opened.enter_context(proxied.dial(b"GET /cds-services HTTP/1.1\r\nHost: localhost\r\n\r\n" * 10))
        assert proxied.ask("POST", PATIENT_VIEW, json.dumps(foot_drop).encode())[0] == 200


def test_who_asks_too_often_is_429(tmp_path: Path) -> None:
    with (
        Upstream() as behind,
        proxy(tmp_path, behind.address, **{"rate=200r/s": "rate=1r/m", "burst=1000": "burst=2"}) as running,
    ):
        answers = [running.ask("GET", "/cds-services") for _ in range(5)]
    assert [status for status, _ in answers] == [200, 200, 200, 429, 429]
    assert answers[-1][1]["issue"][0]["code"] == "throttled"
    OperationOutcome.model_validate(answers[-1][1])


def test_who_has_too_many_requests_at_a_time_is_503(tmp_path: Path) -> None:
    first = head(b"", "Content-Length: 2000") + b"{"
    with (
        Upstream() as behind,
        proxy(tmp_path, behind.address, **{"of_address 512": "of_address 2"}) as running,
        running.dial(first),
        running.dial(first),
    ):
        until(lambda: running.ask("GET", "/cds-services")[0] != 200)  # once it has counted both
        status, outcome = running.ask("GET", "/cds-services")
    assert (status, outcome["issue"][0]["diagnostics"]) == (503, "too many requests at a time: try again")


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431),
        (b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (head(b"", "Transfer-Encoding: gzip"), 501),
        (b"GET / HTTP/9.1\r\nHost: x\r\n\r\n", 505),
    ],
    ids=str,
)
def test_what_the_proxy_says_itself_is_fhir(proxied: Proxy, sent: bytes, said: int) -> None:
    with proxied.dial(sent) as connection:
        status, outcome = read(connection)
    assert status == said
    OperationOutcome.model_validate(outcome)
