"""Names of FHIR servers: a name that hangs, that leads where no FHIR server is, and a name that moves."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from service.fhir import resolver
from service.fhir.client import FhirReader
from service.fhir.resolver import Resolver, UnresolvedError
from service.fhir.transport import HttpClient
from tests.support.fhir_server import FhirServer
from tests.support.names_told import Names, names_told

QUERY = {"conditions": "Condition?patient=1"}


@pytest.fixture
def names() -> Iterator[Names]:
    with names_told() as told:
        yield told


@pytest.fixture
def server() -> Iterator[FhirServer]:
    with FhirServer([{"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/1"}}]) as listening:
        yield listening


@pytest.fixture
def reader() -> Iterator[FhirReader]:
    with FhirReader(lambda base: True, http=HttpClient(4), threads=4) as reading:
        yield reading


def under(name: str, server: FhirServer) -> str:
    """The server's base under another name."""
    return server.base.replace("127.0.0.1", name)


def read(reader: FhirReader, base: str, seconds: float = 5.0) -> str:
    """Why the conditions could not be read; empty when they were."""
    return reader.fetch(base, None, QUERY, time.monotonic() + seconds)["conditions"].why


def test_a_name_that_hangs_blocks_no_other_server(names: Names, server: FhirServer, reader: FhirReader) -> None:
    names.knows["good.example"] = ["127.0.0.1"]
    names.hangs = {f"hangs{number}.example" for number in range(6)}
    for name in sorted(names.hangs):
        assert read(reader, under(name, server), 0.05) == "the FHIR server did not answer in time"
    assert read(reader, under("good.example", server)) == ""


def test_a_name_that_hangs_is_looked_up_once(names: Names, server: FhirServer, reader: FhirReader) -> None:
    names.hangs = {"hangs.example"}
    for seconds in (0.5, 0.02, 0.02, 0.02):  # the first is long enough to begin, on a busy machine too
        read(reader, under("hangs.example", server), seconds)
    assert names.asked == ["hangs.example"]
    names.knows["hangs.example"] = ["127.0.0.1"]
    names.released.set()
    assert read(reader, under("hangs.example", server)) == ""
    assert names.asked == ["hangs.example"]


def test_no_more_names_are_looked_up_at_once_than_there_are_threads(names: Names) -> None:
    names.hangs = {f"hangs{number}.example" for number in range(20)}
    resolving = Resolver(allow_loopback=True)
    before = threading.active_count()
    for name in sorted(names.hangs):
        with pytest.raises(UnresolvedError, match="in time"):
            resolving.places(name, 0.001)
    assert threading.active_count() - before <= 8


def test_an_answer_is_remembered_and_renewed_behind(
    names: Names, server: FhirServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    names.knows["fhir.example"] = ["127.0.0.1"]
    resolving = Resolver(allow_loopback=True)
    places = [resolving.places("fhir.example", 1) for _ in range(3)]
    assert places[0] == places[2] == [(socket.AF_INET, ("127.0.0.1", 0))]
    assert len(names.asked) == 1
    monkeypatch.setattr(resolver, "FRESH", 0.0)
    names.knows["fhir.example"] = ["127.0.0.2"]
    assert resolving.places("fhir.example", 1) == places[0]  # at once, and it is asked behind
    assert until(lambda: resolving.places("fhir.example", 1)[0][1][0] == "127.0.0.2")


def until(holds: Callable[[], bool]) -> bool:
    """Whether it holds within five seconds."""
    give_up = time.monotonic() + 5
    while not holds() and time.monotonic() < give_up:
        time.sleep(0.005)
    return holds()


def test_a_name_that_is_not_known_is_said_so(names: Names, server: FhirServer, reader: FhirReader) -> None:
    assert read(reader, under("none.example", server)) == "the FHIR server has a name that is not known"
    assert server.requests == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.0.1.1",
        "::1",
        "::ffff:127.0.0.1",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fe80::1",
        "224.0.0.1",
        "ff02::1",
        "0.0.0.0",
        "::",
    ],
)
def test_a_name_that_was_moved_to_where_no_fhir_server_is_gets_no_request(
    names: Names, server: FhirServer, address: str
) -> None:
    names.knows["fhir.example"] = [address]
    with FhirReader(lambda base: True, http=HttpClient(allow_loopback=False)) as reader:
        why = read(reader, under("fhir.example", server))
    assert why == "the FHIR server has a name that leads to an address where no FHIR server can be"
    assert server.requests == []


@pytest.mark.parametrize("address", ["10.1.2.3", "192.168.1.2", "172.16.0.1", "203.0.113.7", "fd00::7", "2001:db8::7"])
def test_a_hospitals_own_addresses_are_those_of_fhir_servers(names: Names, address: str) -> None:
    names.knows["fhir.example"] = ["169.254.0.1", address]
    ((_, place),) = Resolver(allow_loopback=False).places("fhir.example", 1)
    assert place[0] == address


PRIVATE = ["10.1.2.3", "192.168.1.2", "172.16.0.1", "100.64.0.9", "fd00::7", "127.0.0.1", "::1", "::ffff:10.1.2.3"]
NOWHERE = [
    *("169.254.169.254", "fe80::1", "224.0.0.1", "0.0.0.0", "0.1.2.3", "255.255.255.255", "::", "64:ff9b::a9fe:a9fe"),
    *("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "2002:a9fe:a9fe::1", "::127.0.0.1"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_reached_only_where_that_is_said(names: Names, address: str) -> None:
    names.knows = {"fhir.example": [address], "other.example": [address]}
    resolving = Resolver(allow_loopback=True, private={"fhir.example"})
    assert resolving.places("fhir.example", 1)[0][1][0] == address
    with pytest.raises(UnresolvedError, match="leads to"):
        resolving.places("other.example", 1)
    with pytest.raises(UnresolvedError, match="leads to"):
        resolving.places(f"[{address}]" if ":" in address else address, 1)


@pytest.mark.parametrize("address", NOWHERE)
def test_where_no_server_is_none_is_reached_whatever_is_said(names: Names, address: str) -> None:
    names.knows["fhir.example"] = [address]
    with pytest.raises(UnresolvedError, match="where no FHIR server can be"):
        Resolver(allow_loopback=False, private={"fhir.example"}).places("fhir.example", 1)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_a_public_address_is_reached_and_of_several_that_alone(names: Names, address: str) -> None:
    names.knows["fhir.example"] = ["10.1.2.3", address, "127.0.0.1"]
    places = Resolver(allow_loopback=False, private=set()).places("fhir.example", 1)
    assert [place[0] for _, place in places] == [address]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "169.254.1.1", "localhost"])
def test_an_address_in_the_settings_is_what_it_says(names: Names, host: str) -> None:
    names.knows["localhost"] = ["127.0.0.1"]
    assert Resolver(allow_loopback=False).places(host, 1)


def test_the_second_address_is_tried_when_the_first_is_away(
    names: Names, server: FhirServer, reader: FhirReader
) -> None:
    names.knows["fhir.example"] = ["::1", "127.0.0.1"]
    assert read(reader, under("fhir.example", server)) == ""
