"""Codes that no value set knows: what is kept of them, that it is forgotten, and what the report says."""

from __future__ import annotations

from typing import Any

from msgspec import structs
from sqlalchemy import URL

from service.memory.rows import UnknownCode
from service.memory.tables import Tables
from service.store.database import Database
from tests.support.remembered import AT, CLIENT, rows
from tests.support.reported import DAY, evaluation, keep, reported

TODAY = AT - AT % DAY


def sampled(sample: str, *codes: str, **changes: Any) -> tuple[UnknownCode, ...]:
    """An answer that was looked at, in which these codes are not known."""
    own = (sample, changes.get("day", TODAY), CLIENT)
    told = [UnknownCode(*own, "conditions", "https://hospital.example/problems", code, "") for code in codes]
    return (UnknownCode(*own, "", "", "", ""), *told)


def test_codes_are_reported_with_the_number_of_answers_that_were_looked_at(url: URL) -> None:
    told = [sampled("a", "X1", "X2"), sampled("b", "X1"), sampled("c"), sampled("d", "X9", day=TODAY - 9 * DAY)]
    keep(url, [structs.replace(evaluation(n), unknown=unknown) for n, unknown in enumerate(told)])
    report = reported(url)
    assert report.looked_at == 3
    assert [(one.key, one.code, one.evaluations) for one in report.not_understood] == [
        ("conditions", "X1", 2),
        ("conditions", "X2", 1),
    ]
    assert [one.code for one in reported(url, least=2).not_understood] == ["X1"]
    assert reported(url, client="another").looked_at == 0


def test_they_are_written_once_and_forgotten_with_the_answers(url: URL) -> None:
    one = structs.replace(evaluation(1), unknown=sampled("a", "X1"))
    keep(url, [one])
    keep(url, [one, structs.replace(evaluation(2, day=5), unknown=sampled("b", day=TODAY + 5 * DAY))])
    counted = "SELECT sample, count(*) FROM unknown_codes GROUP BY sample ORDER BY sample"
    assert rows(url, counted) == [("a", 2), ("b", 1)]
    tables = Tables(Database(url), Database(url, is_durable=True))
    tables.forget(AT + 2 * DAY)
    tables.close()
    assert rows(url, counted) == [("b", 1)]
