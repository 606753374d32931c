"""The FHIR client: what it reads, how long it waits, where it goes and where it never goes."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.fhir.address import allow_list
from service.fhir.client import FhirReader
from tests.support.fhir_server import FhirServer
from tests.support.http_server import HttpServer, Reply

SECRET = "canary-token"
LONG = "code=" + ",".join(f"mrc-{number}" for number in range(300))


def condition(number: int) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": f"c{number}",
        "subject": {"reference": "Patient/1"},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": f"mrc-{number}"}]},
    }


def soon(seconds: float = 10.0) -> float:
    """A deadline; tests in which nothing is late never reach it."""
    return time.monotonic() + seconds


@pytest.fixture
def server() -> Iterator[FhirServer]:
    with FhirServer([condition(number) for number in range(5)], token=SECRET) as running:
        yield running


@pytest.fixture
def reader() -> Iterator[FhirReader]:
    with FhirReader(allow_list([], allow_loopback=True), max_bytes=1_000_000) as reading:
        yield reading


def ids(pages: list[Any]) -> list[str]:
    return [entry.resource.id for page in pages for entry in page.entry or () if entry.resource]


def test_a_search_is_read_page_by_page_with_the_token(server: FhirServer, reader: FhirReader) -> None:
    query = {"conditions": "Condition?patient=1&_count=2"}
    found = reader.fetch(server.base, SECRET, query, soon())["conditions"]
    assert (ids(found.pages), found.why) == (["c0", "c1", "c2", "c3", "c4"], "")
    assert [request.headers["Authorization"] for request in server.requests] == [f"Bearer {SECRET}"] * 3
    assert server.requests[0].headers["Accept"] == "application/fhir+json"


def test_no_cookie_is_kept(server: FhirServer, reader: FhirReader) -> None:
    reader.fetch(server.base, SECRET, {"conditions": "Condition?patient=1&_count=1"}, soon())
    assert not [request for request in server.requests if "Cookie" in request.headers]


def test_references_are_read(server: FhirServer, reader: FhirReader) -> None:
    absolute = f"{server.base}/Condition/c2"
    queries = {"relative": "Condition/c1", "absolute": absolute, "none": "Condition/none"}
    fetched = reader.fetch(server.base, SECRET, queries, soon())
    assert fetched["relative"].pages[0].id == "c1"
    assert fetched["absolute"].pages[0].id == "c2"
    assert fetched["none"].why == "the FHIR server answered 404"


def test_without_a_token_none_is_sent(reader: FhirReader) -> None:
    with FhirServer([condition(1)]) as server:
        reader.fetch(server.base, None, {"conditions": "Condition?patient=1"}, soon())
        assert "Authorization" not in server.requests[0].headers


def test_queries_are_under_way_at_once(server: FhirServer, reader: FhirReader) -> None:
    server.meet(8)
    queries = {f"key{number}": f"Condition?patient={number}" for number in range(8)}
    found = reader.fetch(server.base, SECRET, queries, soon())
    assert server.most_at_once == 8
    assert not any(fetched.why for fetched in found.values())


def test_a_query_too_long_for_a_url_is_posted(server: FhirServer, reader: FhirReader) -> None:
    found = reader.fetch(server.base, SECRET, {"conditions": f"Condition?patient=1&{LONG}"}, soon())
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/fhir/Condition/_search")
    assert len(ids(found["conditions"].pages)) == 5


@pytest.mark.parametrize("status", [400, 403, 404, 405, 415, 501])
def test_where_post_is_refused_get_is_tried(server: FhirServer, reader: FhirReader, status: int) -> None:
    server.misbehave("Condition", refuse_post=status)
    found = reader.fetch(server.base, SECRET, {"conditions": f"Condition?patient=1&{LONG}"}, soon())
    assert [request.method for request in server.requests] == ["POST", "GET"]
    assert len(ids(found["conditions"].pages)) == 5


def test_a_refused_token_is_not_tried_twice(server: FhirServer, reader: FhirReader) -> None:
    found = reader.fetch(server.base, "wrong", {"conditions": f"Condition?patient=1&{LONG}"}, soon())
    assert found["conditions"].why == "the FHIR server answered 401"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("manner", "why"),
    [
        ({"status": 401}, "the FHIR server answered 401"),
        ({"status": 403}, "the FHIR server answered 403"),
        ({"status": 404}, "the FHIR server answered 404"),
        ({"status": 410}, "the FHIR server answered 410"),
        ({"status": 500}, "the FHIR server answered 500"),
        ({"status": 503}, "the FHIR server answered 503"),
        ({"redirect": "http://127.0.0.1:1/fhir"}, "the FHIR server answered 302: redirects are not followed"),
        ({"html": True}, "a web page or XML"),
        ({"body": b"<Bundle xmlns='http://hl7.org/fhir'/>"}, "a web page or XML"),
        ({"body": b'{"resourceType": "Bun'}, "is not JSON"),
        ({"body": b""}, "is not JSON"),
        ({"body": b'{"resourceType": "\xff"}'}, "not UTF-8"),
        ({"body": b"[" * 200 + b"]" * 200}, "nested more than 100 levels deep"),
        ({"body": b'"Signed out"'}, "it is not a FHIR resource"),
        ({"cut": True}, "the FHIR server broke off its answer"),
        ({"huge": 1_000_001}, "larger than the limit"),
        ({"bomb": 5_000_000}, "larger than the limit"),
        ({"next": "http://127.0.0.1:1/fhir?page=2"}, "outside the FHIR server's base URL"),
        ({"expired": True}, "the FHIR server answered 410"),
        ({"endless": True}, "more than 20 pages"),
        ({"circle": True}, "form a loop"),
    ],
)
def test_what_a_server_does_wrong_is_said_in_words(
    server: FhirServer, reader: FhirReader, manner: dict[str, Any], why: str
) -> None:
    server.misbehave("Condition", **manner)
    queries = {"conditions": "Condition?patient=4711&_count=2", "c1": "Condition/c1", "orders": "Order?patient=1"}
    server.resources += [condition(number) | {"subject": {"reference": "Patient/4711"}} for number in range(3)]
    found = reader.fetch(server.base, SECRET, queries, soon())
    assert why in found["conditions"].why
    assert SECRET not in found["conditions"].why
    assert "4711" not in found["conditions"].why
    assert found["orders"].why == ""


@pytest.mark.parametrize("manner", [{"expired": True}, {"next": "http://127.0.0.1:1/fhir?page=2"}])
def test_pages_that_came_before_the_trouble_are_kept(
    server: FhirServer, reader: FhirReader, manner: dict[str, Any]
) -> None:
    server.misbehave("Condition", **manner)
    found = reader.fetch(server.base, SECRET, {"conditions": "Condition?patient=1&_count=2"}, soon())
    assert ids(found["conditions"].pages) == ["c0", "c1"]
    assert found["conditions"].why


def test_what_all_pages_of_a_query_hold_together_is_bounded(server: FhirServer, reader: FhirReader) -> None:
    server.resources = [record | {"note": "x" * 300_000} for record in server.resources]
    queries = {"conditions": "Condition?patient=1&_count=1", "other": "Condition?patient=2&_count=1"}
    fetched = reader.fetch(server.base, SECRET, queries, soon())
    assert ids(fetched["conditions"].pages) == ["c0", "c1", "c2"]
    assert "larger than the limit" in fetched["conditions"].why
    assert fetched["other"].why == ""


def test_what_all_keys_hold_together_is_bounded_but_for_a_single_one_by_half(
    server: FhirServer, reader: FhirReader
) -> None:
    server.resources = [record | {"note": "x" * 300_000} for record in server.resources]
    queries = {f"key{number}": f"Condition/c{number}" for number in range(5)}
    fetched = reader.fetch(server.base, SECRET, queries, soon())
    assert sorted(found.why for found in fetched.values()) == [
        "",
        "",
        "",
        *["the FHIR server's answer is larger than the limit"] * 2,
    ]
    server.misbehave("Observation", huge=500_001)
    fetched = reader.fetch(server.base, SECRET, {"observations": "Observation?patient=1", "c1": "Condition/c1"}, soon())
    assert [found.why for found in fetched.values()] == ["the FHIR server's answer is larger than the limit", ""]


def test_two_waves_of_one_request_share_what_they_may_hold(server: FhirServer, reader: FhirReader) -> None:
    server.resources = [record | {"note": "x" * 300_000} for record in server.resources]
    budget = reader.budget()
    whys = [reader.fetch(server.base, SECRET, {"c": f"Condition/c{n}"}, soon(), budget)["c"].why for n in range(4)]
    assert whys == ["", "", "", "the FHIR server's answer is larger than the limit"]


def test_proxies_and_passwords_of_the_machine_are_not_used(
    server: FhirServer, reader: FhirReader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    passwords = tmp_path / "netrc"
    passwords.write_text("default login of-the-machine password secret\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("NETRC", str(passwords))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    server.token = None
    with HttpServer(lambda _: Reply(502)) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://{proxy.address}")
        fetched = reader.fetch(server.base, None, {"conditions": "Condition?patient=1"}, soon())
        assert proxy.asked == []
    assert len(ids(fetched["conditions"].pages)) == 5
    assert "Authorization" not in server.requests[0].headers


def test_a_server_that_is_not_there_is_named_so(reader: FhirReader) -> None:
    with FhirServer() as gone:
        base = gone.base
    found = reader.fetch(base, SECRET, {"conditions": "Condition?patient=1"}, soon())
    assert found["conditions"].why == "the FHIR server could not be reached"


def test_an_unreadable_record_costs_only_itself(server: FhirServer, reader: FhirReader) -> None:
    grades = [condition(number) | {"resourceType": "Observation", "status": "final"} for number in range(3)]
    grades[1]["status"] = 17
    server.resources += grades
    found = reader.fetch(server.base, SECRET, {"observations": "Observation?patient=1"}, soon())["observations"]
    assert (ids(found.pages), found.why) == (["c0", "c2"], "")
    assert [(defect.where, defect.dropped) for defect in found.defects] == [
        ("observations from the FHIR server, entry 2", True)
    ]


@pytest.mark.parametrize("manner", [{"delay": 30.0}, {"drip": 0.05}, {"drip_headers": 0.05}])
def test_the_deadline_returns_what_came_in_time(server: FhirServer, reader: FhirReader, manner: dict[str, Any]) -> None:
    server.misbehave("ServiceRequest", **manner)
    queries = {"conditions": "Condition?patient=1", "orders": "ServiceRequest?patient=1"}
    found = reader.fetch(server.base, SECRET, queries, soon(0.3))
    assert (len(ids(found["conditions"].pages)), found["conditions"].why) == (5, "")
    assert (found["orders"].pages, found["orders"].why) == ([], "the FHIR server did not answer in time")


def test_pages_that_came_in_time_are_kept(server: FhirServer, reader: FhirReader) -> None:
    server.misbehave("Condition", later_delay=30.0)
    found = reader.fetch(server.base, SECRET, {"conditions": "Condition?patient=1&_count=2"}, soon(0.3))
    assert ids(found["conditions"].pages) == ["c0", "c1"]
    assert found["conditions"].why == "the FHIR server did not answer in time"


def test_after_the_deadline_nothing_is_sent(server: FhirServer, reader: FhirReader) -> None:
    found = reader.fetch(server.base, SECRET, {"conditions": "Condition?patient=1"}, soon(-1))
    assert found["conditions"].why == "the FHIR server did not answer in time"
    assert server.requests == []


def test_threads_that_are_late_do_not_stay(server: FhirServer) -> None:
    """With two threads, two stuck queries would block everything that follows."""
    server.misbehave("ServiceRequest", drip_headers=0.05)
    with FhirReader(allow_list([], allow_loopback=True), threads=2) as reader:
        stuck = {"a": "ServiceRequest?patient=1", "b": "ServiceRequest?patient=2"}
        reader.fetch(server.base, SECRET, stuck, soon(0.2))
        found = reader.fetch(server.base, SECRET, {"conditions": "Condition?patient=1"}, soon())
    assert len(ids(found["conditions"].pages)) == 5


def test_the_token_goes_to_no_other_server(server: FhirServer, reader: FhirReader) -> None:
    with FhirServer([condition(1)]) as other:
        server.misbehave("Condition", next=f"{other.base}?_page=2")
        server.misbehave("ServiceRequest", redirect=f"{other.base}/ServiceRequest?patient=1")
        queries = {
            "conditions": "Condition?patient=1",
            "orders": "ServiceRequest?patient=1",
            "page": f"{other.base}?_page=2",
            "reference": f"{other.base}/Medication/1",
            "slashes": f"//{other.base.partition('//')[2]}/Condition",
        }
        found = reader.fetch(server.base, SECRET, queries, soon())
        assert all(fetched.why for fetched in found.values())
        assert other.requests == []


@pytest.mark.parametrize(
    "link", ["/other/Condition", "../other", "Condition/../../other", "%2e%2e/other", "/fhirs?x", "a\\b", "?a#b"]
)
def test_a_link_that_leaves_the_base_is_not_followed(server: FhirServer, reader: FhirReader, link: str) -> None:
    server.misbehave("Condition", next=link)
    found = reader.fetch(server.base, SECRET, {"conditions": "Condition?patient=1"}, soon())
    assert "outside the FHIR server's base URL" in found["conditions"].why
    assert len(server.requests) == 1


def test_a_relative_next_link_is_followed(server: FhirServer, reader: FhirReader) -> None:
    server.misbehave("Condition", next="Condition/c3")
    found = reader.fetch(server.base, SECRET, {"conditions": "Condition?patient=1"}, soon())["conditions"]
    assert found.why == ""
    assert found.pages[1].id == "c3"


def test_a_server_that_is_not_allowed_gets_no_request(server: FhirServer) -> None:
    with FhirReader(allow_list(["https://ehr.example/fhir"], allow_loopback=False)) as reader:
        found = reader.fetch(server.base, SECRET, {"conditions": "Condition?patient=1"}, soon())
    assert found["conditions"].why == "the settings do not allow this FHIR server"
    assert server.requests == []


def test_a_base_that_is_no_base_is_not_contacted_though_allowed(server: FhirServer) -> None:
    place = server.base.removeprefix("http://")
    bases = [f"http://user@{place}", f"{server.base}?a=b", f"{server.base}#a", f"ftp://{place}", "", "x"]
    with FhirReader(lambda base: True) as reader:
        found = [reader.fetch(base, SECRET, {"c": "Condition?patient=1"}, soon())["c"] for base in bases]
    assert {fetched.why for fetched in found} == {"the settings do not allow this FHIR server"}
    assert server.requests == []


def test_a_token_that_would_break_a_header_is_not_sent(server: FhirServer, reader: FhirReader) -> None:
    found = reader.fetch(server.base, "a\r\nX-Other: b", {"conditions": "Condition?patient=1"}, soon())
    assert found["conditions"].why == "the access token cannot be sent in a header"
    assert server.requests == []
