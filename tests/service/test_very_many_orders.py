"""More orders, or new problems, than anybody writes at once: the first are read, and no silence rests on them alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import vignettes
from tests.support.commands import run
from tests.support.patients import FOOT_DROP, NOW, Ask

Json = dict[str, Any]
MOST = 500
UNREAD = "An order that is being written could not be read: check it."
SLOW_MRI = {"id": "m", "resourceType": "ServiceRequest", "code": "mri-lumbar", "priority": "routine"}


def _signing(count: int) -> Json:
    """A slow MRI beside signs of cauda equina syndrome, and other orders up to this count."""
    conditions = [*FOOT_DROP["conditions"], {"code": "cauda-equina-syndrome", "onsetDaysAgo": 1}]
    others = [{"id": f"d{n}", "resourceType": "ServiceRequest", "code": "emg-ncs"} for n in range(count - 1)]
    return vignettes.request(
        FOOT_DROP | {"conditions": conditions, "draftOrders": [SLOW_MRI, *others]}, "order-sign", NOW
    )


@pytest.mark.parametrize(("count", "is_said"), [(MOST, False), (MOST + 1, True)])
def test_a_card_says_that_not_every_order_was_read(ask: Ask, count: int, is_said: bool) -> None:
    reply = ask(_signing(count))
    cards = {card["source"]["topic"]["code"]: card["detail"] for card in reply.get_json()["cards"]}
    assert (UNREAD in cards["do-not-delay-imaging"]) is is_said


@pytest.mark.parametrize(
    ("count", "kind"), [(MOST, "not-applicable"), (MOST + 1, "could-not-evaluate")], ids=["read", "not all read"]
)
def test_no_rule_is_silent_by_a_part_of_the_orders(tmp_path: Path, count: int, kind: str) -> None:
    said = json.dumps(_signing(count))
    explained = run("explain", "-", "--format", "json", "--now", NOW.isoformat(), folder=tmp_path, said=said)
    verdicts = {one["rule"]: one["outcome"] for one in json.loads(explained.stdout)["verdicts"]}
    assert verdicts["nsaid-safety"] == kind


@pytest.mark.parametrize(("count", "is_said"), [(MOST, False), (MOST + 1, True)])
def test_a_card_says_that_not_every_new_problem_was_read(ask: Ask, count: int, is_said: bool) -> None:
    new = [{"code": "foot-drop", "side": "left"}] * count
    reply = ask(vignettes.request(FOOT_DROP | {"newConditions": new}, "problem-list-item-create", NOW))
    details = [card["detail"] for card in reply.get_json()["cards"]]
    assert details
    assert all(("The problem list could not be read" in detail) is is_said for detail in details)
