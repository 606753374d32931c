"""What is read of a body does not depend on the bodies before it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cards.record.records import Bundle
from service.wire.request import HookRequest, read
from tests.support import vignettes
from tests.support.patients import FOOT_DROP, NOW

_MISFIT = {"resource": {"resourceType": "Condition", "id": "m", "onsetDateTime": 5}}
_NO_STATUS = {"resource": {"resourceType": "Observation", "status": ["a", "b"]}}
_NO_BIRTH_DATE = {"resource": {"resourceType": "Patient", "birthDate": 5}}
_LIKE_A_PLACE = {"resource": {"resourceType": "x - at `$.prefetch.reports.entry[...].resource`", "id": 5}}
_STRANGERS: dict[str, dict[str, list[dict[str, Any]]]] = {
    "all fits": {},
    "a misfit": {"conditions": [_MISFIT]},
    "a misfit of another key": {"observations": [_NO_STATUS]},
    "misfits of two keys": {"conditions": [_MISFIT], "observations": [_NO_STATUS]},
    "a misfit of a key that is read by its id": {"patient": [_NO_BIRTH_DATE]},
    "a type that names another key": {"conditions": [_LIKE_A_PLACE, _MISFIT]},
    "a type of another edition": {"conditions": [{"resource": {"resourceType": "NutritionIntake", "id": "n"}}]},
    "a type that no rule reads": {"conditions": [{"resource": {"resourceType": "Flag", "id": "f"}}]},
    "an entry without a resource": {"conditions": [{"search": {"mode": "match"}}]},
    "both": {"conditions": [{"resource": None}, _MISFIT]},
}


def _body(shape: str) -> bytes:
    request = vignettes.request(FOOT_DROP, "patient-view", NOW)
    for key, strangers in _STRANGERS[shape].items():
        if request["prefetch"][key]["resourceType"] != "Bundle":
            request["prefetch"][key] = {"resourceType": "Bundle"}
        bundle = request["prefetch"][key]
        bundle["entry"] = bundle.get("entry", []) + strangers
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
