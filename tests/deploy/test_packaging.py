"""The installed package is complete and works anywhere: the Dockerfile's steps, as far as they run without Docker."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from service.command.cli import main
from service.settings import PREFIX
from tests.support import house
from tests.support.places import ROOT
from tests.support.processes import post

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
IMAGE = Path("/opt/foot-drop-cds")  # where the image keeps the installed package
TIMEOUT = 600


class Step(NamedTuple):
    """An instruction of the Dockerfile, with its stage counted from 0."""

    stage: int
    verb: str
    words: str


def steps() -> list[Step]:
    """The Dockerfile's instructions, with continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found, stage = [], -1
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        verb, _, words = line.partition(" ")
        stage += verb == "FROM"
        found.append(Step(stage, verb, words))
    return found


STEPS = steps()
LAST = STEPS[-1].stage


def said(verb: str, stage: int = LAST) -> list[str]:
    """The words of every instruction of this kind in a stage."""
    return [step.words for step in STEPS if (step.stage, step.verb) == (stage, verb)]


def copied() -> list[str]:
    """What the first stage copies from the checkout."""
    return [source for words in said("COPY", 0) for source in words.split()[:-1]]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment that the first stage makes, only from the files that it copies, outside the checkout."""
    folder = tmp_path_factory.mktemp("image")
    build, environment = folder / "build", folder / "opt"
    build.mkdir()
    for source in copied():
        if (ROOT / source).is_dir():
            left_out = shutil.ignore_patterns("__pycache__", "deploy")
            shutil.copytree(ROOT / source, build / source, ignore=left_out)
        else:
            shutil.copy(ROOT / source, build)
    for command in said("RUN", 0):
        # Without pip's cache the image is smaller; here the cache spares the index.
        here = command.replace(str(IMAGE), str(environment)).replace("--no-cache-dir ", "")
        run = subprocess.run(
            ["sh", "-c", here],
            cwd=build,
            env={**outside(), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
    shutil.rmtree(build)
    return environment


def outside() -> dict[str, str]:
    """The environment without variables that lead back to the checkout."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith((PREFIX, "PYTHON", "COV_")) and name != "VIRTUAL_ENV"
    }


def call(installed: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """How the installed command ends, in its own folder."""
    command = [str(installed / "bin" / "foot-drop-cds"), *words]
    return subprocess.run(
        command, cwd=folder, env=outside(), capture_output=True, text=True, timeout=TIMEOUT, check=False
    )


def packages(installed: Path) -> Path:
    """Where the environment keeps what is installed."""
    [folder] = installed.glob("lib/python*/site-packages")
    return folder


def test_every_file_of_the_packages_is_installed(installed: Path) -> None:
    wanted = [
        path
        for path in house.files()
        if path.parts[0] in ("cards", "service", "fhir_examples") and "deploy" not in path.parts
    ]
    assert len(wanted) > 100
    assert [str(path) for path in wanted if not (packages(installed) / path).is_file()] == []


def test_nothing_else_is_installed_and_nothing_of_the_tools(installed: Path) -> None:
    [record] = packages(installed).glob("foot_drop_cds-*.dist-info/RECORD")
    tops = {line.split("/")[0] for line in record.read_text().splitlines()}
    assert tops == {"..", "cards", "service", "fhir_examples", record.parent.name}
    assert not (packages(installed) / "pytest").exists()
    assert {path.name for path in record.parent.rglob("*") if path.is_file()} >= {"LICENSE", "NOTICE"}


def test_the_command_says_its_version(installed: Path, tmp_path: Path) -> None:
    assert PROJECT["version"] in call(installed, tmp_path, "--version").stdout


def test_demo_works_far_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    done = call(installed, tmp_path, "demo")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert re.search(r"(\d+) of \1 answers are as expected\.", done.stdout)
    assert list(tmp_path.iterdir()) == []


def test_publish_works_far_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    done = call(installed, tmp_path, "publish", "knowledge")
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "knowledge").rglob("*.json"))


@pytest.fixture
def running(installed: Path, tmp_path: Path) -> Iterator[str]:
    """The address of the installed service, with Python as the image has it."""
    command = [str(installed / "bin" / "foot-drop-cds"), "serve", "--dev", "--port", "0"]
    environment = {**outside(), "PYTHONDONTWRITEBYTECODE": "1"}
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        line = process.stdout.readline() if process.stdout else ""
        yield line.removeprefix("Listening on ").strip()
        process.terminate()


def health(installed: Path, port: int) -> int:
    """How the image's health check ends, at another port and with the image's own Python."""
    [words] = said("HEALTHCHECK")
    command = json.loads(words.partition("CMD ")[2])
    assert command[0] == "python"
    script = command[2].replace("8080", str(port))
    return subprocess.run(
        [installed / "bin" / "python", "-c", script], stderr=subprocess.DEVNULL, check=False
    ).returncode


def test_the_health_check_sees_a_service_and_its_absence(installed: Path, running: str) -> None:
    assert health(installed, int(running.rpartition(":")[2])) == 0
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and never listens
        assert health(installed, nobody.getsockname()[1]) == 1


def test_the_images_are_pinned_and_of_a_python_that_the_project_supports() -> None:
    for words in (said("FROM", stage)[0] for stage in range(LAST + 1)):
        version = re.fullmatch(r"python:(\d+)\.(\d+)\.\d+-slim-\w+( AS \w+)?", words)
        assert version
        assert PROJECT["requires-python"] == f">={version[1]}.{version[2]}"


def test_every_file_that_is_copied_exists_and_is_let_through() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for source in copied():
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored
    assert said("COPY") == [f"--from=build {IMAGE} {IMAGE}"]
    assert said("FROM", 0)[0].endswith(" AS build")


def test_it_runs_as_nobody_in_a_folder_that_is_its_own(tmp_path: Path) -> None:
    [user] = said("USER")
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)
    [folder] = said("WORKDIR")
    assert said("VOLUME") == [folder]
    [making] = said("RUN")
    owned = f"--owner={user.split(':')[0]} --group={user.split(':')[1]}"
    assert owned in making
    # Only root may give a folder away.
    command = (making if os.geteuid() == 0 else making.replace(owned, "")).replace(folder, str(tmp_path / "data"))
    assert subprocess.run(shlex.split(command), check=False).returncode == 0
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_what_it_starts_is_the_command_and_its_words_are_accepted(installed: Path) -> None:
    [name] = json.loads(said("ENTRYPOINT")[0])
    assert (installed / "bin" / name).is_file()
    assert f"PATH={IMAGE}/bin:$PATH" in said("ENV")[0].split()
    verb, *words = json.loads(said("CMD")[0])
    parsed = main.commands[verb].make_context(verb, list(words)).params
    assert (parsed["dev"], str(parsed["port"])) == (False, said("EXPOSE")[0])


def test_it_refuses_to_listen_on_all_addresses(installed: Path, tmp_path: Path) -> None:
    done = call(installed, tmp_path, *json.loads(said("CMD")[0]))
    assert done.returncode == 1
    assert "no client is registered" in done.stderr


def test_it_writes_nothing_where_the_image_is_read_only(installed: Path, running: str, tmp_path: Path) -> None:
    assert "PYTHONDONTWRITEBYTECODE=1" in said("ENV")[0].split()
    request = json.loads(call(installed, tmp_path, "example", "cauda-equina").stdout)
    before = written(installed)
    assert post(running, request)["cards"]
    assert written(installed) == before
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def written(folder: Path) -> dict[Path, int]:
    """The time at which each file below a folder was last written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
