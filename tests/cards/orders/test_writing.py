"""Orders as they are written: each is the resource that the catalogue builds, whatever form it is filled into."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest

from cards.language.verdict import Plan, Reason
from cards.orders.catalogue import CATALOGUE, order_resource
from cards.orders.context import OrderContext
from cards.orders.writing import InvalidOrderError, OrderWriter

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
UUID_4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
OVERLAY = {"order.mri-lumbar": {"https://site.example/100%": ("MR%(id)b",)}}
SYNDROME = Reason("condition.cauda-equina-syndrome", "Suspected cauda equina syndrome")
# One after the other, as requests come: what was kept of the earlier ones must not show in the later ones.
CONTEXTS = [
    OrderContext("p1", "e1", "Practitioner/d1", NOW),
    OrderContext("p2", None, None, NOW.replace(hour=11), OVERLAY),
    OrderContext("p3", "e3", "Patient/p3", NOW, OVERLAY),
    OrderContext("p4", "not an id", "Practitioner/d4", NOW),
]
PLANS = [
    *(
        Plan(key=key, side=side, note=note, priority=priority)
        for key in CATALOGUE
        for side in ("", "left")
        for note, priority in (('100 %, "%(note)b" \\ {}\n“é”', "urgent"), ("note", "routine"))
    ),
    Plan(key="order.emg-ncs", occurrence="2026-03-23", reasons=("Condition/c1",)),
    Plan(key="order.emg-ncs", occurrence="2026-03-24", reasons=("Observation/o1", "Condition/c1")),
    Plan(key="order.mri-lumbar", emergencies=(SYNDROME,), reasons=tuple(f"Condition/c{n}" for n in range(15))),
    Plan(key="medication.naproxen", indication=""),
]


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.subject["reference"])
def test_an_order_is_written_as_the_catalogue_builds_it(context: OrderContext) -> None:
    writer = OrderWriter(context)
    for plan in PLANS:
        written = json.loads(writer.write(plan))
        built = order_resource(plan, context)
        assert list(written) == list(built), plan
        assert written == {**built, "id": written["id"]}, plan


def test_every_id_is_another_one() -> None:
    ids = [context.new_id() for context in (OrderContext("p1", None, None, NOW) for _ in range(50)) for _ in range(50)]
    assert len(set(ids)) == len(ids)
    assert all(map(UUID_4.fullmatch, ids))


@pytest.mark.parametrize("text", [" ", "\n", "a\x0bb", "a\xa0b", "x" * 10_001])
def test_what_is_no_string_of_r4_is_not_written(text: str) -> None:
    writer = OrderWriter(CONTEXTS[0])
    good = Plan(key="order.mri-lumbar", note="Note.")
    assert writer.write(good)
    for odd in (Plan(key=good.key, note=text), Plan(key=good.key, note="Note.", reasons=(text,))):
        with pytest.raises(InvalidOrderError):
            writer.write(odd)
    whose = OrderContext("x" * 10_001, None, None, NOW)
    with pytest.raises(InvalidOrderError):
        OrderWriter(whose).write(good)
