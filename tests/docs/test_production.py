"""docs/production.md, command by command, on a machine simulated in a folder."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from configparser import RawConfigParser
from contextlib import closing
from functools import partial

import pytest

from service.settings import load
from service.trust.client import Client
from service.trust.token import Why
from tests.support.debian import ETC, Debian
from tests.support.places import DOCS, ROOT
from tests.support.postgresql import postgresql
from tests.support.processes import until

PAGE = (DOCS / "production.md").read_text(encoding="utf-8")
CALL = "foot-drop-cds call "


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


COMMANDS = [line[2:] for block in blocks("console") for line in block.splitlines()]
(SIGNED,) = (line for line in COMMANDS if CALL in line)


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Debian]:
    """A machine next to a PostgreSQL."""
    with postgresql() as store, closing(Debian(tmp_path_factory.mktemp("debian"), store.folder)) as machine:
        yield machine


@pytest.mark.long
def test_every_command_works_from_the_bare_machine_to_mutual_tls(debian: Debian) -> None:
    said: dict[str, str] = {}
    for line in COMMANDS:
        if "clients add main" in line:
            settings = debian.place(ETC) / "foot-drop-cds.toml"
            written = blocks("toml")[0].replace("drain_s = 5", "drain_s = 0.2")
            settings.write_text(debian.here(written), encoding="utf-8")
        if "clients remove-key" in line:
            assert json.loads(debian.run(SIGNED.replace("ehr.pem", "ehr-new.pem")))["cards"]
            line = line.replace("KID", kids(debian)[0])
        if "promtool query" in line:
            until(partial(has_scraped, debian, line))
        said[line] = debian.run(line)
    assert_all_was_done(debian, said)


def has_scraped(debian: Debian, query: str) -> bool:
    """Whether Prometheus has an answer."""
    return " => " in debian.attempt(query)[1]


def kids(debian: Debian) -> list[str]:
    """The keys of the EHR."""
    return [key["kid"] for key in json.loads((debian.place(ETC) / "main.jwks.json").read_text())["keys"]]


def assert_all_was_done(debian: Debian, said: dict[str, str]) -> None:
    """Cards come, the database is the store, Prometheus sees the service, keys are changed, mutual TLS holds."""
    cards = json.loads(said[SIGNED])["cards"]
    assert [card["source"]["topic"]["code"] for card in cards] == ["lumbar-mri"]
    assert "; signed by Example Hospital, " in cards[0]["detail"]
    (client,) = load(debian.place(ETC) / "foot-drop-cds.toml", {}).clients.values()
    assert client.issuer in said["foot-drop-cds clients list"]
    (query,) = (line for line in COMMANDS if "promtool query" in line)
    assert re.search(r'foot_drop_cds_ready\{.*job="foot-drop-cds".*\} => 1 @', said[query])
    assert debian.run("psql -U foot-drop-cds -tAc 'SELECT count(*) > 1 FROM used_tokens' foot-drop-cds").strip() == "t"
    assert len(kids(debian)) == 1
    until(lambda: "answered 403" in debian.attempt(SIGNED.replace("ehr.pem", "ehr-new.pem"))[1])


def test_what_is_not_run_here_is_what_others_run(debian: Debian) -> None:
    """Packages, as CI installs them; the environment, as the image makes it; users, as the units name them."""
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("--no-cache-dir --disable-pip-version-check ", "")
    units = RawConfigParser(strict=False, delimiters="=")
    units.read(ROOT / "deploy" / "systemd" / f"{name}.service" for name in ("foot-drop-cds",))
    for line in COMMANDS:
        program, *words = shlex.split(line)
        names = [word for word in words if not word.startswith("-")]
        if program == "apt-get":
            assert [name for name in names[1:] if name not in ci] == []
        elif program in ("python3", "/opt/foot-drop-cds/bin/pip"):
            assert f"RUN {line.replace('python3', 'python')}\n" in image
        elif program == "adduser":
            assert [units["Service"]["User"], units["Service"]["Group"]] == names * 2


def test_every_key_of_a_client_is_explained() -> None:
    assert [name for name in Client.model_fields if not re.search(rf"^\| [^|]*`{name}`", PAGE, re.MULTILINE)] == []


def test_the_reasons_are_those_of_the_log() -> None:
    table = PAGE.partition("| `refused` |")[2].partition("\n\n")[0]
    reasons = {reason for row in table.splitlines()[2:] for reason in re.findall(r"`([^`]+)`", row.split("|")[1])}
    assert len(reasons) > 5
    assert reasons <= set(Why)


def test_the_checklist_leads_to_every_step() -> None:
    steps = re.findall(r"^## (\d+)\. (.+)$", PAGE, re.MULTILINE)
    assert [int(number) for number, _ in steps] == list(range(1, len(steps) + 1))
    for number, title in steps:
        assert f"](#{number}-{title.lower().replace(' ', '-')})" in PAGE
