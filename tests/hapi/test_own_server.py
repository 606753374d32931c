"""The steps of docs/hapi.md for your own HAPI server, as written there, on free ports."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from service.command import loading
from tests.hapi.asking import FOOT_DROP, example, rules
from tests.hapi.hapi import Hapi
from tests.support.patients import NOW
from tests.support.places import ROOT

PAGE = (ROOT / "docs" / "hapi.md").read_text(encoding="utf-8")
FHIR, SERVICE = "http://127.0.0.1:8090/fhir", "http://127.0.0.1:8080"
COMMAND = str(Path(sys.executable).parent / "foot-drop-cds")


def steps(base: str) -> tuple[list[str], list[str], list[str], list[str]]:
    """The words of the three commands for this server, and the lines that the page says they print."""
    (block,) = re.findall(r"```console\n(\$ \.venv/bin/foot-drop-cds load .*?)```", PAGE, re.DOTALL)
    text = block.replace(FHIR, base).replace(".venv/bin/foot-drop-cds", COMMAND)
    load, serve, curl = text.split("$ ")[1:]
    answers = [step.split("\n")[1] for step in (load, serve)]
    return shlex.split(load.split("\n")[0]), shlex.split(serve.split("\n")[0]), shlex.split(curl), answers


@pytest.fixture
def reloaded(hapi: Hapi) -> Iterator[Hapi]:
    """The server of all tests; anything loaded for another moment is afterwards as of NOW again."""
    yield hapi
    list(loading.load(hapi.base, NOW))


def test_the_steps_of_the_page_lead_to_the_four_cards(reloaded: Hapi, tmp_path: Path) -> None:
    load, serve, curl, answers = steps(reloaded.base)
    loaded = subprocess.run(load, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert (loaded.returncode, loaded.stdout.strip()) == (0, answers[0])
    with subprocess.Popen(
        [*serve, "--port", "0"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as service:
        try:
            line = service.stdout.readline().strip() if service.stdout else ""
            assert line.rpartition(":")[0] == answers[1].rpartition(":")[0]
            (url,) = [word for word in curl if word.startswith(SERVICE)]
            reply = requests.post(
                url.replace(SERVICE, line.removeprefix("Listening on ")),
                json=json.loads(curl[curl.index("-d") + 1]),
                timeout=60,
            )
        finally:
            service.terminate()
    assert sorted(rules(reply.json())) == sorted(rules(example(FOOT_DROP).response))
    assert len(reply.json()["cards"]) == 4
