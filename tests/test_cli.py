"""The real command: serve, explain, example and demo, with their exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cards.language.decoding import MAX_BYTES
from service import examples
from tests import vignettes
from tests.conftest import FOOT_DROP, NOW

TIMEOUT = 60
COMMAND = Path(sys.executable).parent / "foot-drop-cds"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the command in a folder of its own."""

    def call(*words: str, said: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *words],
            cwd=tmp_path,
            env={**os.environ, **environment},
            input=said,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    return call


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The service as a process, and its address."""
    process = subprocess.Popen(
        [COMMAND, "serve", *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("Listening on http://")
        yield process, line.removeprefix("Listening on ").strip()
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(TIMEOUT)
        process.stdout.close()


def children(process: subprocess.Popen[str]) -> list[int]:
    """The processes that a process has started, as Linux lists them."""
    task = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(each) for each in task.read_text().split()] if task.exists() else []


def is_running(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def post(address: str, request: dict[str, Any]) -> Any:
    """The answer of a service to a request."""
    url = f"{address}/cds-services/foot-drop-{request['hook']}"
    asked = urllib.request.Request(url, json.dumps(request).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=TIMEOUT) as reply:
        return json.load(reply)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_serve_answers_where_it_says_and_leaves_no_process(tmp_path: Path, stop: signal.Signals) -> None:
    with serving(tmp_path, "--dev", "--port", "0", "--workers", "2") as (process, address):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address)
        answer = post(address, vignettes.request(FOOT_DROP, "patient-view", datetime.now(UTC)))
        assert answer["cards"]
        started = children(process)
        process.send_signal(stop)
        assert process.wait(TIMEOUT) == 0
        assert not [pid for pid in started if is_running(pid)]


def test_a_body_too_large_is_refused_and_the_reply_is_seen(tmp_path: Path) -> None:
    with serving(tmp_path, "--dev", "--port", "0") as (_, address):
        url = f"{address}/cds-services/foot-drop-patient-view"
        asked = urllib.request.Request(url, b" " * (MAX_BYTES + 1), {"Content-Type": "application/json"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(asked, timeout=TIMEOUT)
        assert refused.value.code == 413
        assert json.load(refused.value)["resourceType"] == "OperationOutcome"
        refused.value.close()


def test_serve_without_clients_is_refused(run: Run) -> None:
    done = run("serve", "--port", "0")
    assert done.returncode == 1
    assert "serve --dev" in done.stderr
    assert done.stdout == ""


def test_serve_dev_is_refused_elsewhere_than_on_loopback(run: Run) -> None:
    done = run("serve", "--dev", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 1
    assert "loopback" in done.stderr


def test_serve_says_that_a_port_is_taken(run: Run) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = run("serve", "--dev", "--port", str(port))
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
    assert set(said) == {"hook", "now", "verdicts", "unreadable", "notSeen"}
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


def test_explain_says_what_http_answers(run: Run, ask: Any, foot_drop: dict[str, Any]) -> None:
    done = run("explain", "-", "--now", NOW.isoformat(), "--format", "json", said=json.dumps(foot_drop))
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


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder of one tiny example."""
    folder = tmp_path / "examples"
    (folder / "tiny").mkdir(parents=True)
    (folder / "index.toml").write_text(
        'now = 2026-03-02T10:00:00Z\n[examples.tiny]\ntitle = "A tiny one"\nstory = "Once."\n'
    )
    made = {"uuid": "6f1d1c1e-33a5-4a51-8b1c-0a2b6d8f9e01", "summary": "Seen 2026-02-27 at noon"}
    parts = {
        "bundle": {"resourceType": "Bundle", "birthDate": "1966-03-02", "note": "on 2026-03-01, again"},
        "request": {"hook": "patient-view", "at": "2026-03-02T08:30:00.250+02:00", "id": "a-2026-03-02"},
        "response": {"cards": [made]},
    }
    for name, part in parts.items():
        (folder / "tiny" / f"{name}.json").write_text(json.dumps(part))
    return folder


