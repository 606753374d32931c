"""Answers are written later, by a thread; whatever the store does, nobody waits, and what is lost is counted."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import URL, event

from service.memory.rows import Answered, Card
from service.memory.tables import Tables
from service.memory.writer import MOST_WAITING, PAUSE_S, Writer
from service.operations.metrics import METRICS
from service.store.database import Database, place, prepare
from tests.support.processes import TIMEOUT, until
from tests.support.remembered import AT, answered, counts

DAY = 86_400_000  # milliseconds
SOON = 0.2  # seconds of CPU time, some fifty times what putting an answer aside takes


def now() -> datetime:
    """A moment at which nothing is old."""
    return datetime.fromtimestamp(AT / 1000, UTC)


def writer_of(url: URL, on_connect: str = "") -> Writer:
    """A writer; `on_connect` is said to the database first, as an administrator would set it up."""
    database = Database(url)
    if on_connect:
        event.listen(database._engine, "connect", lambda connection, _: connection.execute(on_connect))
    return Writer(Tables(database, Database(url)), 365, now)


class Log:
    """The events of the log, so far."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd
        self._events: list[str] = []

    @property
    def events(self) -> list[str]:
        """All of them, in order."""
        said = self._capfd.readouterr().err
        self._events += [json.loads(line)["event"] for line in said.splitlines()]
        return self._events


@pytest.fixture
def log(capfd: pytest.CaptureFixture[str]) -> Log:
    """The log of this test."""
    return Log(capfd)


@pytest.fixture
def there(url: URL) -> URL:
    """Where empty tables are."""
    prepare(url)
    return url


def test_what_was_put_aside_is_written_within_a_second(there: URL) -> None:
    writer = writer_of(there)
    writer.put(partial(answered, "a"))
    until(lambda: counts(there)["cards"] == 1)
    writer.put(partial(answered, "b"))
    until(lambda: counts(there)["cards"] == 2)
    writer.close()
    assert writer.lost == 0


