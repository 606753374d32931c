"""A line means what its JSON means, however that is written; every line is counted under what became of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from service.app import evaluator
from service.backtest.as_of import KnownBy
from service.backtest.lines import Fate, Line
from service.backtest.moments import Plan
from service.backtest.patient import Backtest
from service.settings import Settings
from tests.support.exports import FOOT_DROP

Read = Callable[[bytes], Line]
PLAIN = json.dumps(FOOT_DROP)


@pytest.fixture(scope="module")
def backtest() -> Backtest:
    settings = Settings(dev=True)
    return Backtest(
        lambda now, reader: evaluator(settings, now, None, reader), Plan(), KnownBy.RECORDED, frozenset(), 20_000
    )


@pytest.fixture
def read(backtest: Backtest) -> Read:
    return backtest.line_reader(Counter()).read


def meant(line: Line) -> tuple[Any, ...]:
    return line.fate, line.patient, line.kind, line.id, line.known, line.is_trigger


@pytest.mark.parametrize(
    "written",
    [
        json.dumps(dict(reversed(FOOT_DROP.items()))),
        json.dumps(FOOT_DROP, indent=1).replace("\n", "\t"),
        PLAIN.replace('"resourceType"', '"resource\\u0054ype"'),
        PLAIN.replace('"Condition"', '"Cond\\u0069tion"'),
        PLAIN.replace("Patient/p1", "Patient\\/p1"),
        PLAIN.replace('"M21.372"', '"M21\\u002e372"'),
        PLAIN.replace('"code": {"coding": [{"system"', '"code": {"coding": [ { "system"'),
        json.dumps({"extension": [{"resourceType": "Claim", "subject": {"reference": "Patient/p9"}}]} | FOOT_DROP),
        json.dumps({"note": [{"text": '"resourceType": "Claim", "subject": "Patient/p9"'}]} | FOOT_DROP),
        json.dumps({"resourceType ": "Claim", "id ": "x"} | FOOT_DROP),
    ],
)
def test_however_it_is_written_a_line_means_the_same(read: Read, written: str) -> None:
    assert json.loads(written)["subject"] == FOOT_DROP["subject"]
    assert meant(read(written.encode())) == meant(read(PLAIN.encode()))
    assert read(PLAIN.encode()).is_trigger


@pytest.mark.parametrize(
    ("written", "fate"),
    [
        (PLAIN.replace("{", '{"resourceType": "Claim",', 1), Fate.KEPT),
        (PLAIN.replace("{", '{"resourceType": 7,', 1), Fate.KEPT),
        (PLAIN[:-1] + ', "subject": {"reference": "Patient/p2"}}', Fate.KEPT),
        (PLAIN.replace('"id": "drop"', '"id": 7'), Fate.KEPT),
        (PLAIN.replace('"code": {', '"component": "x", "code": {'), Fate.KEPT),
        ('{"contained": [{"resourceType": "Condition"}]}', Fate.NO_RESOURCE),
        ('{"resourceType": {"resourceType": "Condition"}}', Fate.NO_RESOURCE),
        ('{"resourceType": null}', Fate.NO_RESOURCE),
        ('{"resourceType": ""}', Fate.NO_RESOURCE),
        ('"Condition"', Fate.NO_RESOURCE),
        ('{"resourceType": "condition"}', Fate.UNKNOWN_TYPE),
        ('{"resourceType": "Wonder", "subject": 1}', Fate.UNKNOWN_TYPE),
        ('{"resourceType": "Wonder"', Fate.NO_JSON),
        ('{"resourceType": "Claim"', Fate.NO_JSON),
        ('{"resourceType": "Claim", "x": [}', Fate.NO_JSON),
        (PLAIN[:-1], Fate.NO_JSON),
        (PLAIN.replace('"id": "drop"', '"id": 7')[:-1], Fate.NO_JSON),
        (PLAIN + PLAIN, Fate.NO_JSON),
        ("[" * 100_000, Fate.NO_JSON),
    ],
)
def test_what_is_odd_is_kept_and_looked_at_or_counted(read: Read, written: str, fate: Fate) -> None:
    line = read(written.encode())
    assert line.fate is fate
    if fate is Fate.KEPT:
        assert line.is_trigger
        assert line.kind == "Condition"


def test_a_control_character_within_a_line_of_another_fault_does_not_lose_it(read: Read) -> None:
    line = read(PLAIN.replace('"id": "drop"', '"id": 7').replace("M21.372", "M21.372\x01").encode())
    assert (line.fate, line.patient) == (Fate.KEPT, "p1")
