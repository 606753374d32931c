"""The tables of the memory: each row once, whoever writes it how often and in whatever order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy
from alembic import command
from alembic.config import Config
from msgspec import structs
from sqlalchemy import URL

from service.memory.rows import Answer, Answered, Card, Evaluation, Feedback, Taken, UnknownCode, Verdict
from service.memory.tables import Tables
from service.store import migrations
from service.store.database import Database, StoreAwayError, StoreRefusedError, prepare
from service.store.used_tokens import UsedTokens
from tests.support.remembered import AT, TENANTS, answered, counts, event, rows

KINDS = (Evaluation, Verdict, Card, Feedback, UnknownCode)
JOINED = "SELECT uuid, outcome FROM answered_cards ORDER BY uuid"
WRITERS = 4
TRIES = 20


def tables_of(url: URL) -> Tables:
    """What reads and writes the tables, by connections of its own."""
    return Tables(Database(url), Database(url, is_durable=True))


@pytest.fixture
def tables(url: URL) -> Iterator[Tables]:
    """What reads and writes tables that are there."""
    prepare(url)
    opened = tables_of(url)
    yield opened
    opened.close()


def test_the_migration_makes_the_columns_that_are_written(url: URL, tables: Tables) -> None:
    engine = sqlalchemy.create_engine(url)
    looked = sqlalchemy.inspect(engine)
    columns = {kind.table: tuple(column["name"] for column in looked.get_columns(kind.table)) for kind in KINDS}
    engine.dispose()
    assert columns == {kind.table: kind.__struct_fields__ for kind in KINDS}


def test_what_is_written_stands_there_as_it_was(url: URL, tables: Tables) -> None:
    one = answered("a")
    tables.write([one])
    assert rows(url, "SELECT * FROM evaluations") == [structs.astuple(one.evaluation)]
    assert rows(url, "SELECT * FROM cards") == [structs.astuple(card) for card in one.cards]


def test_answers_are_written_once_and_share_their_verdicts(url: URL, tables: Tables) -> None:
    many = [answered(str(number)) for number in range(450)]
    tables.write(many)
    tables.write(many[:10])
    another = tables_of(url)
    another.write([*many[:5], answered("other", "s2")])
    another.close()
    assert counts(url) == {"evaluations": 451, "verdicts": 4, "cards": 451, "feedback": 0}


def test_an_answer_of_which_the_store_refuses_a_row_may_be_written_again(url: URL, tables: Tables) -> None:
    one = answered("a")
    none: Any = [None for _ in Card.__struct_fields__]
    with pytest.raises(StoreRefusedError):
        tables.write([Answered(one.evaluation, one.verdicts, (Card(*none),))])
    assert counts(url)["cards"] == 0
    tables.write([one])
    assert counts(url) == {"evaluations": 1, "verdicts": 2, "cards": 1, "feedback": 0}


def test_feedback_is_joined_to_its_card_whichever_comes_first(url: URL, tables: Tables) -> None:
    assert tables.take([event("card-a")], TENANTS) == Taken(new=1, unknown=1)
    assert rows(url, JOINED) == []
    tables.write([answered("a"), answered("b")])
    assert rows(url, JOINED) == [("card-a", "overridden"), ("card-b", None)]
    assert tables.take([event("card-b", outcome="accepted")], TENANTS) == Taken(new=1)
    assert rows(url, JOINED) == [("card-a", "overridden"), ("card-b", "accepted")]


def test_a_message_of_many_entries_gives_others_their_turn(
    url: URL, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept before the store fails is known when the whole message comes again."""
    monkeypatch.setattr("service.memory.tables._MOST_TAKEN", 3)
    tables.write([answered("a"), answered("b", client="other")])
    none: Any = [None for _ in Feedback.__struct_fields__]
    message = [event(f"card-{number}") for number in range(7)] + [event("card-a"), event("card-b")]
    with pytest.raises(StoreRefusedError):
        tables.take([*message[:6], structs.replace(Feedback(*none), card="", client="main")], TENANTS)
    assert counts(url)["feedback"] == 6
    assert tables.take(message, TENANTS) == Taken(new=2, again=6, unknown=7, others=1)
    assert counts(url)["feedback"] == 8


