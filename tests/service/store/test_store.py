"""The store: what was used stays used, for everybody; and what happens when it is away."""

from __future__ import annotations

import json
import multiprocessing
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import URL

from service.store.database import Database, StoreAwayError, StoreFailedError, place, prepare
from service.store.used_tokens import RETRY_S, UsedTokens
from tests.support.racing import prepare_there, use_all

ISSUER = "https://ehr.example"
LATER = 4_000_000_000
SPAWN = multiprocessing.get_context("spawn")


class Time:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def count(url: URL) -> int:
    """How many tokens the store holds."""
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        number = int(connection.exec_driver_sql("SELECT count(*) FROM used_tokens").scalar_one())
    engine.dispose()
    return number


def test_a_token_is_used_once(database: Database) -> None:
    used, other = UsedTokens(database, 60), UsedTokens(database, 60)
    assert used.is_first(ISSUER, "a", LATER)
    assert not used.is_first(ISSUER, "a", LATER)
    assert not other.is_first(ISSUER, "a", LATER)
    assert other.is_first(ISSUER, "A", LATER), "another case is another token"
    assert other.is_first("https://other.example", "a", LATER), "and so is that of another issuer"


def test_what_has_expired_is_forgotten_in_time(url: URL, database: Database) -> None:
    now, steady = Time(), Time()
    used = UsedTokens(database, 60, clock=now, steady=steady)
    for number in range(5):
        assert used.is_first(ISSUER, f"old-{number}", 1500)
    now.now = 1501
    steady.now += 61
    assert not used.is_first(ISSUER, "old-1", 1500), "the clock of another machine may be slow"
    now.now = 1801
    assert used.is_first(ISSUER, "new", LATER)
    assert count(url) == 6, "not looked for at every call"
    steady.now += 61
    assert used.is_first(ISSUER, "newer", LATER)
    assert count(url) == 2


@pytest.mark.long
def test_of_many_workers_one_takes_a_token(url: URL) -> None:
    prepare(url)
    with SPAWN.Pool(2) as workers:
        taken = workers.map(use_all, [(url, 100)] * 2, chunksize=1)
    assert sum(taken) == 100


@pytest.mark.long
def test_services_that_start_together_make_the_tables_once(url: URL) -> None:
    with SPAWN.Pool(2) as workers:
        assert workers.map(prepare_there, [url] * 2, chunksize=1) == [True] * 2
    prepare(url)
    assert count(url) == 0


def test_who_goes_back_to_an_older_version_goes_on_with_the_newer_tables(
    url: URL, capfd: pytest.CaptureFixture[str]
) -> None:
    prepare(url)
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    prepare(url)
    assert json.loads(capfd.readouterr().err)["event"] == "store of a newer version"
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == "9999"
    engine.dispose()


@pytest.mark.long
def test_why_the_store_is_away_is_told_by_the_name_of_the_fault(tmp_path: Path) -> None:
    url = place(None, tmp_path)
    prepare(url)
    database = Database(url)
    with closing(sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreAwayError, match="SQLITE_BUSY"):
            database.alone("DELETE FROM used_tokens", ())
    assert database.alone("DELETE FROM used_tokens", ()) == 0, "and it is asked again"
    database.close()


class Away(Database):
    """A database that can be away."""

    is_away = False

    def _run(self, sql: str, values: object, *, is_again: bool = False) -> int:
        if self.is_away:
            raise StoreAwayError("OperationalError")
        return super()._run(sql, values, is_again=is_again)


def test_while_the_store_is_away_a_worker_knows_what_it_has_seen(url: URL) -> None:
    prepare(url)
    database, steady = Away(url), Time()
    used, other = UsedTokens(database, 60, steady=steady), UsedTokens(database, 60, steady=steady)
    assert used.is_first(ISSUER, "before", LATER)
    database.is_away = True
    assert used.is_first(ISSUER, "during", LATER)
    assert not used.is_first(ISSUER, "during", LATER)
    steady.now += 59.9
    assert used.is_first(ISSUER, "late", LATER)
    steady.now += 0.2
    with pytest.raises(StoreAwayError):
        used.is_first(ISSUER, "too late", LATER)
    assert not used.is_first(ISSUER, "during", LATER), "a replay is one, whatever is away"
    database.is_away = False
    steady.now += RETRY_S
    assert used.is_first(ISSUER, "after", LATER)
    assert not used.is_first(ISSUER, "before", LATER)
    assert not other.is_first(ISSUER, "during", LATER), "the store was told what was let in meanwhile"
    database.close()


def test_a_store_that_is_away_is_not_asked_at_every_call(url: URL) -> None:
    prepare(url)
    database, steady = Away(url), Time()
    used = UsedTokens(database, 60, steady=steady)
    database.is_away = True
    assert used.is_first(ISSUER, "one", LATER)
    database.is_away = False
    assert used.is_first(ISSUER, "two", LATER)
    assert count(url) == 0
    steady.now += RETRY_S
    assert used.is_first(ISSUER, "three", LATER)
    assert count(url) == 3
    database.close()


def test_without_grace_a_store_that_is_away_lets_nobody_in(url: URL) -> None:
    prepare(url)
    database = Away(url)
    database.is_away = True
    with pytest.raises(StoreAwayError):
        UsedTokens(database, 0).is_first(ISSUER, "one", LATER)
    database.close()


def test_a_database_that_is_not_there_says_so_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFailedError, match="data_dir cannot be created"):
        prepare(place(None, tmp_path / "file" / "data"))
    (tmp_path / "store.sqlite").write_text("this is no database, but it is long enough to be looked at" * 20)
    with pytest.raises(StoreFailedError, match="cannot be opened or written: SQLITE_NOTADB"):
        prepare(place(None, tmp_path))
    with pytest.raises(StoreFailedError, match="cannot be opened") as refused:
        prepare(place("postgresql://user:secret-value@/postgres?host=/nowhere", None))
    assert "secret-value" not in str(refused.value)


def test_a_file_that_another_program_holds_is_away_within_seconds(tmp_path: Path) -> None:
    url = place(None, tmp_path)
    prepare(url)
    database = Database(url)
    holder = sqlite3.connect(str(url.database), isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    used = UsedTokens(database, 60)
    assert used.is_first(ISSUER, "one", LATER)
    assert not used.is_first(ISSUER, "one", LATER)
    holder.close()
    database.close()
