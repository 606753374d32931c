"""A store that was copied while it was used, lost, and restored with its key answers as before, on both databases."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from service.store.hashing import FILE
from tests.support.commands import run
from tests.support.machine import POSTGRESQL
from tests.support.postgresql import Server
from tests.support.remembered import counts, rows
from tests.support.signing import AUDIENCE, VIEW, token
from tests.support.site import Site, site

RULE = "lumbar-mri"


def rules(main: Site) -> list[str]:
    """The rules whose cards are shown."""
    return [card["source"]["topic"]["code"] for card in main.post(token()).get_json()["cards"]]


def say(main: Site, card: str) -> None:
    """Say, once more, that a card was set aside."""
    entry = {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-03-02T10:00:00Z"}
    signed = token(aud=f"{AUDIENCE}/feedback")
    assert main.post(signed, {"feedback": [entry]}, path=f"{VIEW}/feedback").status_code == 200


class Copies:
    """How a store is copied, lost and restored, as docs/memory.md says."""

    def __init__(self, folder: Path, url: URL, server: Server | None) -> None:
        self._folder = folder
        self._url = url
        self._server = server

    def make(self) -> None:
        """Copy the store and, apart from it, its key."""
        (self._folder / "apart").mkdir()
        shutil.copy2(self._folder / "data" / FILE, self._folder / "apart")
        if self._server is None:
            done = run("store", "backup", "copy.sqlite", folder=self._folder)
            assert done.returncode == 0, done.stderr
            assert "keep it elsewhere" in done.stdout
        else:
            self._postgresql("pg_dump", "--format=custom", "--file=copy.dump", self._server.url)

    def lose(self) -> None:
        """The machine is gone."""
        shutil.rmtree(self._folder / "data")
        if self._server is not None:
            self._server.empty()

    def restore(self) -> None:
        """Put back the store and its key."""
        (self._folder / "data").mkdir(mode=0o700)
        shutil.copy2(self._folder / "apart" / FILE, self._folder / "data")
        if self._server is None:
            shutil.copy2(self._folder / "copy.sqlite", str(self._url.database))
        else:
            words = ("--clean", "--if-exists", "--no-owner", f"--dbname={self._server.url}", "copy.dump")
            self._postgresql("pg_restore", *words)

    def _postgresql(self, program: str, *words: str) -> None:
        assert POSTGRESQL is not None
        done = subprocess.run(
            [POSTGRESQL / program, *words], cwd=self._folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture
def copies(request: pytest.FixtureRequest, tmp_path: Path, url: URL) -> Copies:
    """Those of the database of this test."""
    is_sqlite = url.get_backend_name() == "sqlite"
    return Copies(tmp_path, url, None if is_sqlite else request.getfixturevalue("server"))


def test_a_restored_store_answers_as_before(tmp_path: Path, url: URL, copies: Copies) -> None:
    store = f'store_url = "{url.set(drivername=url.get_backend_name()).render_as_string()}"'
    once = token()
    with site(tmp_path, of_service=store) as main:
        card = main.post(once).get_json()["cards"][0]["uuid"]
        say(main, card)
        off = run("rules", "set", RULE, "--client", "main", "--mode", "off", folder=tmp_path)
        assert off.returncode == 0, off.stderr
        main.app.memory.close()
        kept, record = counts(url), export(tmp_path)
        copies.make()  # the service holds its connections
    copies.lose()
    copies.restore()
    assert counts(url) == kept
    assert export(tmp_path) == record
    with site(tmp_path, of_service=store) as main:
        assert main.status(once) == 401, "a token that was used stays used"
        say(main, card)
        assert counts(url) == kept, "what was acknowledged is there"
        shown = rules(main)
        assert shown
        assert RULE not in shown, "what was switched off is off"
    assert len(rows(url, "SELECT DISTINCT patient FROM evaluations")) == 1, "by the same key the patient is the same"


def export(folder: Path) -> dict[str, Any]:
    """What the store holds, as it is exported."""
    done = run("store", "export", "--out", "record", folder=folder)
    assert done.returncode == 0, done.stderr
    return {
        file.name: [json.loads(line) for line in file.read_text().splitlines()]
        for file in (folder / "record").iterdir()
    }


def test_a_copy_is_its_owners_and_whole_or_not_there(tmp_path: Path) -> None:
    with site(tmp_path):
        assert run("store", "backup", "copy.sqlite", folder=tmp_path).returncode == 0
        assert (tmp_path / "copy.sqlite").stat().st_mode & 0o777 == 0o600
        done = run("store", "backup", "nowhere/copy.sqlite", folder=tmp_path)
        assert (done.returncode, "cannot be written" in done.stderr) == (1, True)
        (tmp_path / "data" / "store.sqlite").write_bytes(os.urandom(4096))
        done = run("store", "backup", "other.sqlite", folder=tmp_path)
        assert (done.returncode, "cannot be read" in done.stderr) == (1, True)
    assert sorted(file.name for file in tmp_path.iterdir() if "sqlite" in file.name) == ["copy.sqlite"]


def test_of_postgresql_the_copy_is_made_otherwise(tmp_path: Path) -> None:
    with site(tmp_path):
        done = run(
            "store", "backup", "copy", folder=tmp_path, FOOT_DROP_CDS_STORE_URL="postgresql://somebody@nowhere/name"
        )
    assert (done.returncode, "use pg_dump to copy it" in done.stderr) == (1, True)


@pytest.mark.long
@pytest.mark.parametrize("name", ["store.sqlite", "../data/store.sqlite", "store.sqlite-wal", "link.sqlite"])
def test_no_copy_takes_the_place_of_the_store(tmp_path: Path, name: str) -> None:
    with site(tmp_path) as main:
        say(main, "card")
        data = tmp_path / "data"
        (data / "link.sqlite").symlink_to(data / "store.sqlite")
        before = {file.name: file.stat().st_ino for file in data.iterdir()}
        done = run("store", "backup", str(data / name), folder=tmp_path)
        assert (done.returncode, "it is the store itself" in done.stderr) == (2, True)
        assert {file.name: file.stat().st_ino for file in data.iterdir()} == before
