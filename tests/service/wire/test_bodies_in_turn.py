"""What is read of a body does not depend on the bodies before it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cards.record.records import Bundle
from service.wire.request import HookRequest, read
from tests.support import vignettes
from tests.support.patients import FOOT_DROP, NOW

_STRANGERS: dict[str, list[dict[str, Any]]] = {
    "all fits": [],
    "a misfit": [{"resource": {"resourceType": "Condition", "id": "m", "onsetDateTime": 5}}],
    "a type of another edition": [{"resource": {"resourceType": "NutritionIntake", "id": "n"}}],
    "a type that no rule reads": [{"resource": {"resourceType": "Flag", "id": "f"}}],
    "an entry without a resource": [{"search": {"mode": "match"}}],
    "both": [{"resource": None}, {"resource": {"resourceType": "Condition", "id": "m", "onsetDateTime": 5}}],
}


def _body(shape: str) -> bytes:
    request = vignettes.request(FOOT_DROP, "patient-view", NOW)
    bundle = request["prefetch"]["conditions"]
    bundle["entry"] += _STRANGERS[shape]
    bundle["total"] = len(bundle["entry"])
    return json.dumps(request).encode()


def _said(request: HookRequest) -> tuple[HookRequest, int]:
    return request, request.defects.total


@pytest.mark.parametrize("shape", _STRANGERS)
def test_a_body_is_read_alike_after_any_other(shape: str) -> None:
    body = _body(shape)
    after = []
    for other in _STRANGERS:
        read(_body(other))
        after.append(_said(read(body)))
    assert all(one == after[0] for one in after)


@pytest.mark.parametrize("before", ["all fits", "a misfit"])
def test_an_entry_without_a_resource_stays_where_all_others_fit(before: str) -> None:
    read(_body(before))
    conditions = read(_body("an entry without a resource")).prefetch["conditions"]
    assert isinstance(conditions, Bundle)
    assert conditions.entry is not None
    assert len(conditions.entry) == conditions.total
