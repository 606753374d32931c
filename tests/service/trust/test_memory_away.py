"""While the store cannot be written, cards come as ever, and feedback is not acknowledged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.memory.lasting import Lasting
from service.memory.writer import RETRY_S
from service.store.database import place, prepare
from service.wire.refusal import FeedbackAwayRefusedError
from tests.support.processes import until
from tests.support.remembered import AT, TENANTS, event
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
        until(lambda: send(main)[0] == 200)
    with closing(sqlite3.connect(file)) as opened:
        tables = [opened.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("evaluations", "feedback")]
    assert tables == [3, 1], "what was answered meanwhile waited; what was not acknowledged is not there"


def test_feedback_without_a_store_is_not_acknowledged(tmp_path: Path) -> None:
    with site(tmp_path) as main:
        main.learn_modes()
        (tmp_path / "data").rename(tmp_path / "gone")
        assert main.status() == 200
        assert send(main) == (503, str(RETRY_S))
        (tmp_path / "gone").rename(tmp_path / "data")


def test_a_store_that_was_away_is_asked_again_soon_and_then_less_often(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    seconds = [0.0]
    url = place(None, tmp_path / "data")
    prepare(url)
    keeping = Lasting(url, 365, lambda: datetime.fromtimestamp(AT / 1000, UTC), lambda: seconds[0])
    (tmp_path / "data").rename(tmp_path / "gone")
    asked = []
    for step in range(80):
        seconds[0] = step / 4
        with pytest.raises(FeedbackAwayRefusedError):
            keeping.take([event("a")], TENANTS)
        asked += [seconds[0]] * len(lines(capfd.readouterr().err))
    assert asked == [0, 0.5, 1.5, 3.5, 7.5, 12.5, 17.5]
    (tmp_path / "gone").rename(tmp_path / "data")
    seconds[0] = 23
    assert keeping.take([event("a")], TENANTS).new == 1
    keeping.close()
