"""`proxy` and `ca_file`: FHIR servers that are not reached directly, or have a certificate of the site's own."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from service.app import create_app
from service.fhir.client import FhirReader
from service.fhir.transport import HttpClient
from service.settings import Settings
from tests.support import vignettes
from tests.support.bad_server import KIND, TLS, BadServer, answer, bundle, report
from tests.support.fhir_server import FhirServer
from tests.support.http_server import Asked, HttpServer, Reply
from tests.support.patients import FOOT_DROP, NOW

URL = "/cds-services/foot-drop-patient-view"
QUERY = {"reports": f"{KIND}?patient=p1"}
TOKEN = "secret-token"


def read(http: HttpClient, base: str, allowed: tuple[str, ...] = ()) -> str:
    """Why the reports could not be read; empty when they were."""
    with FhirReader(lambda named: not allowed or named in allowed, http=http) as reader:
        return reader.fetch(base, TOKEN, QUERY, time.monotonic() + 30)["reports"].why


class Tunnel:
    """A proxy that takes CONNECT to any name and leads to one port."""

    def __init__(self, port: int, status: str = "200 OK", *, is_secure: bool = False) -> None:
        self._secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if is_secure else None
        if self._secure:
            self._secure.load_cert_chain(TLS / "server.pem")
        self.heads: list[str] = []
        self._port = port
        self._status = status
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Tunnel:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listener.accept()[0],), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with (
            suppress(OSError),
            self._secure.wrap_socket(client, server_side=True) if self._secure else client as client,
        ):
            self.heads.append(client.recv(65536).decode())
            client.sendall(f"HTTP/1.1 {self._status}\r\n\r\n".encode())
            if not self._status.startswith("200"):
                return
            with socket.create_connection(("127.0.0.1", self._port)) as behind:
                threading.Thread(target=_pipe, args=(behind, client), daemon=True).start()
                _pipe(client, behind)


def _pipe(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def secure() -> Iterator[BadServer]:
    """A good FHIR server with the certificate of the tests."""
    with BadServer(lambda line: line.send(answer(bundle([report()]))), "https", is_secure=True) as listening:
        yield listening


def port(server: BadServer) -> int:
    return int(server.base.split(":")[2].partition("/")[0])


def test_a_certificate_of_the_site_is_trusted(secure: BadServer) -> None:
    assert read(HttpClient(ca_file=str(TLS / "ca.pem")), secure.base) == ""
    assert read(HttpClient(), secure.base) == "the FHIR server has a certificate that is not trusted"


def test_the_settings_name_the_certificate(secure: BadServer) -> None:
    request = vignettes.request(FOOT_DROP, "patient-view", NOW, drop={"reports"}) | {"fhirServer": secure.base}
    for ca_file, is_read in ((TLS / "ca.pem", True), (None, False)):
        client = create_app(Settings(ca_file=ca_file), now=NOW, dev=True).test_client()
        cards = client.post(URL, json=request).get_json()["cards"]
        assert any("Reports could not be read" in card["detail"] for card in cards) is not is_read


def test_a_certificate_of_another_name_is_not_trusted(secure: BadServer) -> None:
    with Tunnel(port(secure)) as tunnel:
        http = HttpClient(ca_file=str(TLS / "ca.pem"), proxy=f"http://{tunnel.address}")
        assert (
            read(http, "https://other.hospital.example/fhir") == "the FHIR server has a certificate that is not trusted"
        )


def test_through_a_proxy_the_name_is_checked_and_the_address_is_its_duty(secure: BadServer) -> None:
    """The name is known to the proxy alone, and what it leads to is the loopback that is not allowed directly."""
    base = "https://fhir.hospital.example/fhir"
    with Tunnel(port(secure)) as tunnel:
        http = HttpClient(
            ca_file=str(TLS / "ca.pem"), proxy=f"http://site:secret@{tunnel.address}", allow_loopback=False
        )
        assert read(http, base, (base,)) == ""
        assert tunnel.heads[0].startswith("CONNECT fhir.hospital.example:443 HTTP/1.")
        assert "Proxy-Authorization: Basic " in tunnel.heads[0]
        assert TOKEN not in tunnel.heads[0]
        http = HttpClient(proxy=f"http://{tunnel.address}")
        assert read(http, "https://other.example/fhir", (base,)) == "the settings do not allow this FHIR server"
        assert len(tunnel.heads) == 1


def test_the_way_to_the_proxy_may_be_secure_too(secure: BadServer) -> None:
    with Tunnel(port(secure), is_secure=True) as tunnel:
        http = HttpClient(ca_file=str(TLS / "ca.pem"), proxy=f"https://{tunnel.address}")
        assert read(http, "https://fhir.hospital.example/fhir") == ""
        assert read(HttpClient(proxy=f"https://{tunnel.address}"), "https://fhir.hospital.example/fhir") != ""
        assert len(tunnel.heads) == 1


def test_what_speaks_http_goes_through_the_proxy_too() -> None:
    def proxied(asked: Asked) -> Reply:
        return Reply(headers={"Content-Type": "application/fhir+json"}, body=bundle([report()]))

    with HttpServer(proxied) as proxy:
        assert read(HttpClient(proxy=f"http://{proxy.address}"), "http://fhir.hospital.example/fhir") == ""
        assert proxy.asked[0].target == f"http://fhir.hospital.example/fhir/{KIND}?patient=p1"


def test_loopback_is_reached_without_the_proxy() -> None:
    with FhirServer() as server, HttpServer(lambda _: Reply(502)) as proxy:
        assert read(HttpClient(proxy=f"http://{proxy.address}"), server.base) == ""
        assert proxy.asked == []


@pytest.mark.parametrize("status", ["403 Forbidden", "407 Proxy Authentication Required", "502 Bad Gateway"])
def test_a_proxy_that_refuses_is_named(status: str) -> None:
    with Tunnel(1, status) as tunnel:
        why = read(HttpClient(proxy=f"http://site:secret@{tunnel.address}"), "https://fhir.hospital.example/fhir")
    assert why == "the FHIR server could not be reached through the proxy"


def test_a_proxy_that_is_silent_costs_no_more_than_the_deadline() -> None:
    with BadServer(lambda line: line.pause()) as silent:
        http = HttpClient(proxy=silent.base.removesuffix("/fhir"))
        with FhirReader(lambda base: True, http=http) as reader:
            for base in ("http://fhir.hospital.example/fhir", "https://fhir.hospital.example/fhir"):
                queries: dict[str, Any] = {str(number): f"{KIND}?patient={number}" for number in range(8)}
                fetched = reader.fetch(base, None, queries, time.monotonic() + 0.15)
                assert {one.why for one in fetched.values()} == {"the FHIR server did not answer in time"}
