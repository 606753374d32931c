"""What codes meant is remembered from one patient to the next, within bounds."""

from __future__ import annotations

import json
from collections.abc import Iterable
from sys import getsizeof

from msgspec import Raw

from cards.record.codes import Codes, RecordCodes
from cards.record.defects import Defects
from cards.record.records import Condition

_SYSTEM = "http://snomed.info/sct"
_FOOT_DROP = {"coding": [{"system": _SYSTEM, "code": "6077001"}]}


def _keys(codes: Codes, written: Iterable[object]) -> list[list[str]]:
    reader = RecordCodes(codes, Defects())
    texts = [Raw(json.dumps(one).encode()) for one in written]
    return [[meaning.key for meaning in reader.meanings(Condition(), text)] for text in texts]


def _held(codes: Codes) -> int:
    return sum(getsizeof(text) for text in codes.seen.meanings)


def test_a_code_means_the_same_the_second_time() -> None:
    codes = Codes()
    strange = {"coding": [{"system": _SYSTEM, "code": "1"}]}
    first = _keys(codes, [_FOOT_DROP, strange])
    assert first == _keys(codes, [_FOOT_DROP, strange]) == [["condition.foot-drop"], []]


def test_codes_that_nobody_else_has_take_no_more_than_their_room_and_hide_no_other() -> None:
    codes = Codes()
    for turn in range(4):
        strange = [{"coding": [{"code": f"{turn}-{number}"}], "text": "x" * 1_000} for number in range(2_000)]
        assert not any(_keys(codes, strange))
        assert _held(codes) <= 5 * 1024 * 1024
    assert _keys(codes, [_FOOT_DROP]) == [["condition.foot-drop"]]
    assert len(codes.seen.meaningless) <= len(codes.seen.meanings)


def test_a_long_code_is_read_and_not_remembered() -> None:
    codes = Codes()
    assert _keys(codes, [_FOOT_DROP | {"text": "x" * 10_000}]) == [["condition.foot-drop"]]
    assert _held(codes) < 1_000
