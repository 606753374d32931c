"""Much is forgotten while services write: none of them has to wait until it gives up."""

from __future__ import annotations

import threading

import pytest
from msgspec import structs
from sqlalchemy import URL

from service.memory.forgetting import forget_patient, purge
from service.memory.rows import Answered
from service.memory.tables import Tables
from service.store.database import Database, prepare
from service.store.hashing import keyed_hash
from tests.support.remembered import AT, CLIENT, TENANT, TENANTS, answered, counts, event

MANY = 10_000
HASHED = keyed_hash("k" * 32)
PATIENT = HASHED(CLIENT, TENANT, "Patient", "one")


def of(patient: str, name: str, at: int) -> Answered:
    """An answer about a patient."""
    one = answered(name, at=at)
    return structs.replace(one, evaluation=structs.replace(one.evaluation, patient=patient))


@pytest.mark.long
def test_whoever_writes_meanwhile_goes_on(url: URL) -> None:
    prepare(url)
    tables = Tables(Database(url), Database(url, is_durable=True))
    old = [of("o" * 64, f"old-{number}", AT - 1) for number in range(MANY)]
    tables.write([*old, *(of(PATIENT, f"one-{number}", AT) for number in range(500))])
    ended = threading.Event()
    written: list[str] = []
    errors: list[Exception] = []

    def write() -> None:
        try:
            while not ended.wait(0.005):
                name = str(len(written))
                tables.write([answered(name)])
                assert tables.take([event(f"card-{name}")], TENANTS).new == 1
                written.append(name)
        except Exception as error:
            errors.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        gone = purge(Database(url), AT)
        theirs = forget_patient(Database(url), HASHED, CLIENT, "one", None)
    finally:
        ended.set()
        writer.join()
    tables.close()
    assert errors == []
    assert (gone.evaluations, gone.cards) == (MANY, MANY)
    assert (theirs.evaluations, theirs.cards) == (500, 500)
    assert written
    there = counts(url)
    assert (there["evaluations"], there["cards"], there["feedback"]) == (len(written),) * 3
