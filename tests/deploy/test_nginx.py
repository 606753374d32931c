"""The service behind a real nginx with the shipped configuration: slow clients, floods, and the log."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome

from cards.record.body import MAX_BYTES
from service.command import demo
from tests.support.nginx import PATIENT_VIEW, Proxy, Upstream, head, proxy, read, unanswered
from tests.support.processes import until

MANY = 64  # slow clients; the service answers one request at a time


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """nginx in front of `serve --dev` with one worker."""
    with demo.started() as address, proxy(tmp_path_factory.mktemp("nginx"), address) as running:
        yield running


LARGE_AT_A_TIME = 7  # requests of unknown size from one address: the others are refused, whichever come first

Cut = Callable[[bytes], tuple[bytes, bytes]]


def in_the_headers(body: bytes) -> tuple[bytes, bytes]:
    """A request in two parts, cut within the headers."""
    whole = head(body) + body
    return whole[:60], whole[60:]


def in_the_body(body: bytes) -> tuple[bytes, bytes]:
    """A request in two parts, cut within the body."""
    return head(body) + body[:1000], body[1000:]


def in_a_chunk(body: bytes) -> tuple[bytes, bytes]:
    """A request of one chunk in two parts."""
    chunk = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    return head(body, "Transfer-Encoding: chunked") + chunk[:1000], chunk[1000:]


@pytest.mark.parametrize("cut", [in_the_headers, in_the_body, in_a_chunk])
def test_half_sent_requests_do_not_keep_others_from_their_answers(
    proxied: Proxy, cut: Cut, foot_drop: dict[str, Any]
) -> None:
    body = json.dumps(foot_drop).encode()
    first, rest = cut(body)
    with ExitStack() as opened:
        slow = [opened.enter_context(proxied.dial(first)) for _ in range(MANY)]
        status, answer = proxied.ask("POST", PATIENT_VIEW, body)
        assert (status, bool(answer["cards"])) == (200, True)
        assert proxied.ask("GET", "/cds-services")[0] == 200
        until(lambda: len(unanswered(slow)) <= (LARGE_AT_A_TIME if cut is in_a_chunk else MANY))
        one = unanswered(slow)[0]
        one.sendall(rest)
        status, late = read(one)
        assert status == 200
        assert [card["summary"] for card in late["cards"]] == [card["summary"] for card in answer["cards"]]


def test_whoever_stays_silent_is_cut_off(tmp_path: Path, foot_drop: dict[str, Any]) -> None:
    first, _ = in_the_body(json.dumps(foot_drop).encode())
    with Upstream() as behind, proxy(tmp_path, behind.address, **{"body_timeout 10s": "body_timeout 1s"}) as running:
        with running.dial(first) as slow, suppress(ConnectionResetError):
            assert slow.recv(1) == b""
        assert behind.asked == []


def test_what_the_service_refuses_comes_through_in_its_own_words(proxied: Proxy) -> None:
    status, outcome = proxied.ask("POST", PATIENT_VIEW, b" " * (MAX_BYTES + 1))
    assert status == 413
    assert outcome["issue"][0]["diagnostics"] == "the body is larger than 32 MiB"
    assert proxied.ask("GET", "/nowhere")[0] == 404
    assert proxied.ask("POST", PATIENT_VIEW, b"not json")[0] == 400


@pytest.mark.parametrize(
    "flood",
    [
        head(b"", f"Content-Length: {MAX_BYTES * 2}"),
        head(b"", "Transfer-Encoding: chunked") + f"{MAX_BYTES * 2:x}\r\n ".encode(),
    ],
    ids=["announced", "chunked"],
)
def test_a_flood_is_413_before_the_service_hears_of_it(tmp_path: Path, flood: bytes) -> None:
    with Upstream() as behind, proxy(tmp_path, behind.address) as running:
        with running.dial(flood) as connection:
            status, outcome = read(connection)
        assert status == 413
        OperationOutcome.model_validate(outcome)
        assert behind.asked == []


def test_the_service_hears_the_request_as_it_was_sent_and_nothing_forged(tmp_path: Path) -> None:
    forged = dict.fromkeys(("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"), "1.2.3.4")
    said = {"Host": "cds.example:8443", "Origin": "https://ehr.example", "Authorization": "Bearer " + "x" * 8000}
    with Upstream() as behind, proxy(tmp_path, behind.address) as running:
        assert running.ask("POST", "/cds-services//a%2Fb?x=1", b"{}", **forged, **said) == (200, {})
        [heard] = behind.asked
    assert (heard.method, heard.target, heard.body) == ("POST", "/cds-services//a%2Fb?x=1", b"{}")
    headers = {name.lower(): value for name, value in heard.headers.items()}
    assert {name: headers[name.lower()] for name in said} == said
    assert not {name.lower() for name in forged} & set(headers)


def test_a_body_in_chunks_comes_to_the_service_whole(tmp_path: Path) -> None:
    first, rest = in_a_chunk(b" " * 200_000)
    with Upstream() as behind, proxy(tmp_path, behind.address) as running, running.dial(first + rest) as connection:
        assert read(connection) == (200, {})
        [heard] = behind.asked
    assert heard.headers["Content-Length"] == "200000" == str(len(heard.body))


def test_a_service_that_is_away_is_502_in_fhir(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and never listens
        with proxy(tmp_path, f"127.0.0.1:{nobody.getsockname()[1]}") as running:
            status, outcome = running.ask("POST", PATIENT_VIEW, b"{}")
    assert status == 502
    OperationOutcome.model_validate(outcome)


def test_a_call_that_the_service_drops_is_not_repeated(tmp_path: Path) -> None:
    with Upstream() as behind, proxy(tmp_path, behind.address) as running:
        behind.hangs_up = True
        assert running.ask("POST", PATIENT_VIEW, b"{}")[0] == 502
        assert len(behind.asked) == 1


def test_the_log_holds_names_and_numbers_only(tmp_path: Path) -> None:
    with Upstream() as behind, proxy(tmp_path, behind.address) as running:
        running.ask("POST", "/secret?patient=secret", b'"secret"', Authorization="Bearer secret")
        running.ask("SECRET", "/secret")
        with running.dial(b"GET /secret HTTP/1.1\r\n\r\n") as unreadable:  # no Host
            assert unreadable.recv(1)
        behind.hangs_up = True
        running.ask("POST", "/secret", b"{}")
        running.ask("POST", "/secret", b" " * 2_000_000)
    assert "secret" not in running.said.lower()
    lines = [json.loads(line) for line in (running.folder / "access.log").read_text().splitlines()]
    calls = [(each["method"], each["status"]) for each in lines]
    assert sorted(calls) == [("GET", 400), ("POST", 200), ("POST", 502), ("POST", 502), ("other", 200)]
    assert {"timestamp", "event", "received", "sent", "seconds", "service_seconds"} <= set(lines[0])
    assert re.fullmatch(r"\d+\.\d+", lines[0]["service_seconds"])
