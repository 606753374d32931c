"""Large pages are read in short steps, to the same records as small ones."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cards.record.decoding import read_resource
from cards.record.defects import Defect
from cards.record.errors import TooLargeError, UnreadableError
from cards.record.pages import read_page
from cards.record.records import Bundle

NEXT = [{"relation": "next", "url": "http://ehr.example/fhir?page=2"}]


def condition(number: int, **more: Any) -> dict[str, Any]:
    """A record of a kibibyte."""
    return {"resourceType": "Condition", "id": f"c{number}", "note": [{"text": "x" * 1000}], **more}


def page(*records: Any, **more: Any) -> bytes:
    """A Bundle of these records; None is an entry without one."""
    entries = [{} if record is None else {"resource": record} for record in records]
    return json.dumps({"resourceType": "Bundle", "entry": entries, "link": NEXT, **more}).encode()


def read(raw: bytes) -> tuple[Any, list[Defect], int]:
    """The resource, the defects, and how often it was asked whether to go on."""
    asked: list[int] = []
    defects: list[Defect] = []
    resource = read_page(raw, "conditions", defects, lambda: asked.append(1))
    return resource, defects, len(asked)


ODD = [
    condition(1, code=7),
    condition(2, subject="Patient/p1"),
    None,
    {"resourceType": 5},
    {"id": "untyped"},
    "no record",
    None,
    condition(3, code={"coding": {"system": "s", "code": "c"}}),
    {"resourceType": "Medication", "id": "m"},
    {"resourceType": "Immunization", "id": "i"},
]


@pytest.mark.parametrize("raw", [page(*ODD), page(*map(condition, range(600)), *ODD, *map(condition, range(5)))])
def test_in_parts_and_at_once_the_records_and_the_defects_are_the_same(raw: bytes) -> None:
    defects: list[Defect] = []
    at_once = read_resource(raw, "conditions", defects)
    resource, found, asked = read(raw)
    assert isinstance(resource, Bundle)
    assert (resource, found) == (at_once, defects)
    assert (asked > 600) is (len(raw) > 256 * 1024)


def test_reading_ends_when_it_may_not_go_on() -> None:
    class LateError(Exception):
        pass

    left = [1] * 10

    def go_on() -> None:
        if not left:
            raise LateError
        left.pop()

    with pytest.raises(LateError):
        read_page(page(*map(condition, range(600))), "conditions", [], go_on)


def test_a_record_of_too_many_elements_is_left_out_and_said_so() -> None:
    heavy = condition(7, evidence=[{}] * 20_001)
    resource, defects, _ = read(page(*map(condition, range(600)), heavy))
    assert len(resource.entry) == 600
    assert [(defect.where, defect.dropped) for defect in defects] == [("conditions, entry 601", True)]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"resourceType": "Bundle", "entry": [' + b"{}," * 150_001 + b"{}]}",
        b'{"resourceType": "Condition", "note": [' + b"1," * 1_000_001 + b"1]}",
        b'{"resourceType": "Condition", "id": "' + b"\\n" * 1_000_001 + b'"}',
        json.dumps(condition(1, evidence=[{"x": "y" * 20}] * 20_001)).encode(),
    ],
)
def test_a_page_of_too_many_elements_is_refused(raw: bytes) -> None:
    with pytest.raises(TooLargeError, match="more elements than are read"):
        read(raw)


@pytest.mark.parametrize("raw", [page(*map(condition, range(600)))[:-3], b"[" + b" " * 300_000 + b"]", b"x" * 300_000])
def test_what_is_no_page_is_unreadable(raw: bytes) -> None:
    with pytest.raises(UnreadableError):
        read(raw)


def test_a_single_large_record_is_read() -> None:
    resource, defects, _ = read(json.dumps(condition(1, attachment="x" * 2_000_000)).encode())
    assert (resource.id, defects) == ("c1", [])