def test_one_card_may_be_answered_often(url: URL, tables: Tables) -> None:
    tables.write([answered("a")])
    later = event("card-a", "2", outcome="accepted", at=AT + 1)
    assert tables.take([event("card-a"), later, event("card-a")], TENANTS) == Taken(new=2, again=1)
    assert [outcome for _, outcome in rows(url, f"{JOINED}, answered_at")] == ["overridden", "accepted"]


@pytest.mark.parametrize("other", [{"client": "other"}, {"tenant": "https://other.example/fhir"}])
def test_a_card_of_another_client_or_tenant_takes_no_feedback(url: URL, tables: Tables, other: dict[str, Any]) -> None:
    early = event("card-a")
    assert tables.take([early], TENANTS) == Taken(new=1, unknown=1), "nobody knows yet whose it is"
    tables.write([answered("a", **other), answered("b")])
    assert rows(url, JOINED) == [("card-a", None), ("card-b", None)]
    assert tables.take([event("card-a", "2"), event("card-b")], TENANTS) == Taken(new=1, others=1)
    assert rows(url, JOINED) == [("card-a", None), ("card-b", "overridden")]


def test_a_card_of_no_tenant_in_particular_is_the_clients(url: URL, tables: Tables) -> None:
    tables.write([answered("a", tenant=""), answered("b")])
    several = event("card-b", tenant="")
    assert tables.take([event("card-a"), several], TENANTS) == Taken(new=2)
    assert rows(url, JOINED) == [("card-a", "overridden"), ("card-b", "overridden")]


@pytest.mark.parametrize("messages", [40, pytest.param(1000, marks=pytest.mark.long)])
def test_messages_sent_ten_times_in_any_order_by_four_writers_leave_one_row_each(url: URL, messages: int) -> None:
    prepare(url)
    events = [event(f"card-{number % 7}", str(number)) for number in range(messages)] * 10
    random.Random(1).shuffle(events)
    writers = [tables_of(url) for _ in range(WRITERS)]

    def take(writer: Tables, some: list[Feedback]) -> Taken:
        """As a client does: what was refused, on a machine that has much else to do, is sent again."""
        for _ in range(TRIES):
            with suppress(StoreAwayError):
                return writer.take(some, TENANTS)
        return writer.take(some, TENANTS)

    def send(number: int) -> Taken:
        taken = Taken()
        mine = events[number::WRITERS]
        for start in range(0, len(mine), 5):
            some = take(writers[number], mine[start : start + 5])
            taken.new, taken.again = taken.new + some.new, taken.again + some.again
        return taken

    with ThreadPoolExecutor(WRITERS) as threads:
        taken = list(threads.map(send, range(WRITERS)))
    for writer in writers:
        writer.close()
    assert sum(one.new for one in taken) == messages
    assert sum(one.again for one in taken) == messages * 9
    assert counts(url)["feedback"] == messages


PATIENT = "p" * 64
OTHER_CLIENT = {"client": "other"}
OTHER_TENANT = {"tenant": "https://other.example/fhir"}


def test_what_became_of_a_patients_cards_is_known_to_the_next_who_asks(url: URL, tables: Tables) -> None:
    early = event("card-b", "3", at=AT - 5)
    tables.take([early], TENANTS)
    tables.write([answered("a"), answered("b", asker=""), answered("c", patient="q" * 64), answered("d", at=AT - 1)])
    assert tables.answers(PATIENT, AT) == [Answer("afo", "info", "f" * 32, "", AT - 5, "overridden", "")]
    late = event("card-a", "2", outcome="accepted", at=AT + 5, received=AT + 3)
    tables.take([event("card-a", reason="contraindicated"), late, event("card-c"), event("card-d")], TENANTS)
    of_card = ("afo", "info", "f" * 32, "u" * 64)
    assert sorted(tables.answers(PATIENT, AT), key=lambda answer: answer.at)[1:] == [
        Answer(*of_card, AT, "overridden", "contraindicated"),
        Answer(*of_card, AT + 3, "accepted", ""),
    ], "nothing happens later than it is told of"


