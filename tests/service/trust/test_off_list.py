"""No address that a caller writes anywhere makes the service call a server that is none of the client's.

What is called is seen at the socket; what is looked up, at the system's resolver.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from tests.support import vignettes
from tests.support.fhir_server import FhirServer
from tests.support.http_server import HttpServer, Reply
from tests.support.names_told import Names, names_told
from tests.support.off_list import off_list
from tests.support.patients import FOOT_DROP, NOW
from tests.support.signing import claims, ec_key, token
from tests.support.site import REQUEST, Site, site

Json = dict[str, Any]
SHARE = 12  # one of so many is tried at every commit
TOKEN = "canary-token"
BATCH = 10  # prefetch keys of a request, and references


class Calls:
    """What is called and looked up, and what of it is another's than `own`; a call that is, is not made."""

    def __init__(self, own: FhirServer, names: Names) -> None:
        self.own = own
        self.names = names
        self.tried = 0
        self.strayed: list[object] = []

    def connect(self, real: Any) -> Any:
        """socket.connect, watched."""

        def connect(own: socket.socket, address: Any) -> None:
            self.tried += 1
            if address[:2] != ("127.0.0.1", int(self.own.address.rpartition(":")[2])):
                self.strayed.append(address)
                raise ConnectionRefusedError
            real(own, address)

        return connect

    def check(self) -> None:
        """Nothing strayed, nothing was looked up, and all that came was asked below the base."""
        assert self.strayed == []
        assert self.names.asked == []
        assert [asked.target for asked in self.own.asked if not asked.target.startswith("/fhir")] == []
        assert [asked.target for asked in self.own.asked if ".." in asked.target or "admin" in asked.target] == []


@pytest.fixture(scope="module")
def decoy() -> Iterator[HttpServer]:
    """A server that nobody may call."""
    with HttpServer(lambda _: Reply(body=b'{"resourceType": "Bundle"}')) as listening:
        yield listening


@pytest.fixture(scope="module")
def own() -> Iterator[FhirServer]:
    """The client's one FHIR server."""
    with FhirServer(token=TOKEN) as listening:
        yield listening


@pytest.fixture(scope="module")
def main(own: FhirServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The service, with a client that may read it."""
    table = f'tenants = [{{ base = "{own.base}", plain_http = true, private = true }}]'
    with site(tmp_path_factory.mktemp("site"), table, "deadline_ms = 5000") as running:
        yield running


@pytest.fixture
def calls(own: FhirServer, decoy: HttpServer) -> Iterator[Calls]:
    """What is called in this test."""
    own.behave()
    own.asked.clear()
    with names_told() as names, pytest.MonkeyPatch.context() as patch:
        watched = Calls(own, names)
        patch.setattr(socket.socket, "connect", watched.connect(socket.socket.connect))
        yield watched
    watched.check()
    assert decoy.asked == []


@pytest.fixture(params=["sample", pytest.param("all", marks=pytest.mark.long)])
def urls(request: pytest.FixtureRequest, own: FhirServer, decoy: HttpServer) -> list[str]:
    """Addresses of every trick."""
    every = [url for urls in off_list(own.base, decoy.address).values() for url in urls]
    assert len(every) >= 300
    return every if request.param == "all" else every[::SHARE]


def asked(own: FhirServer, **prefetch: Any) -> Json:
    """A request that holds all keys, some of them these."""
    known = vignettes.request(FOOT_DROP, "patient-view", NOW)["prefetch"] | prefetch
    return {
        **REQUEST,
        "prefetch": dict.fromkeys(vignettes.PREFETCH_KEYS) | known,
        "fhirServer": own.base,
        "fhirAuthorization": {"access_token": TOKEN},
    }


def in_batches(urls: list[str], size: int = BATCH) -> Iterator[list[str]]:
    return (urls[start : start + size] for start in range(0, len(urls), size))


def test_as_the_server_of_a_request(main: Site, calls: Calls, urls: list[str]) -> None:
    for url in urls:
        request = {**REQUEST, "prefetch": {}, "fhirServer": url, "fhirAuthorization": {"access_token": TOKEN}}
        reply = main.post(token(), request)
        if "".join(filter(str.isprintable, url)) == calls.own.base:
            continue  # what no text holds is left out of every text (O15)
        assert reply.status_code == 403, ascii(url)[:200]
        assert TOKEN not in reply.text


def test_as_the_address_of_keys(main: Site, calls: Calls, urls: list[str]) -> None:
    for url in urls:
        for named in (url, f"{url}/jwks.json"):
            of_token = jwt.encode(claims(), ec_key("own"), "ES384", {"kid": "es", "jku": named})
            assert (main.status(of_token), calls.tried) == (401, 0), ascii(url)[:200]


@pytest.mark.parametrize("ending", ["", "?_page=2", "/Condition?_page=2"])
def test_as_the_next_page_of_the_prefetch(main: Site, calls: Calls, urls: list[str], ending: str) -> None:
    keys = [key for key in vignettes.PREFETCH_KEYS if key not in ("patient", "encounter", "conditions", "observations")]
    for batch in in_batches(urls, len(keys)):
        paged = {
            key: {"resourceType": "Bundle", "link": [{"relation": "next", "url": f"{url}{ending}"}]}
            for key, url in zip(keys, batch, strict=False)
        }
        assert main.status(request=asked(calls.own, **paged)) == 200


def test_as_the_next_page_of_the_server(main: Site, calls: Calls, urls: list[str]) -> None:
    for url in urls[:: 1 if len(urls) < 100 else 3]:
        calls.own.misbehave("DiagnosticReport", next=f"{url}?_page=2")
        request = asked(calls.own)
        del request["prefetch"]["reports"]
        assert main.status(request=request) == 200


@pytest.mark.parametrize("ending", ["/Medication/m1", "/fhir/Medication/m1", "/Medication/m1/_history/1", ""])
def test_as_a_reference(main: Site, calls: Calls, urls: list[str], ending: str) -> None:
    for batch in in_batches(urls, 50):
        medicines = [
            {
                "resourceType": "MedicationRequest",
                "id": f"r{number}",
                "status": "active",
                "subject": {"reference": "Patient/p1"},
                "medicationReference": {"reference": f"{url}{ending}"},
            }
            for number, url in enumerate(batch)
        ]
        bundle = {"resourceType": "Bundle", "entry": [{"resource": medicine} for medicine in medicines]}
        assert main.status(request=asked(calls.own, medications=bundle)) == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_as_a_redirect(main: Site, calls: Calls, decoy: HttpServer, status: int) -> None:
    for there in (decoy.base, f"http://evil.example/{status}", "file:///etc/passwd", "//evil.example/", calls.own.base):
        calls.own.misbehave("DiagnosticReport", redirect=there, status=status)
        request = asked(calls.own)
        del request["prefetch"]["reports"]
        assert main.status(request=request) == 200
    assert len(calls.own.asked) == 5
    assert {asked.headers["Authorization"] for asked in calls.own.asked} == {f"Bearer {TOKEN}"}
