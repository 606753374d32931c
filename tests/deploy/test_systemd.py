"""The systemd units: systemd accepts them, they leave little open, and the names in them fit the rest."""

from __future__ import annotations

import re
import shlex
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

from service import server
from service.command.cli import main
from service.settings import FILE_VARIABLE, load
from tests.support.machine import NGINX, SYSTEMD_ANALYZE
from tests.support.places import ROOT
from tests.support.processes import COMMAND

FOLDER = ROOT / "deploy" / "systemd"
UNITS = sorted(path.name for path in FOLDER.glob("*.service"))
SERVICE, PROXY = "foot-drop-cds.service", "foot-drop-cds-proxy.service"
MOST_EXPOSED = 20  # tenths of systemd's own measure from 0 to 10; a unit without any such setting has 9.6


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """The output of systemd-analyze."""
    return subprocess.run([SYSTEMD_ANALYZE, *words], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with the paths of the programs on this machine."""
    for name in UNITS:
        text = (FOLDER / name).read_text(encoding="utf-8")
        text = text.replace("/opt/foot-drop-cds/bin/foot-drop-cds", str(COMMAND)).replace("/usr/sbin/nginx", NGINX)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def read(name: str) -> RawConfigParser:
    """A unit; if a key is given several times, the last value."""
    unit = RawConfigParser(strict=False, delimiters="=")
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(FOLDER / name, encoding="utf-8")
    return unit


def test_systemd_accepts_them(units: Path) -> None:
    done = analyze("verify", "--recursive-errors=no", *(units / name for name in UNITS))
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_sees_a_word_that_is_none(units: Path) -> None:
    wrong = units / SERVICE
    wrong.write_text(wrong.read_text().replace("ProtectSystem", "ProtectSistem"))
    assert "ProtectSistem" in analyze("verify", "--recursive-errors=no", wrong).stderr


@pytest.mark.parametrize("name", UNITS)
def test_little_is_open_to_whoever_takes_it_over(units: Path, name: str) -> None:
    done = analyze("security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED}", units / name)
    assert done.returncode == 0, done.stdout


def test_the_command_line_accepts_the_words() -> None:
    program, verb, *words = shlex.split(read(SERVICE)["Service"]["ExecStart"])
    parsed = main.commands[verb].make_context(verb, words).params
    assert (parsed["dev"], parsed["host"]) == (False, "127.0.0.1")
    assert f"server 127.0.0.1:{parsed['port']} " in (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    assert Path(program).name == COMMAND.name


def test_it_may_open_the_files_and_has_the_time_that_it_needs() -> None:
    section = read(SERVICE)["Service"]
    assert int(section["LimitNOFILE"]) >= server._CONNECTIONS + server._OTHER_FILES
    settings = load(environment={})
    drain = 5  # drain_s that docs/production.md sets
    assert int(section["TimeoutStopSec"]) > drain + settings.longest_deadline + settings.evaluation_limit_s + 5
    assert section["KillMode"] == "mixed", "the parent ends its workers"


def test_the_settings_are_looked_for_where_the_proxy_has_its_files() -> None:
    folder = "/etc/foot-drop-cds"
    assert f"{FILE_VARIABLE}={folder}/foot-drop-cds.toml" in read(SERVICE)["Service"]["Environment"].split()
    assert f"-c {folder}/nginx.conf " in read(PROXY)["Service"]["ExecStart"]
    assert f"{folder}/tls/tls.key;" in (ROOT / "deploy" / "nginx" / "tls.conf").read_text(encoding="utf-8")


def test_bodies_fit_into_the_memory_of_the_proxy() -> None:
    conf = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    many, large = re.search(r"large_of_all (\d+);", conf), re.search(r"client_max_body_size (\d+)m;", conf)
    room = re.search(r"/tmp:size=(\d+)m", read(PROXY)["Service"]["TemporaryFileSystem"])
    assert many
    assert large
    assert room
    assert int(many[1]) * int(large[1]) < int(room[1])
    assert int(read(PROXY)["Service"]["LimitNOFILE"]) >= int(re.findall(r"worker_rlimit_nofile (\d+)", conf)[0])
