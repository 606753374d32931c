"""`serve` as a hospital runs it: several workers, signed calls, and each token once."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.processes import COMMAND, TIMEOUT, serving
from tests.support.racing import AT_ONCE, CROWD, TOKENS, answered, status
from tests.support.signing import ec_key, registered, token


@pytest.mark.long
def test_of_two_workers_one_takes_a_token(tmp_path: Path) -> None:
    file = registered(tmp_path)
    with (
        (tmp_path / "log").open("w") as log,
        serving(tmp_path, "--port", "0", "--workers", "2", "--settings", str(file), log=log) as (_, address),
    ):
        assert answered([address]) == {200: TOKENS, 401: TOKENS * (AT_ONCE - 1)}
        assert answered([address], 1, CROWD) == {200: 1, 401: CROWD - 1}
        assert status(address, token(ec_key("other"))) == 401
    assert "Bearer" not in (tmp_path / "log").read_text()


@pytest.mark.long
def test_of_two_hundred_tokens_each_is_taken_once_by_a_crowd(tmp_path: Path) -> None:
    words = ("--port", "0", "--workers", "2", "--settings", str(registered(tmp_path)))
    with serving(tmp_path, *words) as (_, address):
        assert answered([address], 200, CROWD) == {200: 200, 401: 200 * (CROWD - 1)}


def test_without_a_store_that_can_be_written_nothing_is_served(tmp_path: Path) -> None:
    file = registered(tmp_path)
    (tmp_path / "data").write_text("a file, no folder")
    command = [str(COMMAND), "serve", "--port", "0", "--settings", str(file)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["foot-drop-cds: data_dir cannot be created: File exists"]
