"""GET /report: for who holds its token alone, made beside the service, and the same as that of the command."""

from __future__ import annotations

import csv
import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from service.app import create_app
from service.settings import load
from service.store.database import place
from tests.support import commands
from tests.support.patients import NOW
from tests.support.reported import evaluation, keep, set_aside
from tests.support.signing import registered
from tests.support.site import HOST, Site, site

TOKEN = "0123456789abcdef" * 3
SETTING = f'report_token = "{TOKEN}"'
PERIOD = "since=2026-03-02&until=2026-04-02"
WAIT_S = 120


@pytest.fixture
def main(tmp_path: Path) -> Iterator[Site]:
    """A service with the setting, whose store holds 30 days of evaluations."""
    with site(tmp_path, of_service=SETTING) as running:
        url = place(running.settings.store_address, running.settings.data_dir)
        cards = [evaluation(n, day=n // 12, patient=f"p{n}", encounter=f"e{n}") for n in range(360)]
        keep(url, cards, [set_aside(one, "<b>MC</b>") for one in cards[:9]] + [set_aside(cards[9], "=1+1")])
        yield running


def get(main: Site, query: str = "", token: str | None = TOKEN) -> TestResponse:
    """What /report answers."""
    carried = {"Authorization": f"Bearer {token}"} if token is not None else {}
    return main.http.get(f"/report?{query}", headers={**HOST, **carried})


def made(main: Site, query: str) -> TestResponse:
    """The report, once it is there: until then the answer says when to ask again."""
    until = time.monotonic() + WAIT_S
    while (reply := get(main, query)).status_code == 202 and time.monotonic() < until:
        assert int(reply.headers["Retry-After"]) > 0
        time.sleep(0.1)
    return reply


def test_without_its_token_nobody_reads_it(main: Site) -> None:
    for token in (None, "", "x", TOKEN[:-1], TOKEN + "0", TOKEN.upper(), "é" * 48):
        reply = get(main, PERIOD, token)
        assert (token, reply.status_code) == (token, 401)
        assert reply.headers["WWW-Authenticate"] == "Bearer"
        assert TOKEN not in reply.text


def test_without_the_setting_and_with_dev_there_is_no_such_page(tmp_path: Path) -> None:
    with site(tmp_path) as main:
        assert get(main).status_code == 404
    dev = create_app(load(registered(tmp_path, of_service=SETTING), {}, dev=True), now=NOW)
    assert dev.test_client().get("/report", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 404


def test_what_is_asked_wrongly_is_refused_by_name(main: Site) -> None:
    wrong = {
        "since=yesterday": ["since"],
        "since=2026-04-02&until=2026-03-02": ["since"],
        "rule=none": ["rule"],
        "client=none": ["client"],
        "format=pdf": ["format"],
        "limit=1": None,
    }
    for query, field in wrong.items():
        reply = get(main, query)
        assert (query, reply.status_code) == (query, 400)
        assert reply.get_json()["issue"][0].get("expression") == field


def test_it_is_made_once_and_is_what_the_command_writes(main: Site, tmp_path: Path) -> None:
    reply = made(main, f"{PERIOD}&format=json")
    assert reply.status_code == 200
    assert reply.mimetype == "application/json"
    told = reply.get_json()
    assert told["evaluations"] == 360
    assert get(main, f"{PERIOD}&format=json").get_json() == told
    words = ("report", "--settings", "foot-drop-cds.toml", "--since", "2026-03-02", "--until", "2026-04-02")
    done = commands.run(*words, "--format", "json", folder=tmp_path)
    assert {**json.loads(done.stdout), "made": ""} == {**told, "made": ""}


@pytest.mark.long
def test_the_page_says_it_all_in_words_and_loads_nothing(main: Site) -> None:
    reply = made(main, PERIOD)
    page = reply.text
    assert reply.status_code == 200
    assert "<script" not in page
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert "&lt;b&gt;MC&lt;/b&gt;" in page
    assert "<b>MC</b>" not in page
    assert re.search(r'<svg [^>]*role="img" aria-label="Firing rate of afo 2\.0\.0\. By day from 2026-03-02', page)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    links = {*re.findall(r'href="#([^"]+)"', page), *re.findall(r"url\(#([^)]+)\)", page)}
    assert links <= set(ids)
    assert not re.search(r"#01020\d", page), "the colours are the page's"


@pytest.mark.long
def test_a_report_that_cannot_be_made_says_so_and_is_tried_again_later(main: Site) -> None:
    folder = main.settings.data_dir
    assert folder is not None
    (folder / "store.sqlite").write_bytes(b"no database" * 1000)
    reply = made(main, f"{PERIOD}&format=csv")
    assert reply.status_code == 503
    assert reply.get_json()["issue"][0]["diagnostics"] == "the report could not be made: SQLITE_NOTADB"
    assert int(reply.headers["Retry-After"]) > 0


class Command:
    """The command `report` over a store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        file = registered(folder)
        settings = load(file, {})
        self.url = place(settings.store_address, settings.data_dir)

    def __call__(self, *words: str, **environment: str) -> commands.Done:
        """How it ended."""
        own = ("--settings", "foot-drop-cds.toml", "--since", "2026-03-02", "--until", "2026-04-02")
        return commands.run("report", *own, *words, folder=self.folder, **environment)


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """The command over a store with few evaluations."""
    return Command(tmp_path)


def test_csv_has_a_line_for_each_number_and_no_formula(command: Command) -> None:
    cards = [evaluation(n) for n in range(8)]
    keep(command.url, cards, [set_aside(one, "=1+1") for one in cards])
    rows = list(csv.DictReader(command("--format", "csv").stdout.splitlines()))
    values = {(row["about"], row["rule"], row["name"], row["measure"]): row["value"] for row in rows}
    assert values["report", "", "", "evaluations"] == "8"
    assert values["override reason", "afo", "'=1+1", "cards"] == "8"
    assert values["firing rate", "afo", "2026-03-02", "share"] == "1.0"


@pytest.mark.parametrize(("least", "shown"), [("5", "hidden"), ("1", "3")])
def test_a_small_count_is_hidden_below_the_setting(command: Command, least: str, shown: str) -> None:
    keep(command.url, [evaluation(n, card=n < 3) for n in range(20)])
    done = command("--format", "csv", FOOT_DROP_CDS_REPORT_SMALL_COUNTS=least)
    values = [row["value"] for row in csv.DictReader(done.stdout.splitlines()) if row["measure"] == "would_fire"]
    assert shown in values
    assert ("3" in values) is (least == "1")


def test_it_is_written_to_a_file(command: Command) -> None:
    keep(command.url, [evaluation(1)])
    done = command("--format", "json", "--out", "report.json")
    assert (done.returncode, done.stdout) == (0, "Report written to report.json\n")
    assert json.loads((command.folder / "report.json").read_text())["counts_below"] == 5
    assert command("--out", "none/report.json", "--format", "csv").returncode == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--rule", "none"), 2, "there is no rule none"),
        (("--client", "none"), 2, "there is no client none"),
        (("--until", "2026-01-01"), 2, "the period is empty"),
        ((), 1, "there is no store at"),
    ],
)
def test_what_cannot_be_reported_is_refused(command: Command, words: tuple[str, ...], code: int, said: str) -> None:
    done = command(*words)
    assert done.returncode == code
    assert said in done.stderr


def test_without_the_package_that_draws_the_page_says_which(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(command.url, [evaluation(n, day=n) for n in range(20)])
    missing: dict[str, Any] = {"matplotlib": None, "matplotlib.figure": None}
    for name, nothing in missing.items():
        monkeypatch.setitem(sys.modules, name, nothing)
    done = command()
    assert done.returncode == 1
    assert "pip install 'foot-drop-cds[reports]'" in done.stderr
    assert command("--format", "json").returncode == 0


@pytest.mark.parametrize("token", ["short", "with blanks " * 5, "ü" * 40])
def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused(tmp_path: Path, token: str) -> None:
    file = registered(tmp_path, of_service=f'report_token = "{token}"')
    done = commands.run("report", "--settings", str(file), folder=tmp_path)
    assert done.returncode == 1
    assert "report_token: it must be 32 or more ASCII characters" in done.stderr
    assert token not in done.stderr
