"""Beyond max_waiting requests a worker refuses at once, also while it waits for a FHIR server; health is exempt."""

from __future__ import annotations

import http.client
import json
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome

from tests.support.fhir_server import FhirServer
from tests.support.processes import TIMEOUT, serving, until

VIEW = "/cds-services/foot-drop-patient-view"
ORIGIN = "http://localhost:1234"
Reply = tuple[int, dict[str, str], Any]


def ask(address: str, method: str, path: str, body: dict[str, Any] | None = None) -> Reply:
    """Status, headers and JSON of an answer."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=TIMEOUT)
    headers = {"Content-Type": "application/json", "Origin": ORIGIN, "X-Request-Id": "17"}
    try:
        connection.request(method, path, json.dumps(body) if body else None, headers)
        reply = connection.getresponse()
        return reply.status, dict(reply.getheaders()), json.loads(reply.read())
    finally:
        connection.close()


@pytest.fixture
def slow_one(no_foot_drop: dict[str, Any]) -> dict[str, Any]:
    """A request for which a FHIR server is asked."""
    prefetch = {key: value for key, value in no_foot_drop["prefetch"].items() if key != "devices"}
    return {**no_foot_drop, "prefetch": prefetch}


@pytest.mark.long
def test_those_that_come_last_are_refused_while_the_worker_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_foot_drop: dict[str, Any], slow_one: dict[str, Any]
) -> None:
    monkeypatch.setenv("FOOT_DROP_CDS_MAX_WAITING", "2")
    with FhirServer() as server, ThreadPoolExecutor(9) as threads:
        server.misbehave("Device", delay=2)
        with serving(tmp_path, "--dev", "--port", "0") as (_, address):
            slow = threads.submit(ask, address, "POST", VIEW, {**slow_one, "fhirServer": server.base})
            until(lambda: bool(server.asked_for("Device")) or slow.done())
            others = [threads.submit(ask, address, "POST", VIEW, no_foot_drop) for _ in range(8)]
            refused = [other.result() for other in islice(as_completed(others), 6)]
            assert ask(address, "GET", "/health/ready")[2] == {"status": "ready"}
            assert not slow.done(), "all this came before the answer that was waited for"
            assert [status for status, _, _ in refused] == [503] * 6
            assert slow.result()[0] == 200
            assert sorted(other.result()[0] for other in others) == [200] * 2 + [503] * 6, "who waits is answered"
    for _, headers, outcome in refused:
        OperationOutcome.model_validate(outcome)
        assert outcome["issue"][0]["code"] == "transient"
        head = {name.lower(): value for name, value in headers.items()}
        assert (head["retry-after"], head["x-request-id"], head["cache-control"]) == ("1", "17", "no-store")
        assert head["access-control-allow-origin"] == ORIGIN
