"""What a request takes in memory is bounded by its size, whatever it holds; and no answer is over a mebibyte."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cards.record.body import MAX_BYTES
from service.wire.answer import MOST_BYTES
from tests.support import hostile, vignettes
from tests.support.bad_server import KINDS, BadServer
from tests.support.patients import FOOT_DROP, NOW
from tests.support.resident import MIB

SIZE = 31 * MIB


@pytest.fixture(scope="module")
def resident() -> Iterator[subprocess.Popen[str]]:
    """What measures one request after the other."""
    command = [sys.executable, "-m", "tests.support.resident"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as process:  # type: ignore[call-overload]
        yield process
        process.stdin.close()


@pytest.mark.parametrize("name", [*hostile.shapes(), "ordinary"])
def test_memory_grows_by_at_most_four_times_the_body_and_50_mib(
    resident: subprocess.Popen[str], tmp_path: Path, name: str
) -> None:
    body = hostile.ordinary(SIZE) if name == "ordinary" else hostile.shapes()[name](SIZE)
    file = tmp_path / "body.json"
    file.write_bytes(body)
    assert resident.stdin is not None
    assert resident.stdout is not None
    print(file, "patient-view" if name == "ordinary" else hostile.hook_of(name), file=resident.stdin, flush=True)
    measured = json.loads(resident.stdout.readline())
    assert measured["status"] in (200, 400, 412, 413, 422)
    assert measured["growth"] <= 4 * measured["body"] + 50 * MIB
    assert measured["answer"] <= MOST_BYTES


@pytest.mark.parametrize(
    "kind",
    [
        *("is a gzip bomb", "is a bomb in a bomb", "is a deflate bomb", "has a body without end"),
        *("is 20 MiB of blanks", "sends headers without end", "sends a header without end", "nests arrays"),
    ],
)
def test_what_a_fhir_server_sends_takes_at_most_four_times_what_may_be_read(
    resident: subprocess.Popen[str], tmp_path: Path, kind: str
) -> None:
    """Every key at once, to a server that would fill the memory."""
    file = tmp_path / "body.json"
    with BadServer(KINDS[kind]) as server:
        asked = {**vignettes.request(FOOT_DROP, "patient-view", NOW), "prefetch": {}, "fhirServer": server.base}
        file.write_text(json.dumps(asked))
        assert resident.stdin is not None
        assert resident.stdout is not None
        print(file, "patient-view", file=resident.stdin, flush=True)
        measured = json.loads(resident.stdout.readline())
    assert measured["status"] == 412
    assert measured["growth"] <= 4 * MAX_BYTES