def test_what_waits_is_written_at_the_end(there: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.memory.writer.FLUSH_S", TIMEOUT)  # however busy the machine is
    writer = writer_of(there)
    for number in range(1000):
        writer.put(partial(answered, str(number)))
    writer.close()
    assert (counts(there)["evaluations"], writer.lost) == (1000, 0)


def test_a_writer_that_had_nothing_to_write_ends(there: URL) -> None:
    writer_of(there).close()


def test_one_answer_that_the_store_does_not_take_costs_itself_alone(there: URL, log: Log) -> None:
    one = answered("bad")
    none: Any = [None for _ in Card.__struct_fields__]
    writer = writer_of(there)
    for answer in (answered("a"), Answered(one.evaluation, one.verdicts, (Card(*none),)), answered("b")):
        writer.put(partial(deepcopy, answer))
    writer.close()
    assert (counts(there)["cards"], writer.lost) == (2, 1)
    assert log.events == ["fault", "answers not kept"]


def test_one_answer_whose_rows_cannot_be_made_costs_itself_alone(there: URL, log: Log) -> None:
    writer = writer_of(there)
    for rows in (partial(answered, "a"), partial(int, "no number"), partial(answered, "b")):
        writer.put(rows)  # type: ignore[arg-type]
    writer.close()
    assert (counts(there)["cards"], writer.lost) == (2, 1)
    assert log.events == ["fault", "answers not kept"]


def test_whatever_is_raised_beside_the_writing_does_not_end_it(there: URL, log: Log) -> None:
    def no_descriptors() -> datetime:
        raise OSError(24, "Too many open files")

    writer = Writer(Tables(Database(there), Database(there)), 365, no_descriptors)
    writer.put(partial(answered, "a"))
    until(lambda: "fault" in log.events)
    writer.put(partial(answered, "b"))
    until(lambda: counts(there)["cards"] == 2)
    writer.close()
    assert writer.lost == 0


@pytest.mark.long
def test_a_clock_that_jumps_ahead_forgets_nothing(there: URL, log: Log) -> None:
    def a_decade_ahead() -> datetime:
        return now() + timedelta(days=3650)

    tables = Tables(Database(there), Database(there))
    tables.write([answered(f"of-{day}", at=AT - day * DAY) for day in range(3)])
    writer = Writer(tables, 365, a_decade_ahead)
    writer.put(partial(answered, "jumped", at=AT + 3650 * DAY))
    until(lambda: "old answers not forgotten" in log.events)
    writer.close()
    assert counts(there)["cards"] == 4
    tables = Tables(Database(there), Database(there))
    tables.write([answered("used-since", at=AT + 3300 * DAY)])  # the time has passed: then the old are forgotten
    writer = Writer(tables, 365, a_decade_ahead)
    writer.put(partial(answered, "today", at=AT + 3650 * DAY))
    until(lambda: counts(there)["cards"] == 3)
    writer.close()
    assert log.events.count("old answers not forgotten") == 1


@contextmanager
def locked(url: URL) -> Iterator[None]:
    """Another program holds the tables."""
    engine = sqlalchemy.create_engine(url)
    sqlite = url.get_backend_name() == "sqlite"
    with engine.connect() as connection:
        if not sqlite:
            connection.exec_driver_sql("LOCK TABLE evaluations IN ACCESS EXCLUSIVE MODE")
        else:
            held: Any = connection.connection.driver_connection
            held.isolation_level = None
            held.execute("BEGIN EXCLUSIVE")
        yield
        connection.rollback()
        if sqlite:
            held.execute("ROLLBACK")
    engine.dispose()


def test_while_the_tables_are_locked_answers_wait_and_come_after(there: URL, log: Log) -> None:
    writer = writer_of(there)
    with locked(there):
        writer.put(partial(answered, "a"))
        time.sleep(PAUSE_S * 2)
        took = _cpu(lambda: writer.put(partial(answered, "b")))
        until(lambda: "memory away" in log.events)
    assert took < SOON
    writer.close()
    assert (counts(there)["evaluations"], writer.lost) == (2, 0)


def _cpu(call: Callable[[], None]) -> float:
    start = time.thread_time()
    call()
    return time.thread_time() - start


def _broken(url: URL, log: Log, on_connect: str) -> None:
    """Over a store that takes nothing: so many answers wait, and those beyond them are lost and counted."""
    writer = writer_of(url, on_connect)
    told = METRICS.not_kept._here[0]
    for number in range(MOST_WAITING + 7):
        writer.put(partial(answered, str(number)))
    assert writer.lost == 7
    until(lambda: "memory away" in log.events)
    writer.close()
    assert writer.lost == METRICS.not_kept._here[0] - told == MOST_WAITING + 7
    assert "answers not kept" in log.events


@pytest.mark.parametrize(
    "on_connect", ["PRAGMA max_page_count = 1", "PRAGMA query_only = ON"], ids=["full", "read-only"]
)
def test_a_file_that_takes_nothing(tmp_path: Path, log: Log, on_connect: str) -> None:
    url = place(None, tmp_path)
    prepare(url)
    _broken(url, log, on_connect)
    assert counts(url)["evaluations"] == 0


@pytest.mark.slow
def test_a_server_that_takes_nothing(server: Any, log: Log) -> None:
    server.empty()
    url = place(server.url, None)
    prepare(url)
    _broken(url, log, "SET default_transaction_read_only = on")
    server.stop()
    _broken(url, log, "")
    server.start()
    assert set(counts(url).values()) == {0}


def test_a_file_that_was_away_is_written_when_it_is_back(tmp_path: Path, log: Log) -> None:
    url = place(None, tmp_path / "data")
    prepare(url)
    (tmp_path / "data").rename(tmp_path / "gone")
    writer = writer_of(url)
    writer.put(partial(answered, "a"))
    until(lambda: "memory away" in log.events)
    (tmp_path / "gone").rename(tmp_path / "data")
    writer.close()
    assert (counts(url)["cards"], writer.lost) == (1, 0)
    with closing(sqlite3.connect(str(url.database))) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
