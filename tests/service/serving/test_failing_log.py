"""A log that cannot be written loses lines, which are counted, and never an answer."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from service.middleware.output import Output
from tests.support.processes import post, serving

MORE_THAN_A_PIPE_HOLDS = 600  # requests


def test_a_full_disk(tmp_path: Path, no_foot_drop: dict[str, Any]) -> None:
    with (
        open("/dev/full", "w") as full,
        serving(tmp_path, "--dev", "--port", "0", "--workers", "2", log=full) as (_, address),
    ):
        for _ in range(4):
            assert post(address, no_foot_drop) == {"cards": []}


@pytest.mark.long
def test_a_pipe_that_is_closed(tmp_path: Path, no_foot_drop: dict[str, Any]) -> None:
    reading, writing = os.pipe()
    with serving(tmp_path, "--dev", "--port", "0", log=writing) as (_, address):
        os.close(writing)
        os.close(reading)
        for _ in range(4):
            assert post(address, no_foot_drop) == {"cards": []}


@pytest.mark.long
def test_a_pipe_that_nobody_reads_and_then_somebody_does(tmp_path: Path, no_foot_drop: dict[str, Any]) -> None:
    reading, writing = os.pipe()
    with serving(tmp_path, "--dev", "--port", "0", log=writing) as (_, address), os.fdopen(reading, "rb", 0) as pipe:
        os.close(writing)
        for _ in range(MORE_THAN_A_PIPE_HOLDS):
            assert post(address, no_foot_drop) == {"cards": []}
        written = pipe.read(64 * 1024).splitlines()
        assert all(json.loads(line)["event"] == "request" for line in written)
        post(address, no_foot_drop)
        assert json.loads(pipe.read(64 * 1024))["lost"] == MORE_THAN_A_PIPE_HOLDS - len(written)


def test_no_standard_error_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    output = Output()
    output.msg("{}")
    assert output.lost == 1
