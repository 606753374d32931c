"""The page about the public CDS Hooks sandbox: its commands run, and what that client sends is answered."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service import examples
from service.fhir.address import read_address
from tests.support.client_requests import RECORDED, expected_status
from tests.support.places import ROOT
from tests.support.processes import post, serving

PAGE = (ROOT / "docs" / "public_sandbox.md").read_text(encoding="utf-8")
ORIGIN = "https://sandbox.cds-hooks.org"
PORT = "127.0.0.1:8080"  # the port of the page; here the service has a free one
FHIR_SERVER = "http://127.0.0.1:8090/fhir"


def steps(program: str) -> list[tuple[str, list[str]]]:
    """The commands of the page that run a program, each with the lines that it must print."""
    blocks = re.findall(r"```console\n\$ (.*?)```", PAGE, re.DOTALL)
    pairs = [(block.splitlines()[0], block.splitlines()[1:]) for block in blocks]
    return [pair for pair in pairs if program in pair[0]]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service as the page starts it, except for the port; it prints what the page says."""
    [(command, printed)] = steps("foot-drop-cds serve")
    words = shlex.split(command)[2:]
    with serving(tmp_path_factory.mktemp("public"), *words, "--port", "0") as (process, where):
        assert process.stdout is not None
        said = [f"Listening on {where}", *(process.stdout.readline().strip() for _ in printed[1:])]
        assert [line.replace(where, f"http://{PORT}") for line in said] == printed
        yield where


def ask(address: str, method: str, path: str, headers: dict[str, str], body: Any) -> tuple[int, Any]:
    """Status and headers of the answer."""
    data = json.dumps(body).encode() if isinstance(body, dict) else (body or "").encode() or None
    request = urllib.request.Request(address + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, reply.headers
    except urllib.error.HTTPError as reply:
        with reply:
            return reply.code, reply.headers


def test_curl_prints_what_the_page_says(address: str) -> None:
    found = steps("curl")
    assert found
    for command, printed in found:
        here = command.replace(f"http://{PORT}", address)
        run = subprocess.run(["bash", "-c", here], capture_output=True, text=True, timeout=60, check=False)
        assert run.stdout.splitlines() == printed


def test_the_patients_that_are_loaded_are_those_that_there_are() -> None:
    [(command, printed)] = steps("foot-drop-cds load")
    assert command.endswith(FHIR_SERVER)
    assert printed == [f"{len(examples.names())} patients loaded into {FHIR_SERVER}"]


def test_the_compose_file_takes_the_origin_and_listens_where_the_page_says() -> None:
    [(command, _)] = steps("docker compose")
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    variable, _, value = command.split()[0].partition("=")
    assert f"${{{variable}:-}}" in compose
    assert value == ORIGIN
    assert f'"{PORT}:' in compose
    assert f'"{read_address(FHIR_SERVER).host}:8090:8090"' in compose  # type: ignore[union-attr]


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_what_that_client_sends_is_answered_to_its_origin(address: str, file: Path) -> None:
    recorded = json.loads(file.read_text())
    path = (recorded.get("path") or recorded["url"]).replace("/sr-", "/foot-drop-")
    kept = {name: value for name, value in recorded["headers"].items() if name not in ("Content-Length", "Host")}
    status, headers = ask(address, recorded["method"], path, {**kept, "Origin": ORIGIN}, recorded.get("body"))
    assert status == expected_status(file.stem)
    assert headers["Access-Control-Allow-Origin"] == (ORIGIN if path.startswith("/cds-services") else None)


def test_another_page_is_not_let_in(address: str) -> None:
    status, headers = ask(address, "GET", "/cds-services", {"Origin": "https://elsewhere.example"}, None)
    assert status == 200
    assert headers["Access-Control-Allow-Origin"] is None


@pytest.mark.parametrize("name", ["new-l5-foot-drop", "cauda-equina", "all-already-ordered"])
def test_the_cards_are_those_that_the_page_promises(address: str, name: str) -> None:
    assert f"`{name}-patient`" in PAGE
    example = examples.load(name)
    request = json.loads(next(file for file in RECORDED if file.stem == "patient-view").read_text())["body"]
    request["context"]["patientId"] = f"{name}-patient"
    # That client has no encounter, so it leaves out the key whose template needs one.
    request["prefetch"] = {key: found for key, found in example.request["prefetch"].items() if key != "encounter"}
    request["prefetch"] = examples.moved(request["prefetch"], example.now, datetime.now(UTC))
    summaries = [card["summary"] for card in post(address, request)["cards"]]
    rows = PAGE.partition(f"| `{name}-patient` | ")[2].splitlines()
    promised = [rows[0].removesuffix(" |")]
    promised += [row.removeprefix("| | ").removesuffix(" |") for row in rows[1:2] if row.startswith("| | ")]
    if promised == ["none: there is nothing to say"]:
        assert summaries == []
    else:
        assert set(promised) <= set(summaries)


def test_the_page_names_no_command_that_there_is_not() -> None:
    for verb in set(re.findall(r"foot-drop-cds ([a-z]+)", PAGE)):
        command = [sys.executable, "-m", "service.command.cli", verb, "--help"]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0
