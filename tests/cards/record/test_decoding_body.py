"""JSON that is refused whole: too large, too deep, not UTF-8, no JSON; and what is read all the same."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from cards.record.body import MAX_BYTES, MAX_DEPTH, check_body
from cards.record.decoding import read_resource
from cards.record.defects import Defect
from cards.record.errors import TooLargeError, UnreadableError
from cards.record.records import Patient, Resource


def read(raw: bytes) -> tuple[Resource | None, list[Defect]]:
    defects: list[Defect] = []
    return read_resource(raw, "conditions", defects), defects


# ---- the body as a whole ----


def arrays(levels: int) -> str:
    return "[" * levels + "1" + "]" * levels


def objects(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


def alternating(levels: int, odd: int) -> str:
    text = "1"
    for level in range(levels):
        text = f"[{text}]" if level % 2 == odd else '{"a":' + text + "}"
    return text


NESTINGS: dict[str, Callable[[int], str]] = {
    "arrays": arrays,
    "objects": objects,
    "arrays in objects": lambda levels: alternating(levels, 0),
    "objects in arrays": lambda levels: alternating(levels, 1),
}


@pytest.mark.parametrize("nesting", NESTINGS)
def test_a_hundred_levels_are_read(nesting: str) -> None:
    check_body(NESTINGS[nesting](MAX_DEPTH).encode())


@pytest.mark.parametrize("levels", [101, 150, 1_000])
@pytest.mark.parametrize("nesting", NESTINGS)
def test_more_levels_are_refused(nesting: str, levels: int) -> None:
    with pytest.raises(UnreadableError, match="nested more than 100 levels deep"):
        check_body(NESTINGS[nesting](levels).encode())


def test_depth_is_refused_wherever_it_stands() -> None:
    with pytest.raises(UnreadableError, match="nested"):
        check_body(b'{"shallow": [{}, [], {"a": []}], "deep": ' + arrays(100).encode() + b', "after": {}}')


@pytest.mark.parametrize(
    "text",
    ["[" * 500, "{" * 500, "[{" * 300, "]" * 500, 'a "quoted" [' * 120, "back\\slash [" * 120, 'ends in \\ [{"' * 120],
)
def test_brackets_inside_strings_are_no_levels(text: str) -> None:
    check_body(json.dumps({"text": text, "list": [text]}).encode())


def test_many_shallow_siblings_are_no_levels() -> None:
    check_body(json.dumps([{"a": [{}]}] * 5_000).encode())


def test_open_brackets_that_never_close_are_refused() -> None:
    with pytest.raises(UnreadableError, match="nested"):
        check_body(b"[" * 5_000)


def test_thirty_two_mebibytes_are_read_and_one_byte_more_is_not() -> None:
    assert MAX_BYTES == 32 * 1024 * 1024
    check_body(b'"' + b"x" * (MAX_BYTES - 2) + b'"')
    with pytest.raises(TooLargeError, match="32 MiB"):
        check_body(b'"' + b"x" * (MAX_BYTES - 1) + b'"')


@pytest.mark.parametrize("body", [b'{"a": "\xff"}', '{"a": "é"}'.encode("latin-1"), '{"a": "é"}'.encode("utf-16")])
def test_what_is_not_utf8_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableError, match="not UTF-8"):
        check_body(body)


def test_utf8_is_read() -> None:
    check_body('{"a": "é 脚 🦶"}'.encode())


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html><body>Sign in</body></html>",
        b"{",
        b'{"resourceType": "Patient",}',
        b'{"resourceType": "Patient", "x": NaN}',
        b'{"resourceType": "Patient", "x": Infinity}',
        b'{"resourceType": "Observation", "valueQuantity": {"value": NaN}}',
        b'{"resourceType": "Patient", "gender": 5, "x": NaN}',
        b'{"resourceType": "Bundle", "entry": 5, "x": NaN}',
        b'{"entry": {"resource": 5}, "x": nul}',
        b'{"resourceType": "Patient", "id": "\\ud800"}',
        b'{"resourceType": "Patient", "gender": 5, "id": "\\udc00\\ud800"}',
        b'{"resourceType": "Patient", "id": "\xff"}',
        b'{"resourceType": "Patient", "gender": 5, "id": "\xff"}',
        b'{"resourceType": "Bundle", "entry": [{"resource": {"gender": 5}}, {"resource": {"id": "\xff"}}]}',
    ],
)
def test_what_is_no_json_is_unreadable(text: bytes) -> None:
    """NaN, lone surrogates and bytes that are not UTF-8 are no JSON, wherever they stand."""
    with pytest.raises(UnreadableError):
        read(text)


def test_the_complaint_holds_nothing_of_the_text() -> None:
    with pytest.raises(UnreadableError) as complaint:
        read(b'{"resourceType": "Patient", "name": "Jane Roe", "x": NaN}')
    assert "Jane" not in str(complaint.value)


@pytest.mark.parametrize("value", [[], [{"resourceType": "Patient"}], "Patient/p1", 5, True, None])
def test_what_is_no_object_is_no_resource_and_counted(value: Any) -> None:
    record, defects = read(json.dumps(value).encode())
    assert record is None
    assert [defect.dropped for defect in defects] == [True]


def test_of_duplicate_members_the_last_wins() -> None:
    record, defects = read(b'{"resourceType":"Patient","id":"a","birthDate":"1950","id":"b","birthDate":"1960"}')
    assert isinstance(record, Patient)
    assert (record.id, record.birthDate, defects) == ("b", "1960", [])
    record, _ = read(b'{"resourceType":"Patient","gender":5,"id":"a","id":"b"}')
    assert record is not None
    assert record.id == "b"


def test_a_pair_of_surrogates_is_a_character() -> None:
    record, _ = read(b'{"resourceType": "Patient", "id": "\\ud83e\\uddb6"}')
    assert record is not None
    assert record.id == "🦶"


def test_a_number_out_of_range_is_refused_or_lost_but_ends_nothing() -> None:
    with contextlib.suppress(UnreadableError):
        record, _ = read(b'{"resourceType":"Observation","id":"o1","valueQuantity":{"value":1e999}}')
        assert record is not None
        assert record.id == "o1"