def test_an_example_is_listed_and_loaded(shelf: Path) -> None:
    assert examples.names(shelf) == {"tiny": "A tiny one"}
    tiny = examples.load("tiny", shelf)
    assert tiny.now == NOW
    assert tiny.story == "Once."
    with pytest.raises(examples.UnknownExampleError, match="tiny"):
        examples.load("big", shelf)


def test_an_example_moves_instants_exactly_and_dates_by_days(shelf: Path) -> None:
    later = examples.load("tiny", shelf).at(NOW + timedelta(days=30, hours=20))
    assert later.bundle["birthDate"] == "1966-04-02"
    assert later.bundle["note"] == "on 2026-04-01, again"
    assert later.request["at"] == "2026-04-02T04:30:00.250+02:00"
    assert later.request["id"] == "a-2026-03-02"
    assert later.response["cards"][0]["summary"] == "Seen 2026-03-30 at noon"
    assert later.now == NOW + timedelta(days=30, hours=20)


def test_moving_there_and_back_changes_nothing(shelf: Path) -> None:
    tiny = examples.load("tiny", shelf)
    there = NOW + timedelta(days=412, hours=3, minutes=7)
    assert tiny.at(there).at(NOW) == tiny


def test_moving_keeps_the_backslashes_of_markdown() -> None:
    assert examples.moved("said 2026\\-02\\-27", NOW, NOW + timedelta(days=2)) == "said 2026\\-03\\-01"


def test_masked_answers_are_compared_but_for_what_the_clock_does() -> None:
    def answer(uuid: str, created: str, authored: str, summary: str = "since 2026-02-27") -> dict[str, Any]:
        resource = {"id": created, "authoredOn": authored, "subject": {"reference": "Patient/" + "0" * 8}}
        action = {"type": "create", "resource": resource}
        return examples.mask(
            {"cards": [{"uuid": uuid, "summary": summary, "suggestions": [{"uuid": uuid, "actions": [action]}]}]}
        )

    one = answer("6f1d1c1e-33a5-4a51-8b1c-0a2b6d8f9e01", "7f1d1c1e-33a5-4a51-8b1c-0a2b6d8f9e01", "2026-03-02T10:00:00Z")
    other = answer(
        "8f1d1c1e-33a5-4a51-8b1c-0a2b6d8f9e01", "9f1d1c1e-33a5-4a51-8b1c-0a2b6d8f9e01", "2026-03-02T10:00:04Z"
    )
    assert list(examples.differences(one, one)) == []
    assert list(examples.differences(one, other)) == []
    late = answer(examples.MASK, examples.MASK, "2026-03-02T10:30:00Z")
    assert len(list(examples.differences(one, late))) == 1
    worded = answer(examples.MASK, examples.MASK, "2026-03-02T10:00:00Z", "until 2026-02-27")
    assert "summary" in next(examples.differences(one, worded))
    assert list(examples.differences(one, {"cards": []}))
    assert sorted(examples.differences({"a": 1}, {"b": 1})) == [
        "answer.a is missing",
        "answer.b is not expected",
    ]


def test_demo_shows_every_patient_and_ends_with_0(run: Run) -> None:
    done = run("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    for title in examples.names().values():
        assert title in done.stdout
    assert "Not as expected" not in done.stdout


def test_example_lists_and_prints_a_request_of_this_moment(run: Run) -> None:
    listed = run("example").stdout.splitlines()
    assert [line.split()[0] for line in listed] == list(examples.names())
    name = next(iter(examples.names()))
    done = run("example", name)
    assert done.returncode == 0
    assert {"hook", "hookInstance", "context"} <= set(json.loads(done.stdout))
    assert run("explain", "-", said=done.stdout).returncode == 0
    assert run("example", "nobody").returncode == 2
