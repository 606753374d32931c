"""A query whose connection fails is asked once more; nothing else is, and nothing late."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable

import pytest

from service.fhir.client import FhirReader
from tests.support.bad_server import GOOD, HEAD, KINDS, BadServer, Line, answer, says
from tests.support.fhir_server import FhirServer
from tests.support.http_server import Asked, HangUp, HttpServer, Reply

QUERY = {"reports": "DiagnosticReport?patient=p1"}
BUNDLE = json.dumps({"resourceType": "Bundle", "type": "searchset"}).encode()
UNREACHED = {"the FHIR server could not be reached", "the FHIR server broke off its answer"}


def read(base: str, seconds: float = 10.0, query: str = QUERY["reports"]) -> str:
    """Why the reports could not be read; empty when they were."""
    with FhirReader(lambda _: True) as reader:
        return reader.fetch(base, "t1", {"reports": query}, time.monotonic() + seconds)["reports"].why


class Failing:
    """A manner that fails so many times, and then answers well."""

    def __init__(self, times: int, failure: Callable[[Line], None]) -> None:
        self.came = 0
        self._times = times
        self._failure = failure

    def __call__(self, line: Line) -> None:
        self.came += 1
        (self._failure if self.came <= self._times else says(GOOD))(line)


CUT = [KINDS["closes at once"], KINDS["resets"]]


@pytest.mark.parametrize("failure", CUT, ids=["closes", "resets"])
def test_a_connection_that_is_lost_before_any_answer_is_made_once_more(failure: Callable[[Line], None]) -> None:
    for times, is_read, came in ((1, True, 2), (2, False, 2), (9, False, 2)):
        manner = Failing(times, failure)
        with BadServer(manner) as server:
            why = read(server.base)
        assert (why == "") is is_read, why
        assert why in {"", *UNREACHED}
        assert manner.came == came


def test_a_server_that_was_away_for_a_moment_is_read() -> None:
    tries: list[int] = []
    connect = socket.socket.connect

    def refused_once(own: socket.socket, address: tuple[str, int]) -> None:
        tries.append(address[1])
        if len(tries) == 1:
            raise ConnectionRefusedError
        connect(own, address)

    with FhirServer() as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refused_once)
        assert read(server.base) == ""
        assert len(tries) == 2
    assert read(server.base) == "the FHIR server could not be reached"


def test_a_kept_connection_that_the_server_has_closed_costs_nothing() -> None:
    asked: list[int] = []

    def reply(_: Asked) -> Reply:
        asked.append(1)
        if len(asked) == 2:
            raise HangUp
        return Reply(headers={"Content-Type": "application/fhir+json"}, body=BUNDLE)

    with HttpServer(reply) as server, FhirReader(lambda _: True) as reader:
        whys = [reader.fetch(server.base, None, QUERY, time.monotonic() + 10)["reports"].why for _ in range(3)]
    assert whys == ["", "", ""]
    assert len(asked) == 4


@pytest.mark.parametrize(
    "failure",
    [
        says(GOOD, status="503 Away"),
        says(GOOD, status="500 Fault"),
        says(GOOD, status="401 Who"),
        lambda line: line.send(answer(GOOD)[:-40]),
        lambda line: line.send(HEAD[:20]),
        KINDS["is a web page"],
        KINDS["says gzip, and is none"],
    ],
    ids=["503", "500", "401", "cut", "cut in its head", "a web page", "no gzip"],
)
def test_an_answer_whatever_it_is_is_asked_for_once(failure: Callable[[Line], None]) -> None:
    manner = Failing(9, failure)
    with BadServer(manner) as server:
        assert read(server.base)
    assert manner.came == 1


def test_what_fails_late_is_not_asked_again() -> None:
    def late(line: Line) -> None:
        line.pause(0.35)

    manner = Failing(9, late)
    with BadServer(manner) as server:
        assert read(server.base, 0.6)
    assert manner.came == 1


def test_one_query_is_asked_once_more_however_many_pages_it_has() -> None:
    """Of the pages of a query, one may be lost."""
    numbers: list[int] = []

    def reply(asked: Asked) -> Reply:
        numbers.append(1)
        if len(numbers) in (2, 4):
            raise HangUp
        links = [{"relation": "next", "url": f"DiagnosticReport?page={len(numbers)}"}]
        page = {"resourceType": "Bundle", "link": links if len(numbers) < 6 else []}
        return Reply(headers={"Content-Type": "application/fhir+json"}, body=json.dumps(page).encode())

    with HttpServer(reply) as server:
        assert read(server.base) in UNREACHED
    assert len(numbers) == 4
