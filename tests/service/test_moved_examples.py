"""An example as it is told at another moment, and what counts as the same answer."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from service import examples
from tests.support.patients import NOW


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder of one tiny example."""
    folder = tmp_path / "examples"
    (folder / "tiny").mkdir(parents=True)
    (folder / "index.toml").write_text(
        'now = 2026-03-02T10:00:00Z\n[examples.tiny]\ntitle = "A tiny one"\nstory = "Once."\n'
    )
    made = {"uuid": "6f1d1c1e-33a5-4a51-8b1c-0a2b6d8f9e01", "summary": "Seen 2026-02-27 at noon"}
    parts = {
        "bundle": {"resourceType": "Bundle", "birthDate": "1966-03-02", "note": "on 2026-03-01, again"},
        "request": {"hook": "patient-view", "at": "2026-03-02T08:30:00.250+02:00", "id": "a-2026-03-02"},
        "response": {"cards": [made]},
    }
    for name, part in parts.items():
        (folder / "tiny" / f"{name}.json").write_text(json.dumps(part))
    return folder


def test_an_example_is_listed_and_loaded(shelf: Path) -> None:
    assert examples.names(shelf) == {"tiny": "A tiny one"}
    tiny = examples.load("tiny", shelf)
    assert tiny.now == NOW
    assert tiny.story == "Once."
    with pytest.raises(examples.UnknownExampleError, match="did you mean tiny"):
        examples.load("tinny", shelf)
    with pytest.raises(examples.UnknownExampleError, match="lists them all"):
        examples.load("big", shelf)


def test_an_example_moves_instants_exactly_and_dates_by_days(shelf: Path) -> None:
    later = examples.load("tiny", shelf).at(NOW + timedelta(days=30, hours=20))
    assert later.bundle["birthDate"] == "1966-04-02"
    assert later.bundle["note"] == "on 2026-04-01, again"
    assert later.request["at"] == "2026-04-02T04:30:00.250+02:00"
    assert later.request["id"] == "a-2026-03-02"
    assert later.response["cards"][0]["summary"] == "Seen 2026-03-30 at noon"
    assert later.now == NOW + timedelta(days=30, hours=20)


def test_moving_there_and_back_changes_nothing(shelf: Path) -> None:
    tiny = examples.load("tiny", shelf)
    there = NOW + timedelta(days=412, hours=3, minutes=7)
    assert tiny.at(there).at(NOW) == tiny


def test_moving_keeps_the_backslashes_of_markdown() -> None:
    assert examples.moved("said 2026\\-02\\-27", NOW, NOW + timedelta(days=2)) == "said 2026\\-03\\-01"


def test_masked_answers_are_compared_but_for_what_the_clock_does() -> None:
    def answer(uuid: str, created: str, authored: str, summary: str = "since 2026-02-27") -> dict[str, Any]:
        resource = {"id": created, "authoredOn": authored, "subject": {"reference": "Patient/" + "0" * 8}}
        action = {"type": "create", "resource": resource}
        return examples.mask(
            {"cards": [{"uuid": uuid, "summary": summary, "suggestions": [{"uuid": uuid, "actions": [action]}]}]}
        )

    one = answer("6f1d1c1e-33a5-4a51-8b1c-0a2b6d8f9e01", "7f1d1c1e-33a5-4a51-8b1c-0a2b6d8f9e01", "2026-03-02T10:00:00Z")
    other = answer(
        "8f1d1c1e-33a5-4a51-8b1c-0a2b6d8f9e01", "9f1d1c1e-33a5-4a51-8b1c-0a2b6d8f9e01", "2026-03-02T10:00:04Z"
    )
    assert list(examples.differences(one, one)) == []
    assert list(examples.differences(one, other)) == []
    late = answer(examples.MASK, examples.MASK, "2026-03-02T10:30:00Z")
    assert len(list(examples.differences(one, late))) == 1
    worded = answer(examples.MASK, examples.MASK, "2026-03-02T10:00:00Z", "until 2026-02-27")
    assert "summary" in next(examples.differences(one, worded))
    assert list(examples.differences(one, {"cards": []}))
    assert sorted(examples.differences({"a": 1}, {"b": 1})) == [
        "answer.a is missing",
        "answer.b is not expected",
    ]
