"""A worker that starts while the store is away: what was off stays off; where nobody knows, no rule speaks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from service.modes.last_known import FILE, LastKnown
from service.modes.modes import RETRY_S
from service.modes.quiet import Change, Mode
from tests.support.commands import run
from tests.support.signing import token
from tests.support.site import Site, lines, site

RULE = "lumbar-mri"


def rules(running: Site) -> set[str]:
    """The rules whose cards are shown."""
    reply = running.post(token())
    assert reply.status_code == 200, reply.text
    return {card["source"]["topic"]["code"] for card in reply.get_json()["cards"]}


def switch(folder: Path, mode: str) -> None:
    """Set the mode of the rule, as an administrator does."""
    done = run("rules", "set", RULE, "--client", "main", "--mode", mode, folder=folder)
    assert done.returncode == 0, done.stderr


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The store cannot be reached: it answers nobody, not even who reads."""
    file = folder / "data" / "store.sqlite"
    away = folder / "away"
    file.rename(away)
    file.mkdir()
    yield
    file.rmdir()
    away.rename(file)


def test_what_was_off_is_off_in_a_worker_that_starts_while_the_store_is_away(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with site(tmp_path) as running:
        switch(tmp_path, "off")
        assert RULE not in rules(running)
        capfd.readouterr()
        with locked(tmp_path):
            other = Site(running.settings)
            assert RULE not in rules(other)
            said = [line["event"] for line in lines(capfd.readouterr().err)]
            other.app.close()
    assert "rule modes not read" in said
    assert "rule modes as last known" in said
    assert (tmp_path / "data" / FILE).stat().st_mode & 0o777 == 0o600


def test_where_nobody_knows_what_is_off_no_rule_speaks_and_none_is_taken_for_silent(tmp_path: Path) -> None:
    with site(tmp_path) as running:
        switch(tmp_path, "off")
        with locked(tmp_path):
            reply = running.post(token())
            assert (reply.status_code, reply.headers["Retry-After"]) == (503, str(RETRY_S))
            assert "which rules are switched off" in reply.text
            running.app.health.look()
            ready = running.http.get("/health/ready")
            assert (ready.status_code, ready.get_json()["lacking"]) == (503, ["modes"])
        assert running.app.callers is not None
        running.app.callers.modes._clock = lambda: 1e12  # some seconds later
        running.app.health.look()
        assert running.http.get("/health/ready").status_code == 200
        assert RULE not in rules(running)


@pytest.mark.parametrize("content", [b"", b"[", b'[{"rule":"lumbar-mri"}]', b"\xff", b'{"a":1}'])
def test_a_file_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    with site(tmp_path) as running:
        (tmp_path / "data" / FILE).write_bytes(content)
        with locked(tmp_path):
            assert running.status() == 503


def test_a_folder_that_cannot_be_written_costs_no_answer(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with site(tmp_path) as running:
        (tmp_path / "data" / FILE).mkdir()
        assert RULE in rules(running)
        said = [line["event"] for line in lines(capfd.readouterr().err)]
    assert "rule modes not kept" in said
    assert [file.name for file in (tmp_path / "data").iterdir() if FILE in file.name] == [FILE]


def test_the_file_follows_the_store(tmp_path: Path) -> None:
    for mode in ("off", "live"):
        with site(tmp_path) as running:
            switch(tmp_path, mode)
            assert (RULE in rules(running)) is (mode == "live")
            with closing(sqlite3.connect(tmp_path / "data" / "store.sqlite")) as file:
                assert file.execute("SELECT mode FROM rule_modes ORDER BY id DESC").fetchone() == (mode,)
            assert f'"{mode}"' in (tmp_path / "data" / FILE).read_text()


def test_the_folder_is_made(tmp_path: Path) -> None:
    change = Change(rule=RULE, client="main", mode=Mode.OFF, who="A. Clinician", at=0)
    LastKnown(tmp_path / "data" / "own").keep([change])
    assert LastKnown(tmp_path / "data" / "own").read() == [change]
    assert (tmp_path / "data" / "own").stat().st_mode & 0o777 == 0o700
    LastKnown(None).keep([change])
    assert LastKnown(None).read() is None
