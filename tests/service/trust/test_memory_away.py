"""While the store cannot be written, cards come as ever, and feedback is not acknowledged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from service.memory.writer import RETRY_S
from tests.support.signing import AUDIENCE, VIEW, token
from tests.support.site import Site, lines, site

FEEDBACK = f"{VIEW}/feedback"
MESSAGE = {"feedback": [{"card": "a", "outcome": "overridden", "outcomeTimestamp": "2026-03-02T10:00:00Z"}]}


def send(main: Site) -> tuple[int, str | None]:
    """The status of a reply to feedback, and when to send it again."""
    reply = main.post(token(aud=f"{AUDIENCE}/feedback"), MESSAGE, path=FEEDBACK)
    return reply.status_code, reply.headers.get("Retry-After")


@pytest.mark.slow
def test_over_a_store_that_is_locked_answers_go_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with site(tmp_path) as main:
        file = tmp_path / "data" / "store.sqlite"
        with closing(sqlite3.connect(file, isolation_level=None)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            cards = [len(main.post(token()).get_json()["cards"]) for _ in range(3)]
            assert cards == [5, 5, 5]
            assert send(main) == (503, str(RETRY_S))
            assert send(main) == (503, str(RETRY_S)), "at once: it is not asked again so soon"
        said = [line["event"] for line in lines(capfd.readouterr().err)]
        assert said.count("feedback not kept") == 1
        assert send(main)[0] == 503, "nor is it when the store is back"
    with closing(sqlite3.connect(file)) as opened:
        tables = [opened.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("evaluations", "feedback")]
    assert tables == [3, 0], "what was answered meanwhile waited; what was not acknowledged is not there"


def test_feedback_without_a_store_is_not_acknowledged(tmp_path: Path) -> None:
    with site(tmp_path) as main:
        main.learn_modes()
        (tmp_path / "data").rename(tmp_path / "gone")
        assert main.status() == 200
        assert send(main) == (503, str(RETRY_S))
        (tmp_path / "gone").rename(tmp_path / "data")
