"""A sample of `make fuzz`, with faults of rules hidden and not; and a check that it would notice wrong answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from service import faults
from service.app import create_app
from tests.fuzz import asking, judging
from tests.fuzz.bodies import eight, requests
from tests.fuzz.values import PATIENT, VALUES
from tests.support.patients import NOW
from tests.support.rules import book_with

SEED = 1
SLICE = range(100_000, 100_120)  # outside the bodies of `make fuzz`


def test_mutated_bodies_are_answered_well(app: Flask) -> None:
    report = asking.ask(app.test_client(), asking.bodies(SEED, SLICE))
    assert report.wrong == {}
    assert {200, 400, 422} <= report.statuses.keys(), "the mutations reach what is answered, and what is refused"


def test_so_they_are_where_faults_are_contained_as_in_serve(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "IS_ISOLATED", True)
    assert asking.ask(app.test_client(), asking.bodies(SEED, SLICE[:40])).wrong == {}


@pytest.mark.long
def test_a_few_paths_with_every_value_are_answered_well(app: Flask) -> None:
    report = asking.ask(app.test_client(), asking.every_path(3, 600))
    assert report.wrong == {}
    assert report.statuses.total() >= 2 * len(VALUES)


@pytest.mark.long
def test_every_hook_and_129_values_are_tried() -> None:
    assert len(eight()) == 8
    assert len({request["hook"] for _, request in eight()}) == 5
    assert len(set(VALUES)) == len(VALUES) == 129
    assert {request["context"]["patientId"] for request in requests().values()} == {PATIENT}


def test_a_body_follows_from_its_seed() -> None:
    assert list(asking.bodies(7, [3])) == list(asking.bodies(7, [3])) != list(asking.bodies(8, [3]))


def _raises(*_: object) -> Any:
    raise RuntimeError


def test_a_rule_that_raises_is_seen_and_its_body_is_kept(tmp_path: Path) -> None:
    client = create_app(now=NOW, dev=True, book=book_with({"lumbar-mri": _raises})).test_client()
    asked = [("1-2", "patient-view", json.dumps(requests()["new-l5-foot-drop"]).encode())]
    assert asking.ask(client, asked, tmp_path).wrong == {"1-2": ["the status is 500"]}
    (kept,) = tmp_path.iterdir()
    assert asking.again(kept)[1:] == asked[0][1:]


def _card(**members: Any) -> dict[str, Any]:
    topic = {"code": "afo"}
    return {"uuid": "b1d5c1f0-0000-4000-8000-000000000000", "summary": "Foot drop.", "indicator": "info",
            "source": {"label": "A guideline", "topic": topic}} | members  # fmt: skip


_ORDER = {"type": "create", "description": "Order it", "resource": {"resourceType": "ServiceRequest", "id": "x"}}


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (200, {"cards": [_card(), _card()]}),
        (200, {"cards": [_card(summary="x" * 140)]}),
        (200, {"cards": [_card(indicator="loud")]}),
        (200, {"cards": [_card(detail="")]}),
        (200, {"cards": [_card(detail="a\x1b[31m")]}),
        (200, {"cards": [_card(detail="Stranger9q4")]}),
        (200, {"cards": [_card(links=[{"label": "a", "url": "http://x.example", "type": "absolute"}])]}),
        (200, {"cards": [_card(suggestions=[{"label": "a", "uuid": judging.ANY_UUID, "actions": [_ORDER]}])]}),
        (200, {"cards": [_card(extension={"a.b": float("nan")})]}),
        (200, {"cards": [{}]}),
        (200, {"cards": [], "systemActions": []}),
        (400, {"resourceType": "OperationOutcome", "issue": [{"diagnostics": "no"}]}),
        (400, {"issue": []}),
        (418, {}),
    ],
)
def test_what_is_wrong_is_seen(status: int, told: Any) -> None:
    assert judging.reply_faults(status, "application/json", json.dumps(told).encode(), 0.0) != []


@pytest.mark.parametrize("words", ["Secretive7f3", PATIENT])
def test_a_refusal_that_repeats_the_record_is_seen(words: str) -> None:
    issue = {"severity": "error", "code": "invalid", "diagnostics": f"{words} is no id"}
    told = {"resourceType": "OperationOutcome", "issue": [issue]}
    body = json.dumps(told).encode()
    assert judging.reply_faults(400, "application/json", body, 0.0) == ["the refusal says something of the patient"]


def test_two_seconds_of_computing_are_too_many() -> None:
    assert judging.reply_faults(200, "application/json", b'{"cards": []}', 2.1) == ["2.1 s of CPU time"]
