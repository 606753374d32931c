"""What grows in a hostile request (records of a kind, a list inside one, a text), and the request around it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import cycle
from typing import Any, NamedTuple

from tests.support import vignettes
from tests.support.patients import NOW

Json = dict[str, Any]
Grow = Callable[[int], str]
"""The JSON text that takes about so many bytes of room."""

NUMBER, MOMENT, HOLE = "#number", "#moment", "#hole"
"""What a template holds in place of its number, of a moment of its own, and of the member that grows."""

_KEYS = {"serviceRequests": "orders", "deviceRequests": "deviceOrders"}  # a member of the facts and its prefetch key
_CONTEXT = {"draftOrders": "draftOrders", "newConditions": "conditions"}
FACTS: Json = {
    "patient": {"age": 70, "sex": "female"},
    "encounter": {"class": "AMB"},
    "conditions": [
        {"code": "foot-drop", "side": "left", "onsetDaysAgo": 5},
        {"code": "radicular-pain", "side": "left", "onsetDaysAgo": 8},
    ],
    "observations": [{"code": "mrc-ankle-dorsiflexion", "value": 2, "daysAgo": 0, "side": "left"}],
    "draftOrders": [{"id": "d1", "resourceType": "ServiceRequest", "code": "emg-ncs"}],
    "newConditions": [{"code": "foot-drop", "side": "left"}],
}


class Shape(NamedTuple):
    """What grows, by place: prefetch keys, `draftOrders`, `newConditions` (entries of Bundles), members of the body."""

    parts: tuple[tuple[str, Grow], ...]
    hook: str = "patient-view"

    def body(self, size: int) -> bytes:
        """The request of about `size` bytes; the parts share the room."""
        request = vignettes.request(FACTS, self.hook, NOW)
        for place, _ in self.parts:
            _open(request, place)
        text = json.dumps(request)
        room = max(0, size - len(text)) // len(self.parts)
        for place, grow in self.parts:
            text = text.replace(f'"#{place}"', grow(room) or "null")
        return text.encode("utf-8", "surrogatepass")


def _open(request: Json, place: str) -> None:
    """Leave room at a place: in its Bundle, or instead of the member."""
    if place in _CONTEXT or place in vignettes.PREFETCH_KEYS:
        holder = request["context"] if place in _CONTEXT else request["prefetch"]
        key = _CONTEXT.get(place, place)
        bundle = holder[key]
        if bundle["resourceType"] != "Bundle":
            holder[key] = bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": bundle}]}
        bundle.pop("total", None)
        bundle["entry"].append(f"#{place}")
        return
    *outer, member = place.split(".")
    holder = request
    for name in outer:
        holder = holder[name]
    holder[member] = f"#{place}"


# What grows


def many(*templates: Json) -> Grow:
    """Records of these templates in turn, each with its own number."""
    texts = [_written({"resource": template}) for template in templates]
    return lambda room: ",".join(_filled(texts, room))


def inside(template: Json, grow: Grow) -> Grow:
    """One record whose hole grows."""
    before, after = json.dumps({"resource": template}).split(f'"{HOLE}"')
    return lambda room: before + (grow(room - len(before) - len(after)) or "null") + after


def long(unit: str, before: str = "", after: str = "") -> Grow:
    """One text of the same characters over and over, between two others."""
    start, written, end = (json.dumps(words)[1:-1] for words in (before, unit, after))
    return lambda room: f'"{start}{written * (max(0, room) // len(written))}{end}"'


def listed(*items: object) -> Grow:
    """A list of the same items over and over, each with its own number."""
    texts = [_written(item) for item in items]
    return lambda room: f"[{','.join(_filled(texts, room))}]"


def _filled(texts: Sequence[str], room: int) -> list[str]:
    """The texts in turn, each with its own number and moment, until there is no more room."""
    parts: list[str] = []
    for number, text in enumerate(cycle(texts)):
        if room <= 0:
            break
        part = text.replace(NUMBER, str(number))
        if MOMENT in part:
            part = part.replace(MOMENT, (NOW - timedelta(minutes=1 + number % 20_000)).isoformat())
        room -= len(part) + 1
        parts.append(part)
    return parts


def _written(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def repeated(text: str) -> Grow:
    """The same JSON over and over, between commas."""
    return lambda room: ",".join([text] * max(1, room // (len(text) + 1)))


def record(member: str, **fact: Any) -> Json:
    """A record as the vignettes write it, under an id of its own."""
    if member == "draftOrders":
        request = vignettes.request({member: [{"id": "d", **fact}]}, "order-sign", NOW)
        one: Json = request["context"]["draftOrders"]["entry"][0]["resource"]
    else:
        one = vignettes.records({member: [fact]}, NOW)[_KEYS.get(member, member)][0]
    return one | {"id": f"{member[:2]}{NUMBER}"}
