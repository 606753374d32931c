"""docs/production.md, command by command, in an empty folder."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

from service.settings import load
from service.trust.client import Client
from service.trust.token import Why
from tests.support.places import DOCS
from tests.support.processes import COMMAND, TIMEOUT, serving

PAGE = (DOCS / "production.md").read_text(encoding="utf-8")
PORT = "8080"


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def run(folder: Path, line: str) -> str:
    """What a command says, which must end well."""
    path = f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    done = subprocess.run(
        shlex.split(line), cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_every_command_works_and_the_last_brings_cards(tmp_path: Path) -> None:
    (tmp_path / "foot-drop-cds.toml").write_text(blocks("toml")[0])
    commands = [line[2:] for block in blocks("console") for line in block.splitlines()]
    *before, serve, call = commands
    said = [run(tmp_path, line) for line in before]
    (client,) = load(tmp_path / "foot-drop-cds.toml", {}).clients.values()
    said = [words for line, words in zip(before, said, strict=True) if " clients " in line]
    assert client.issuer in said[-2]
    (key,) = json.loads((tmp_path / "main.jwks.json").read_text())["keys"]
    assert key["kid"] in said[-1]
    assert "d" not in key
    words = shlex.split(serve)
    assert words[:2] == ["foot-drop-cds", "serve"]
    assert words[-2:] == ["--port", PORT]
    with serving(tmp_path, *words[2:-1], "0") as (_, address):
        port = address.rpartition(":")[2]
        cards = json.loads(run(tmp_path, call.replace(f":{PORT}/", f":{port}/")))["cards"]
    assert [card["source"]["topic"]["code"] for card in cards] == ["lumbar-mri"]
    assert "; signed by Example Hospital, " in cards[0]["detail"]


def test_every_key_of_a_client_is_explained() -> None:
    assert [name for name in Client.model_fields if not re.search(rf"^\| [^|]*`{name}`", PAGE, re.MULTILINE)] == []


def test_the_reasons_are_those_of_the_log() -> None:
    table = PAGE.partition("| `refused` |")[2].partition("\n\n")[0]
    reasons = {reason for row in table.splitlines()[2:] for reason in re.findall(r"`([^`]+)`", row.split("|")[1])}
    assert len(reasons) > 5
    assert reasons <= set(Why)
