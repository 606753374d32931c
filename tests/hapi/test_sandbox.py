"""`make sandbox`: what it starts, prints and holds, and that it leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from service import examples
from tests.hapi.asking import FOOT_DROP, without_prefetch
from tests.support.places import ROOT
from tests.support.processes import is_running

_COMMAND = [sys.executable, "-m", "tests.hapi"]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The sandbox on free ports, with its database in its own folder, whose previous contents it forgets."""
    (tmp_path / "fhir.mv.db").write_text("of an earlier sandbox, and no database")
    (tmp_path / "other.mv.db").write_text("not the sandbox's")
    arguments = ["--port", "0", "--fhir-port", "0", "--data", str(tmp_path), "--fresh"]
    with subprocess.Popen(
        [*_COMMAND, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        yield running
        running.kill()


def children(parent: int) -> set[int]:
    """The processes that a process has started, including those that they started."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            ancestor = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if ancestor == parent:
            found |= {int(stat.parent.name)} | children(int(stat.parent.name))
    return found


@pytest.mark.long  # it starts another HAPI
def test_it_serves_every_example_from_hapi_and_leaves_no_process(
    sandbox: subprocess.Popen[str], tmp_path: Path
) -> None:
    said = ""
    for line in sandbox.stdout or ():
        said += line
        if "Ctrl-C ends both" in line:
            break
    addresses = re.findall(r"^(FHIR server|CDS service) +(http\S+)", said, re.MULTILINE)
    fhir, cds = (dict(addresses).get(name, "") for name in ("FHIR server", "CDS service"))
    assert requests.get(f"{fhir}/Patient?_summary=count", timeout=60).json()["total"] == len(examples.names()), said

    example = examples.load(FOOT_DROP).at(datetime.now(UTC))
    request = without_prefetch(example.request, fhir)
    answer = requests.post(f"{cds}/foot-drop-patient-view", json=request, timeout=60).json()
    assert not list(examples.differences(examples.mask(example.response), examples.mask(answer)))
    assert list(tmp_path.glob("fhir*.db"))
    assert (tmp_path / "other.mv.db").exists()
    (page,) = re.findall(r"^Simulator +(http\S+)", said, re.MULTILINE)
    assert requests.get(page, timeout=60).status_code == 200

    started = children(sandbox.pid)
    assert len(started) >= 2
    sandbox.send_signal(signal.SIGINT)
    assert sandbox.wait(60) == 0
    assert not {process for process in started if is_running(process)}


def test_it_says_in_one_line_what_is_missing(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(_COMMAND, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "The sandbox cannot start: a JDK of version 17 or newer and Maven missing "
        "(Debian: apt-get install openjdk-17-jdk-headless maven).\n"
    )
