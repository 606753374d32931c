"""Before the tests start, a message says what the machine lacks and which tests are left out; CI=true makes it fail."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import ROOT

SAID = (
    "The tests of systemd units are left out: systemd missing (Debian: apt-get install systemd).\n"
    "The tests of alerts are left out: prometheus missing (Debian: apt-get install prometheus).\n"
    "The tests in a browser are left out: chromium missing (Debian: apt-get install chromium).\n"
    "The tests on Spark are left out: Java missing (Debian: apt-get install openjdk-17-jdk-headless).\n"
    "The tests with HAPI are left out: a JDK of version 17 or newer and Maven missing "
    "(Debian: apt-get install openjdk-17-jdk-headless maven).\n"
)
# These are also looked for outside the path.
ELSEWHERE = (
    "The tests of the proxy are left out: nginx missing (Debian: apt-get install nginx).\n",
    "The tests on PostgreSQL are left out: it is missing (Debian: apt-get install postgresql).\n",
)


def run(path: Path, *words: str, ci: str = "") -> subprocess.CompletedProcess[str]:
    """How a module ends on a machine with no programs other than those of this folder."""
    environment = {**os.environ, "PATH": str(path), "CI": ci}
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("false", 0), ("true", 1)])
def test_what_is_lacking_is_said_and_fails_in_ci(tmp_path: Path, ci: str, status: int) -> None:
    done = run(tmp_path, "tests.support.machine", ci=ci)
    assert done.returncode == status
    said = done.stderr
    for elsewhere in ELSEWHERE:
        said = said.replace(elsewhere, "")
    assert SAID in said
    assert ("With CI=true nothing may be left out." in done.stderr) == bool(status)


@pytest.mark.long
def test_pytest_says_it_first_and_leaves_those_tests_out(tmp_path: Path) -> None:
    words = ["pytest", "-p", "no:cacheprovider", "--collect-only", "-n", "0"]
    done = run(tmp_path, *words, "tests/hapi", "tests/service/simulator", "tests/deploy/test_compose.py")
    assert done.returncode == 0, done.stdout + done.stderr
    head, _, tests = done.stdout.partition("collected ")
    assert set(SAID.splitlines()) <= set(head.splitlines())
    without = {path.name for path in (ROOT / "tests/service/simulator").glob("test_*.py")} - {"test_height_of_cards.py"}
    assert set(re.findall(r"<Module (\S+)>", tests)) == without | {"test_compose.py"}
