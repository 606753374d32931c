"""What keeps the service from starting is said in one sentence, and a name of this machine will do as an address."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import COMMAND, TIMEOUT, post, serving


def refused(folder: Path, before: str, *words: str) -> str:
    """What the service says when it does not start."""
    command: list[str | Path] = [
        "sh",
        "-c",
        f'{before} exec "$@"',
        "sh",
        COMMAND,
        "serve",
        "--dev",
        "--port",
        "0",
        *words,
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    sentences: list[str] = done.stderr.splitlines()
    assert len(sentences) == 1
    return sentences[0]


def test_too_few_open_files(tmp_path: Path) -> None:
    assert refused(tmp_path, "ulimit -n 64;") == (
        "foot-drop-cds: a process may open 64 files here, and the service needs 256: "
        "raise the limit (ulimit -n, LimitNOFILE of systemd)"
    )


@pytest.mark.long
def test_settings_of_five_thousand_brackets(tmp_path: Path) -> None:
    file = tmp_path / "deep.toml"
    file.write_text(f"codes = {'[' * 5000}")
    assert refused(tmp_path, "", "--settings", str(file)) == f"foot-drop-cds: {file} is nested too deeply"


def test_an_address_that_is_not_of_this_machine(tmp_path: Path) -> None:
    sentence = refused(tmp_path, "", "--host", "127.0.0.1.example")
    assert sentence.endswith("listens on loopback only, not on 127.0.0.1.example")


@pytest.mark.long
def test_localhost(tmp_path: Path, no_foot_drop: dict[str, Any]) -> None:
    with serving(tmp_path, "--dev", "--port", "0", "--host", "localhost") as (_, address):
        assert address.startswith("http://127.0.0.1:")
        assert post(address, no_foot_drop) == {"cards": []}
