"""The command: serve, explain, example and demo, with their exit codes.

What listens, and each command once, runs as a process; the rest in this one.
"""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from service import examples
from tests.support import commands, vignettes
from tests.support.patients import FOOT_DROP, NOW
from tests.support.processes import COMMAND, TIMEOUT

Start = Callable[..., subprocess.CompletedProcess[str]]
Run = Callable[..., commands.Done]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Runs the command as a process, in a folder of its own."""

    def call(*words: str, said: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *words],
            cwd=tmp_path,
            input=said,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    return call


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the command in this process, in a folder of its own."""

    def call(*words: str, said: str = "", **environment: str) -> commands.Done:
        return commands.run(*words, folder=tmp_path, said=said, **environment)

    return call


@pytest.mark.parametrize("settings", ["", 'deadline_ms = 300\nallow_origins = ["https://ehr.example"]\n'])
def test_serve_without_dev_is_refused_whatever_the_settings_hold(run: Run, tmp_path: Path, settings: str) -> None:
    file = tmp_path / "site.toml"
    file.write_text(settings)
    done = run("serve", "--port", "0", "--settings", str(file))
    assert done.returncode == 1
    assert "serve --dev" in done.stderr
    assert done.stdout == ""


def test_serve_dev_is_refused_elsewhere_than_on_loopback(run: Run) -> None:
    done = run("serve", "--dev", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 1
    assert "loopback" in done.stderr


@pytest.mark.long
def test_serve_says_that_a_port_is_taken(start: Start) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = start("serve", "--dev", "--port", str(port))
    assert done.returncode == 1
    assert str(port) in done.stderr


def test_a_wrong_setting_is_refused_by_name(run: Run, tmp_path: Path) -> None:
    (tmp_path / "foot-drop-cds.toml").write_text("dead_line = 3")
    done = run("serve", "--dev", "--port", "0")
    assert done.returncode == 1
    assert "dead_line" in done.stderr
    (tmp_path / "foot-drop-cds.toml").unlink()
    done = run("explain", "-", said="{}", FOOT_DROP_CDS_NOPE="1")
    assert done.returncode == 1
    assert "FOOT_DROP_CDS_NOPE" in done.stderr


def test_a_process_that_is_refused_says_why_and_ends_with_1(start: Start) -> None:
    done = start("serve", "--port", "0")
    assert done.returncode == 1
    assert "serve --dev" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "words",
    [
        ["dance"],
        ["serve", "--port", "x"],
        ["serve", "--settings", "nowhere.toml"],
        ["explain"],
        ["explain", "nowhere.json"],
        ["explain", "-", "--format", "xml"],
        ["explain", "-", "--now", "yesterday"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2(run: Run, words: list[str]) -> None:
    assert run(*words).returncode == 2


def test_explain_for_tools_has_a_verdict_for_every_rule(run: Run, tmp_path: Path) -> None:
    asked = vignettes.request(FOOT_DROP, "patient-view", NOW, drop={"orders"})
    asked["prefetch"]["devices"] = "<html>"
    (tmp_path / "request.json").write_text(json.dumps(asked))
    done = run("explain", "request.json", "--now", NOW.isoformat(), "--format", "json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert set(said) == {"hook", "now", "verdicts", "unreadable", "notSeen", "notes", "notUnderstood"}
    assert said["hook"] == "patient-view"
    assert datetime.fromisoformat(said["now"]) == NOW
    assert said["notSeen"] == ["devices", "orders"]
    assert any("devices" in each["where"] for each in said["unreadable"])
    outcomes = {each["rule"]: each["outcome"] for each in said["verdicts"]}
    assert outcomes["lumbar-mri"] == "card"
    assert set(outcomes.values()) <= {"card", "not-applicable", "suppressed", "could-not-evaluate"}
    for each in said["verdicts"]:
        assert set(each) == {"rule", "outcome", "indicator", "summary", "why", "because"}
        assert each["summary"] if each["outcome"] == "card" else each["why"]
        for fact in each["because"]:
            assert set(fact) == {"reference", "date", "side", "text"}


@pytest.mark.parametrize("key", ["conditions", "observations"])
def test_explain_never_calls_absent_what_may_be_on_a_page_that_was_not_read(run: Run, key: str) -> None:
    asked = vignettes.request(FOOT_DROP, "patient-view", NOW)
    asked["prefetch"][key]["link"] = [{"relation": "next", "url": "https://ehr.example/fhir?page=2"}]
    done = run("explain", "-", "--now", NOW.isoformat(), "--format", "json", said=json.dumps(asked))
    verdicts = {each["rule"]: each for each in json.loads(done.stdout)["verdicts"]}
    assert "not-applicable" not in {each["outcome"] for each in verdicts.values()}
    assert verdicts["lumbar-mri"]["outcome"] == "card"
    assert verdicts["cauda-equina-emergency"]["why"] == f"the {key} could be read only in part"


def test_explain_says_what_http_answers(start: Start, ask: Any, foot_drop: dict[str, Any]) -> None:
    done = start("explain", "-", "--now", NOW.isoformat(), "--format", "json", said=json.dumps(foot_drop))
    explained = {v["rule"]: v["summary"] for v in json.loads(done.stdout)["verdicts"] if v["outcome"] == "card"}
    cards = ask(foot_drop).get_json()["cards"]
    assert explained == {card["source"]["topic"]["code"]: card["summary"] for card in cards}


def test_explain_for_people_names_every_rule_and_what_was_not_seen(run: Run) -> None:
    asked = vignettes.request(FOOT_DROP, "patient-view", NOW, drop={"orders"})
    done = run("explain", "-", "--now", "2026-03-02T10:00:00", said=json.dumps(asked))
    assert done.returncode == 0
    for words in ("lumbar-mri", "WARNING", "emg-ncs", "cauda-equina-emergency", "not seen", "orders"):
        assert words in done.stdout


@pytest.mark.parametrize(
    ("body", "status"),
    [("no json", "JSON"), ("{}", "hook"), ('{"hook": "appointment-book", "hookInstance": "x"}', "context")],
)
def test_explain_prints_an_outcome_when_it_refuses(run: Run, body: str, status: str) -> None:
    done = run("explain", "-", said=body)
    assert done.returncode == 1
    outcome = json.loads(done.stdout)
    assert outcome["resourceType"] == "OperationOutcome"
    assert status in outcome["issue"][0]["diagnostics"]


def test_explain_refuses_a_hook_that_is_not_served(run: Run, no_foot_drop: dict[str, Any]) -> None:
    done = run("explain", "-", said=json.dumps({**no_foot_drop, "hook": "appointment-book"}))
    assert done.returncode == 1
    assert json.loads(done.stdout)["issue"][0]["expression"] == ["hook"]


@pytest.mark.long
def test_demo_shows_every_patient_and_ends_with_0(start: Start) -> None:
    done = start("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    for title in examples.names().values():
        assert title in done.stdout
    assert "Not as expected" not in done.stdout


def test_example_lists_and_prints_a_request_of_this_moment(start: Start, run: Run) -> None:
    listed = start("example").stdout.splitlines()
    assert [line.split()[0] for line in listed] == list(examples.names())
    name = next(iter(examples.names()))
    done = run("example", name)
    assert done.returncode == 0
    assert {"hook", "hookInstance", "context"} <= set(json.loads(done.stdout))
    assert run("explain", "-", said=done.stdout).returncode == 0
    for meant, near in (("couda", "did you mean cauda-equina,"), ("new-l5-footdrop", "did you mean new-l5-foot-drop")):
        refused = run("example", meant)
        assert refused.returncode == 2
        assert near in " ".join(refused.stderr.split())
    assert "lists them all" in run("example", "zzz").stderr
