"""A run that is killed, or that finds the disk full, goes on without losing or doubling a patient."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from tests.support.exports import Json, rows, summary
from tests.support.population import write

PATIENTS = 60
COMMAND = [sys.executable, "-m", "service.command.cli", "backtest", "export", "--processes", "2", "--no-report"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("population")
    write(made / "export", PATIENTS, records=60, encounters=4, foot_drop=2)
    return made


@pytest.fixture(scope="module")
def whole(folder: Path) -> list[Json]:
    """What an undisturbed run writes."""
    run(folder, "whole")
    assert len({row["patient"] for row in rows(folder / "whole")}) == PATIENTS
    return said(folder / "whole")


def run(folder: Path, out: str, *options: str, largest: int | None = None) -> subprocess.CompletedProcess[str]:
    """The command, ended; it can write no file of more than `largest` bytes."""
    bound = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (largest, largest)) if largest else None
    command = [*COMMAND, "--out", out, *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=200, preexec_fn=bound)


def said(out: Path) -> list[Json]:
    return [{name: value for name, value in row.items() if name != "milliseconds"} for row in rows(out)]


@pytest.mark.parametrize("after", [pytest.param("read-*.json", marks=pytest.mark.long), "sorted.json", "../done-*"])
def test_a_run_that_is_killed_goes_on(folder: Path, whole: list[Json], after: str) -> None:
    out = folder / f"killed-{''.join(filter(str.isalpha, after))}"
    killed = subprocess.Popen(
        [*COMMAND, "--out", out.name], cwd=folder, start_new_session=True, stdout=subprocess.DEVNULL
    )
    until = time.monotonic() + 100
    while killed.poll() is None and not list((out / "work").glob(after)):
        assert time.monotonic() < until
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    went_on = run(folder, out.name, "--resume")
    assert went_on.returncode == 0, went_on.stderr
    assert said(out) == whole
    assert summary(out)["patients"] == PATIENTS
    assert not (out / "work").exists()


def test_a_disk_that_fills_is_said_and_what_is_done_is_kept(folder: Path, whole: list[Json]) -> None:
    """The bound on the size of a file stands for the disk."""
    full = run(folder, "full", largest=20_000)
    assert full.returncode == 1
    assert "cannot be written any further: the disk is full" in full.stderr
    assert "--resume" in full.stderr
    assert run(folder, "full", "--resume").returncode == 0
    assert said(folder / "full") == whole
