"""The orders that a card would create: which orders, under which name, on which side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]


def created(card: Json) -> Iterator[Json]:
    for suggestion in card.get("suggestions", ()):
        yield from (action["resource"] for action in suggestion["actions"] if action["type"] == "create")


def named(order: Json) -> str:
    for element in ("code", "codeCodeableConcept", "medicationCodeableConcept", "topic"):
        if element in order:
            return str(order[element]["text"])
    raise AssertionError(order)


def side(order: Json) -> str:
    sites = order.get("bodySite", [])
    return str([site.get("text") for site in (sites if isinstance(sites, list) else [sites])])


def is_scan(order: Json) -> bool:
    return order["resourceType"] == "ServiceRequest" and "category" in order
