"""How the HAPI server is built: once, and again when its sources change."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

FOLDER = Path(__file__).parent
JAR = FOLDER / "target" / "fhir-sandbox.jar"

_JAVA = 17
_VERSION = re.compile(r'version "?(\d+)')
_TAIL = 15  # lines of Maven's output that are shown when it fails


class NotBuiltError(RuntimeError):
    """Maven did not build the server; the message is the end of its output."""


def missing() -> str:
    """What this machine lacks for a HAPI server and how to get it, in one sentence; empty if it lacks nothing."""
    lacking = []
    if not all(shutil.which(tool) and _java_version(tool) >= _JAVA for tool in ("java", "javac")):
        lacking.append(f"a JDK of version {_JAVA} or newer")
    if not shutil.which("mvn"):
        lacking.append("Maven")
    if not lacking:
        return ""
    return f"{' and '.join(lacking)} missing (Debian: apt-get install openjdk-{_JAVA}-jdk-headless maven)"


def _java_version(tool: str) -> int:
    said = subprocess.run([tool, "-version"], capture_output=True, text=True, check=False)
    found = _VERSION.search(said.stderr + said.stdout) or re.search(r"javac (\d+)", said.stdout + said.stderr)
    return int(found[1]) if found else 0


def is_built() -> bool:
    """Whether the server exists and is as new as its sources."""
    return JAR.exists() and JAR.stat().st_mtime >= max(path.stat().st_mtime for path in _sources())


def _sources() -> Iterator[Path]:
    yield FOLDER / "pom.xml"
    yield from (path for path in (FOLDER / "src").rglob("*") if path.is_file())


def build(fetched: Callable[[int], None] = lambda _: None) -> None:
    """Build the server if needed; `fetched` is called with the number of files that Maven has fetched so far.

    Raises NotBuiltError.
    """
    if is_built():
        return
    said: list[str] = []
    command = ["mvn", "--batch-mode", "--file", str(FOLDER / "pom.xml"), "package"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as maven:
        count = 0
        for line in maven.stdout or ():
            if "Downloaded from" in line:
                count += 1
                fetched(count)
            elif "Downloading from" not in line and "Progress" not in line:
                said.append(line.rstrip())
    if maven.returncode:
        raise NotBuiltError("\n".join(said[-_TAIL:]))
    JAR.touch()  # an unchanged jar is not written again
