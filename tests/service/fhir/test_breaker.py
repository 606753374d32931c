"""A FHIR server that gives no answer is let alone for a while, and tried again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from service.fhir import breaker
from service.fhir.client import FhirReader
from tests.support.fhir_server import FhirServer

LATE = "the FHIR server did not answer in time"
ALONE = "the FHIR server did not answer the last requests, and is not called for some seconds"
QUERIES = {"conditions": "Condition?patient=1", "reports": "DiagnosticReport?patient=1"}


@pytest.fixture
def server() -> Iterator[FhirServer]:
    with FhirServer() as listening:
        yield listening


@pytest.fixture
def reader() -> Iterator[FhirReader]:
    with FhirReader(lambda base: True) as reading:
        yield reading


def ask(reader: FhirReader, server: FhirServer, seconds: float = 5.0) -> str:
    """Why the conditions were not read."""
    return reader.fetch(server.base, None, QUERIES, time.monotonic() + seconds)["conditions"].why


def silence(server: FhirServer, **manner: Any) -> None:
    """Misbehave in whatever is asked."""
    for kind in ("Condition", "DiagnosticReport"):
        server.misbehave(kind, **manner)


def test_after_five_silent_requests_a_server_is_let_alone(server: FhirServer, reader: FhirReader) -> None:
    silence(server, delay=30.0)
    assert [ask(reader, server, 0.03) for _ in range(5)] == [LATE] * 5
    came = len(server.requests)
    started = time.perf_counter()
    assert [ask(reader, server) for _ in range(20)] == [ALONE] * 20
    assert time.perf_counter() - started < 5, "not even one deadline is waited for"
    assert len(server.requests) == came
    with FhirServer() as other:
        assert ask(reader, other) == "", "each server has its own"


def test_it_is_tried_again_by_one_request_and_then_read_as_ever(
    server: FhirServer, reader: FhirReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]  # a clock that stands still, however busy the machine is
    monkeypatch.setattr(breaker, "time", SimpleNamespace(monotonic=lambda: now[0]))
    silence(server, status=503)
    for _ in range(5):
        ask(reader, server)
    now[0] += breaker.PAUSE - 0.001
    assert ask(reader, server) == ALONE
    now[0] += 0.001
    assert [ask(reader, server) for _ in range(2)] == ["the FHIR server answered 503", ALONE]
    silence(server, status=200)
    now[0] += breaker.PAUSE
    assert [ask(reader, server) for _ in range(2)] == ["", ""]


@pytest.mark.parametrize("manner", [{"status": 401}, {"status": 404}, {"status": 500}, {"html": True}, {"body": b"{"}])
def test_a_server_that_refuses_is_no_silent_one(server: FhirServer, reader: FhirReader, manner: dict[str, Any]) -> None:
    silence(server, **manner)
    assert ALONE not in [ask(reader, server) for _ in range(8)]


def test_one_key_that_never_comes_costs_no_other(server: FhirServer, reader: FhirReader) -> None:
    server.misbehave("DiagnosticReport", delay=30.0)
    assert [ask(reader, server, 0.25) for _ in range(6)] == [""] * 6  # one more than would have it let alone
