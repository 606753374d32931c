"""`load`: the examples written into a FHIR server that starts slowly, refuses, or is none."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service import examples
from tests.support import commands
from tests.support.http_server import Asked, HttpServer, Reply
from tests.support.processes import COMMAND, TIMEOUT

OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "diagnostics": "HAPI-1094: not found"}]}
CAPABLE = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}


class Transactions(HttpServer):
    """A FHIR server that knows /metadata and transactions of PUTs; it starts and refuses as it is told."""

    def __init__(self) -> None:
        super().__init__(self._say)
        self.kept: dict[str, Any] = {}
        self.starting = 0  # so many looks at /metadata find it unready
        self.metadata: Any = CAPABLE
        self.answer: tuple[int, Any] | None = None  # to every transaction
        self.lost: tuple[int, Any] | None = None  # to every transaction, after it is done

    @property
    def lines(self) -> list[str]:
        """The requests that came."""
        return [f"{asked.method} {asked.target}" for asked in self.asked]

    def _say(self, asked: Asked) -> Reply:
        if asked.method == "GET":
            self.starting -= 1
            return _reply(503 if self.starting >= 0 else 200, self.metadata)
        assert asked.headers["Content-Type"] == "application/fhir+json"
        return _reply(*self.write(json.loads(asked.body)))

    def write(self, bundle: dict[str, Any]) -> tuple[int, Any]:
        """All entries, and the answer that says so."""
        assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "transaction")
        if self.answer is not None:
            return self.answer
        for entry in bundle["entry"]:
            resource = entry["resource"]
            url = f"{resource['resourceType']}/{resource['id']}"
            assert entry["request"] == {"method": "PUT", "url": url}
            self.kept[url] = resource
        if self.lost is not None:
            return self.lost
        answers = [{"response": {"status": "201 Created"}} for _ in bundle["entry"]]
        return 200, {"resourceType": "Bundle", "type": "transaction-response", "entry": answers}


def _reply(status: int, said: Any) -> Reply:
    if isinstance(said, str):
        return Reply(status, {"Content-Type": "text/html"}, said.encode())
    return Reply(status, {"Content-Type": "application/fhir+json"}, json.dumps(said).encode())


@pytest.fixture
def server() -> Iterator[Transactions]:
    """The server, listening."""
    with Transactions() as listening:
        yield listening


# A proxy that nobody answers at: it is not for the loader.
PROXY = {"http_proxy": "http://127.0.0.1:9", "no_proxy": ""}

Load = Callable[..., commands.Done]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Runs the command with an address, in a folder of its own."""

    def call(url: str, *words: str) -> commands.Done:
        return commands.run("load", url, *words, folder=tmp_path, **PROXY)

    return call


def test_every_example_is_written_whole_and_moved_to_now(server: Transactions, tmp_path: Path) -> None:
    """As a process, as everybody starts it."""
    before, environment = datetime.now(UTC), {**os.environ, **PROXY}
    command = [str(COMMAND), "load", f"{server.base}/"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{len(examples.names())} patients loaded into {server.base}\n"
    assert done.stderr == ""
    assert server.lines == ["GET /fhir/metadata"] + ["POST /fhir"] * len(examples.names())
    wanted = [entry["resource"] for name in examples.names() for entry in examples.load(name).bundle["entry"]]
    assert set(server.kept) == {f"{each['resourceType']}/{each['id']}" for each in wanted}
    moments = [r["effectiveDateTime"] for r in server.kept.values() if r["resourceType"] == "Observation"]
    assert max(datetime.fromisoformat(moment) for moment in moments if "T" in moment) > before - timedelta(days=2)


@pytest.mark.long
def test_a_second_load_writes_over_the_first(server: Transactions, load: Load) -> None:
    assert load(server.base).returncode == 0
    first = set(server.kept)
    assert load(server.base).returncode == 0
    assert set(server.kept) == first


@pytest.mark.long
def test_a_server_that_is_starting_is_waited_for(server: Transactions, load: Load) -> None:
    server.starting = 2
    assert load(server.base).returncode == 0
    assert server.lines[:4] == ["GET /fhir/metadata"] * 3 + ["POST /fhir"]


@pytest.mark.parametrize(
    ("metadata", "starting", "why"),
    [
        (CAPABLE, 9, "/metadata is answered with 503"),
        ("<html>Welcome</html>", 0, "/metadata is not a CapabilityStatement"),
        ([], 0, "/metadata is not a CapabilityStatement"),
    ],
)
def test_one_that_never_is_ready_is_named_and_nothing_is_written(
    server: Transactions, load: Load, metadata: Any, starting: int, why: str
) -> None:
    server.metadata, server.starting = metadata, starting
    done = load(server.base, "--wait", "0")
    assert done.returncode == 1
    assert done.stderr == f"foot-drop-cds: {server.base} is not ready after 0 seconds: {why}\n"
    assert server.kept == {}


def test_nobody_there_is_named(load: Load) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and never listens
        done = load(f"http://127.0.0.1:{taken.getsockname()[1]}/fhir", "--wait", "0")
    assert done.returncode == 1
    assert "/metadata is not answered (the FHIR server could not be reached)" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((400, OUTCOME), "answered 400: HAPI-1094: not found"),
        ((400, "<html>Bad request</html>"), "answered 400"),
        ((302, {}), "answered 302"),
        ((401, {"resourceType": "OperationOutcome", "issue": "none"}), "answered 401"),
        ((200, "<html>Sign in</html>"), "did not answer with a transaction-response"),
        ((200, {"resourceType": "Bundle"}), "did not answer with a transaction-response"),
    ],
)
def test_a_refused_transaction_ends_with_1_and_the_reason(
    server: Transactions, load: Load, answer: tuple[int, Any], why: str
) -> None:
    server.answer = answer
    done = load(server.base)
    assert done.returncode == 1
    assert done.stderr == f"foot-drop-cds: {next(iter(examples.names()))} was not loaded: {server.base} {why}\n"
    assert done.stdout == ""
    assert server.lines.count("POST /fhir") == 1


def test_a_transaction_that_is_taken_and_answered_500_may_be_there_and_is_loaded_again(
    server: Transactions, load: Load
) -> None:
    server.lost = (500, OUTCOME)
    done = load(server.base)
    assert done.returncode == 1
    assert done.stderr.endswith("; it may still have been stored: load again, which overwrites it\n")
    stored = set(server.kept)
    server.lost = None
    assert load(server.base).returncode == 0
    assert stored < set(server.kept)


@pytest.mark.parametrize("url", ["localhost:8080/fhir", "ftp://127.0.0.1/fhir", "http://u:p@127.0.0.1/fhir", ""])
def test_what_is_no_address_is_wrong_usage(load: Load, url: str) -> None:
    done = load(url)
    assert done.returncode == 2
    assert "is not the http or https address of a FHIR server" in done.stderr