@pytest.mark.parametrize("other", [OTHER_CLIENT, OTHER_TENANT, {"shown": False}], ids=str)
def test_what_is_no_answer_to_a_card_that_was_shown(url: URL, tables: Tables, other: dict[str, Any]) -> None:
    tables.take([event("card-a"), event("card-b")], TENANTS)
    tables.write([answered("a", **other), answered("b")])
    assert len(tables.answers(PATIENT, AT)) == 1
    tables.take([event("card-a", "2"), event("card-b", "2")], TENANTS)
    assert len(tables.answers(PATIENT, AT)) == 2, "nor is it one when it comes later"
    joined = {uuid for uuid, _ in rows(url, JOINED)}
    assert joined == ({"card-b"} if "shown" in other else {"card-a", "card-b"})


@pytest.mark.parametrize(
    ("last", "count"),
    [
        ({}, 1),
        ({"asker": "user-3"}, 0),
        ({"asker": ""}, 0),
        ({"rule": "emg-ncs"}, 0),
        ({"patient": "q" * 64}, 0),
        ({"shown": False}, 0),
    ],
    ids=str,
)
def test_a_card_that_five_users_were_shown_and_none_answered_is_counted(
    url: URL, tables: Tables, last: dict[str, Any], count: int
) -> None:
    some = [answered(str(number), at=AT + 1, asker=f"user-{number}") for number in range(4)]
    tables.write([*some, answered("4", at=AT + 2, **{"asker": "user-4", **last})])
    assert tables.unheeded(AT) == [("afo", 1)] * count
    assert tables.unheeded(AT + 1) == [], "the first four were shown it before"
    tables.take([event("card-0", client="other")], TENANTS)
    assert tables.unheeded(AT) == [("afo", 1)] * count
    tables.take([event("card-0")], TENANTS)
    assert tables.unheeded(AT) == []


def test_what_was_answered_before_the_step_quietens_after_it(url: URL, tables: Tables) -> None:
    tables.write([answered("a"), answered("b"), answered("c", shown=False)])
    tables.take([event("card-a")], TENANTS)
    _migrate(url, "downgrade", "0003")
    assert counts(url)["cards"] == 2, "what was not shown is no card there"
    prepare(url)
    assert [answer.rule for answer in tables.answers(PATIENT, AT)] == ["afo"]
    assert rows(url, JOINED) == [("card-a", "overridden"), ("card-b", None)]


def test_what_a_statement_of_sql_would_mean_is_text(url: URL, tables: Tables) -> None:
    evil = ["'; DROP TABLE cards; --", '" OR 1=1', "%s %(x)s ? :a", "\\", "Ü\u2028😀", "x" * 4000]
    events = [event(f"card {text}", str(number), reason=text, comment=text) for number, text in enumerate(evil)]
    assert tables.take(events, TENANTS) == Taken(new=len(evil), unknown=len(evil))
    assert {reason for (reason,) in rows(url, "SELECT reason FROM feedback")} == set(evil)
    assert counts(url)["cards"] == 0


def test_what_is_old_is_forgotten_with_all_that_hangs_on_it(url: URL, tables: Tables) -> None:
    tables.write([*(answered(f"old-{number}", "s1", AT - 1) for number in range(3)), answered("new", "s2")])
    old = [event("card-old-1", received=AT - 1), event("card-nobody", received=AT - 1)]
    tables.take([*old, event("card-old-2"), event("card-new", received=AT - 1), event("card-late")], TENANTS)
    assert tables.forget(AT) == 3
    assert counts(url) == {"evaluations": 1, "verdicts": 2, "cards": 1, "feedback": 3}
    assert tables.forget(AT) == 0
    assert [card for (card,) in rows(url, "SELECT card FROM feedback ORDER BY card")] == [
        "card-late",
        "card-new",
        "card-old-2",
    ], "what came lately stays for as long as any other"


def test_the_step_can_be_taken_back_and_again(url: URL, tables: Tables) -> None:
    tables.write([answered("a")])
    used = UsedTokens(Database(url), 0)
    assert used.is_first("https://ehr.example", "one", 4_000_000_000)
    _migrate(url, "downgrade", "0001")
    assert not used.is_first("https://ehr.example", "one", 4_000_000_000), "the older tables are as they were"
    prepare(url)
    assert set(counts(url).values()) == {0}
    assert not used.is_first("https://ehr.example", "one", 4_000_000_000)
    used.close()


def _migrate(url: URL, way: str, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations.__path__[0]))
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        getattr(command, way)(config, to)
    engine.dispose()
