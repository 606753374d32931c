"""`demo`: post every example to a service started for it, and show the cards as a clinician would read them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.text import Text

from cards.record.words import printable
from service import examples
from service.command.progress import progress
from service.errors import StartError
from service.explain import STYLES
from service.fhir.transport import AnswerError, HttpClient
from service.hooks import service_id
from service.settings import PREFIX

_TIMEOUT = 30  # seconds
_JSON = "application/json"


class NotStartedError(StartError):
    """The service did not start; the message is the output of the service."""


def run(console: Console) -> bool:
    """Whether every example got the expected answer."""
    wrong = 0
    with started() as address:
        console.print(f"The service answers on {address}.\n")
        with progress("Asking", len(examples.names()), console) as advance:
            for name in examples.names():
                wrong += not _show(console, address, name)
                advance()
    count = len(examples.names())
    console.print(f"{count - wrong} of {count} answers are as expected.")
    return wrong == 0


def _show(console: Console, address: str, name: str) -> bool:
    example = examples.load(name).at(datetime.now(UTC))
    answer = post(address, example.request)
    console.rule(Text(example.title, style="bold"), align="left")
    console.print(Text(example.story, style="dim"))
    cards = answer["cards"]
    for card in cards:
        console.print(_panel(card))
    if not cards:
        console.print(Text("No card: the rules have nothing to say.", style="italic"))
    differences = list(examples.differences(examples.mask(example.response), examples.mask(answer)))
    for difference in differences:
        console.print(Text(printable(f"Not as expected: {difference}"), style="bold red"))
    console.print()
    return not differences


def _panel(card: dict[str, Any]) -> Panel:
    level = card["indicator"]
    facts = [fact for part in card.get("extension", {}).values() for fact in part["facts"]]
    lines: list[RenderableType] = [Text(printable(card["summary"]), style="bold")]
    lines += [Padding(Text(_fact(fact)), (0, 0, 0, 2)) for fact in facts]
    for suggestion in card.get("suggestions", ()):
        recommended = " (recommended)" if suggestion.get("isRecommended") else ""
        lines.append(Text.assemble(("[ ", "green"), printable(suggestion["label"]), recommended, (" ]", "green")))
    lines.append(Text(printable(f"Source: {card['source']['label']}"), style="dim"))
    word = Text(f" {level.upper()} ", style=STYLES[level])
    return Panel(Group(*lines), title=word, title_align="left", border_style=STYLES[level].rpartition(" ")[2])


def _fact(fact: dict[str, str]) -> str:
    side = {"left": " left", "right": " right", "both": " both sides"}.get(fact.get("side", ""), "")
    return printable(f"{fact.get('date', 'no date')}{side}: {fact.get('text', '')}")


def post(address: str, request: dict[str, Any]) -> dict[str, Any]:
    """The service's answer to a hook request. Raises NotStartedError if there is none."""
    url = f"{address}/cds-services/{service_id(request['hook'])}"
    headers = {"Accept": _JSON, "Content-Type": _JSON}
    try:
        reply = HttpClient(peer="the service").call("POST", url, _TIMEOUT, headers=headers, body=json.dumps(request))
    except AnswerError as error:
        raise NotStartedError(str(error)) from None
    if reply.status != 200:
        raise NotStartedError(f"the service answered {reply.status}")
    return cast(dict[str, Any], json.loads(reply.body))


@contextmanager
def started() -> Iterator[str]:
    """The address of a service on a free loopback port; it has the default settings, whatever is set on this machine.

    Raises NotStartedError. No process is left running.
    """
    root = str(Path(__file__).parents[2])
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "service.command.cli", "serve", "--dev", "--port", "0"]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line.startswith("Listening on "):
                log.seek(0)
                raise NotStartedError(f"the service did not start: {log.read().strip()}")
            yield line.removeprefix("Listening on ").strip()
        finally:
            process.terminate()
            process.wait(_TIMEOUT)
            if process.stdout:
                process.stdout.close()
