"""evaluation_limit_s: who computes for too long loses the worker, and nobody else an answer."""

from __future__ import annotations

import http.client
import json
import sys
import urllib.error
from pathlib import Path
from typing import Any

import pytest

from service.settings import PREFIX
from tests.support.fhir_server import FhirServer
from tests.support.processes import post, serving

LIMIT = "0.03"
IN_A_DEBUGGER = "import bdb; from service.command.cli import main; main()"


@pytest.fixture(autouse=True)
def _limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}EVALUATION_LIMIT_S", LIMIT)


@pytest.fixture
def long_one(no_foot_drop: dict[str, Any]) -> dict[str, Any]:
    """A request that takes several times as long as is allowed."""
    code = {"coding": [{"system": "http://loinc.org", "code": "8302-2", "display": "Body height"}]}
    one = {"resourceType": "Observation", "status": "final", "code": code, "subject": {"reference": "Patient/p1"}}
    entries = [{"resource": {**one, "id": f"o{number}"}} for number in range(100_000)]
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
    return {**no_foot_drop, "prefetch": {**no_foot_drop["prefetch"], "observations": bundle}}


def test_who_computes_for_too_long_is_ended_and_the_log_says_where(
    tmp_path: Path, long_one: dict[str, Any], no_foot_drop: dict[str, Any]
) -> None:
    with (tmp_path / "log").open("w+") as log:
        with serving(tmp_path, "--dev", "--port", "0", log=log) as (_, address):
            assert post(address, no_foot_drop) == {"cards": []}
            with pytest.raises((urllib.error.URLError, http.client.HTTPException, ConnectionError)):
                post(address, long_one)
            assert post(address, no_foot_drop) == {"cards": []}
        log.seek(0)
        [ended] = [line for line in map(json.loads, log) if line["event"] == "worker ended"]
    assert ended["why"] == "a request computed for longer than evaluation_limit_s"
    assert ended["signal"] == "SIGPROF"
    assert any("/service/" in place or "/cards/" in place for place in ended["at"])


@pytest.mark.long
def test_it_is_off_in_a_debugger(tmp_path: Path, long_one: dict[str, Any]) -> None:
    command = [sys.executable, "-c", IN_A_DEBUGGER]
    with serving(tmp_path, "--dev", "--port", "0", command=command) as (_, address):
        assert post(address, long_one) == {"cards": []}


@pytest.mark.long
def test_reading_from_a_fhir_server_is_not_counted(tmp_path: Path, no_foot_drop: dict[str, Any]) -> None:
    """What is read here takes longer to decode than may be computed."""
    with FhirServer() as server:
        server.misbehave("Device", body=b'{"resourceType": "Bundle", "entry": [' + b" " * 30_000_000 + b"]}", delay=0.1)
        del no_foot_drop["prefetch"]["devices"]
        no_foot_drop["fhirServer"] = server.base
        with serving(tmp_path, "--dev", "--port", "0") as (_, address):
            assert "cards" in post(address, no_foot_drop)
        assert server.asked_for("Device")
