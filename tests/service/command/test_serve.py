"""The service as a process: where it answers, how it ends, what it logs, and how much it takes."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cards.record.body import MAX_BYTES
from tests.support import vignettes
from tests.support.fhir_server import FhirServer
from tests.support.patients import FOOT_DROP, NOW
from tests.support.processes import TIMEOUT, children, is_running, post, serving, until
from tests.support.sampling import one_in

PATIENT_VIEW = "/cds-services/foot-drop-patient-view"


@pytest.mark.parametrize("stop", one_in(2, [signal.SIGTERM, signal.SIGINT]))
def test_serve_answers_where_it_says_and_leaves_no_process(tmp_path: Path, stop: signal.Signals) -> None:
    with serving(tmp_path, "--dev", "--port", "0", "--workers", "2") as (process, address):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address)
        answer = post(address, vignettes.request(FOOT_DROP, "patient-view", datetime.now(UTC)))
        assert answer["cards"]
        started = children(process)
        process.send_signal(stop)
        assert process.wait(TIMEOUT) == 0
        assert not [pid for pid in started if is_running(pid)]


@pytest.mark.long
def test_it_knows_that_it_answers_whatever_it_is_called(tmp_path: Path) -> None:
    """The address that it listens on is none of its names: its look at itself calls it by one of them."""
    with serving(tmp_path, "--dev", "--host", "127.0.0.9", "--port", "0") as (_, address):
        place = address.removeprefix("http://")
        for host, status in (("localhost", 200), (place, 421), ("evil.example", 421)):
            connection = http.client.HTTPConnection(place, timeout=TIMEOUT)
            connection.request("GET", "/cds-services", headers={"Host": host})
            assert connection.getresponse().status == status
            connection.close()


@pytest.mark.long
def test_a_body_too_large_is_refused_and_the_reply_is_seen(tmp_path: Path) -> None:
    with serving(tmp_path, "--dev", "--port", "0") as (_, address):
        url = f"{address}/cds-services/foot-drop-patient-view"
        asked = urllib.request.Request(url, b" " * (MAX_BYTES + 1), {"Content-Type": "application/json"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(asked, timeout=TIMEOUT)
        assert refused.value.code == 413
        assert json.load(refused.value)["resourceType"] == "OperationOutcome"
        refused.value.close()


@pytest.mark.long
def test_a_body_in_chunks_is_read_up_to_the_limit_only(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield from [b" " * (1024 * 1024)] * (MAX_BYTES // (1024 * 1024))
        yield b" "

    with serving(tmp_path, "--dev", "--port", "0") as (_, address):
        connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=TIMEOUT)
        connection.request("POST", PATIENT_VIEW, chunks(), {"Content-Type": "application/json"}, encode_chunked=True)
        assert connection.getresponse().status == 413
        connection.close()


@pytest.mark.long
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_the_longest_request_whatever_connections_are_open(
    tmp_path: Path, stop: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Idle ones, one with a half-sent body, and a request that waits for a slow FHIR server, and is answered."""
    monkeypatch.setenv("FOOT_DROP_CDS_DEADLINE_MS", "1500")
    with ExitStack() as stack:
        slow = stack.enter_context(FhirServer())
        for kind in ("Condition", "Observation"):
            slow.misbehave(kind, delay=30.0)
        process, address = stack.enter_context(serving(tmp_path, "--dev", "--port", "0", "--workers", "2"))
        place = address.removeprefix("http://")
        host, port = place.split(":")
        connections = []
        for body in (b"", b"{", json.dumps(unsupplied(slow)).encode()):
            connection = stack.enter_context(socket.create_connection((host, int(port)), timeout=TIMEOUT))
            connections.append(connection)
            if body:
                length = len(body) if len(body) > 1 else 100
                head = f"POST {PATIENT_VIEW} HTTP/1.1\r\nHost: {place}\r\nContent-Type: application/json"
                connection.sendall(f"{head}\r\nContent-Length: {length}\r\n\r\n".encode() + body)
            else:
                connection.sendall(f"GET /cds-services HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
                assert connection.recv(100).startswith(b"HTTP/1.1 200")
        until(lambda: bool(slow.asked_for("Condition")))
        started = children(process)
        process.send_signal(stop)
        assert process.wait(5) == 0
        assert not [pid for pid in started if is_running(pid)]
        _, half_sent, reading = connections
        assert half_sent.recv(100).startswith(b"HTTP/1.1 408 ")
        assert reading.recv(100).startswith(b"HTTP/1.1 412 ")


def unsupplied(server: FhirServer) -> dict[str, Any]:
    """A request without prefetch, about the patient secret-4711 of a FHIR server."""
    asked = vignettes.request(FOOT_DROP, "patient-view", NOW, patient_id="secret-4711")
    return {key: value for key, value in asked.items() if key != "prefetch"} | {"fhirServer": server.base}


def test_all_that_is_logged_is_json_and_tells_nothing_of_the_patient(tmp_path: Path) -> None:
    """The header without a colon makes urllib3 warn, with the whole URL."""
    records = vignettes.records(FOOT_DROP, NOW, patient_id="secret-4711")
    with (
        FhirServer(record for found in records.values() for record in found) as server,
        (tmp_path / "log").open("w+") as log,
    ):
        server.misbehave("Condition", odd_header="odd")
        with serving(tmp_path, "--dev", "--port", "0", log=log) as (_, address):
            post(address, unsupplied(server))
        log.seek(0)
        lines = [json.loads(line) for line in log]
        log.seek(0)
        assert "4711" not in log.read()
    assert {"request", "library"} <= {line["event"] for line in lines}
    assert "urllib3.connection" in {line.get("library") for line in lines}
