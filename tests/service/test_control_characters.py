"""Control and escape characters of the record: none reaches the evidence of a card, a terminal or the log."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from service.command.cli import main
from service.middleware.log import Relay
from tests.support import vignettes
from tests.support.http_server import HttpServer, Reply
from tests.support.patients import FOOT_DROP, NOW, Ask

Json = dict[str, Any]

# Sets a title, clears the screen, C1 and bidirectional marks, and a line that looks like one of ours.
HOSTILE = "\x1b]0;own\x07\x1b[2J\x9b31m\u202e\r\nsuppressed lumbar-mri\x7f\u2028\x00"
_EXACT = frozenset({"reference", "url", "system", "code", "status", "unit", "value", "resourceType", "birthDate"})
_FACTS = FOOT_DROP | {
    "medications": [{"code": "anticoagulant"}, {"code": "gabapentin"}],
    "devices": [{"code": "cardiac-pacemaker"}],
    "reports": [{"code": "mri-lumbar", "daysAgo": 1, "lesion": "root-compression", "lesionSide": "left"}],
    "allergies": [{"code": "naproxen"}],
    "draftOrders": [{"id": "d1", "resourceType": "MedicationRequest", "code": "naproxen"}],
}


def spoilt(value: Any, name: str = "") -> Any:
    """A record with the hostile text behind every id and all words."""
    if isinstance(value, dict):
        keep = {"id"} if value.get("resourceType") == "Patient" else set()
        return {key: one if key in keep else spoilt(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [spoilt(one, name) for one in value]
    is_words = isinstance(value, str) and name not in _EXACT and "Date" not in name and name not in ("issued", "start")
    return value + HOSTILE if is_words else value


def request(hook: str) -> Json:
    """A request of hostile words, with a record that is left out and a key that is missing."""
    asked = copy.deepcopy(vignettes.request(_FACTS, hook, NOW))
    asked["prefetch"] = spoilt(asked["prefetch"])
    for draft in asked["context"].get("draftOrders", {}).get("entry", ()):
        draft["resource"] = spoilt(draft["resource"])
    nobodys = {"resourceType": "Condition", "id": f"of-nobody{HOSTILE}", "code": {"text": HOSTILE}}
    asked["prefetch"]["conditions"]["entry"].append({"resource": nobodys})
    del asked["prefetch"]["orders"]
    return asked


def texts(value: Any) -> Iterator[str]:
    """Every text in JSON, names included."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("hook", ["patient-view", "order-sign"])
def test_the_evidence_in_the_extension_is_printable(ask: Ask, hook: str) -> None:
    cards = ask(request(hook)).get_json()["cards"]
    facts = [fact for card in cards for part in card["extension"].values() for fact in part["facts"]]
    assert any("own" in fact["reference"] for fact in facts), "the ids are shown, without what acts"
    assert any("own" in fact["text"] for fact in facts)
    assert [text for text in texts(facts) if not text.isprintable()] == []
    assert [card["summary"] for card in cards if not card["summary"].isprintable()] == []


@pytest.mark.parametrize("hook", ["patient-view", "order-sign"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_explain_prints_nothing_that_acts(tmp_path: Path, hook: str, form: str) -> None:
    file = tmp_path / "request.json"
    file.write_text(json.dumps(request(hook)))
    words = ["explain", str(file), "--now", NOW.isoformat(), "--format", form]
    shown = CliRunner(env={"COLUMNS": "400"}).invoke(main, words)
    assert shown.exit_code == 0, shown.output
    assert shown.output.replace("\n", "").isprintable()
    assert "own" in shown.output
    assert not any(line.startswith("suppressed lumbar-mri\x7f") for line in shown.output.splitlines())
    assert len([line for line in shown.output.splitlines() if "of-nobody" in line]) == 1, "no line is broken"


def test_a_servers_own_words_are_printed_as_words() -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "diagnostics": f"No{HOSTILE}"}]}
    answer = Reply(422, {"Content-Type": "application/fhir+json"}, json.dumps(outcome).encode())
    metadata = Reply(200, {"Content-Type": "application/fhir+json"}, b'{"resourceType": "CapabilityStatement"}')
    with HttpServer(lambda asked: metadata if asked.target.endswith("/metadata") else answer) as server:
        shown = CliRunner().invoke(main, ["load", server.base, "--wait", "5"])
    assert shown.exit_code == 1
    assert "No ]0;own" in shown.output
    assert shown.output.count("\n") == 1
    assert shown.output.replace("\n", "").isprintable()


def test_the_log_holds_nothing_that_acts(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (HOSTILE, "delete \x7f", "C1 \x9b2J", "right to left \u202e", "é"):
        Relay().emit(logging.LogRecord("library", logging.ERROR, "file", 1, words, None, None))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert [json.loads(line)["text"] for line in lines][1:] == ["delete \x7f", "C1 \x9b2J", "right to left \u202e", "é"]


SECRETS = ["https://user:s3cret@ehr.example/fhir", "user:s3cret@ehr.example", "https://ehr.example/fhir?token=s3cret"]


@pytest.mark.parametrize("url", [*SECRETS, "https://u:p?s3cret@ehr.example", "https://s3cret@\x1b[2Jehr.example"])
@pytest.mark.parametrize("option", ["load", "--allow-fhir-server", "--allow-origin", "file"])
def test_a_password_in_an_address_is_not_printed(tmp_path: Path, url: str, option: str) -> None:
    words = ["serve", "--dev", option, url]
    if option == "load":
        words = ["load", url, "--wait", "0"]
    if option == "file":
        file = tmp_path / "settings.toml"
        file.write_text(f"allow_fhir_servers = [{json.dumps(url)}]\n")
        words = ["serve", "--dev", "--settings", str(file)]
    shown = CliRunner().invoke(main, words)
    assert shown.exit_code in (1, 2)
    assert "is not " in shown.output
    assert "s3cret" not in shown.output
    assert shown.output.replace("\n", "").isprintable()
