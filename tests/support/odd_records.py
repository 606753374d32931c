"""Records as hospitals really wrote them, each with what its answer must fulfil: tests/data/odd_records.

Each file holds a hook request and the expected answer. Its prefetch is by resource type. "@-3d", "@-2h|date" are times
before now, {{pid}} is the patient, and {"@repeat": n, "resource": ...} stands for n resources.
"""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from tests.support.places import DATA

Json = Any
FOLDER = DATA / "odd_records"
PATIENT = "p1"
_WHEN = re.compile(r"@([+-]?\d+)([mhd])(?:\|(\w+))?")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_FORMS = {
    "date": "%Y-%m-%d",
    "month": "%Y-%m",
    "year": "%Y",
    "compact": "%Y%m%d",
    "nooffsetcolon": "%Y-%m-%dT%H:%M:%S+0000",
}


def files() -> list[str]:
    return sorted(path.name for path in FOLDER.glob("*.json"))


def read(file: str) -> Json:
    return json.loads((FOLDER / file).read_text(encoding="utf-8"))


def filled(node: Json, now: datetime) -> Json:
    """The case with its times, names and repetitions filled in."""
    if isinstance(node, str):
        node = node.replace("{{pid}}", PATIENT)
        when = _WHEN.fullmatch(node)
        if when is None:
            return node
        moment = now + timedelta(**{_UNITS[when[2]]: int(when[1])})
        return moment.strftime(_FORMS[when[3]]) if when[3] else moment.isoformat(timespec="seconds")
    if isinstance(node, dict):
        return {key: filled(value, now) for key, value in node.items()}
    return list(_items(node, now)) if isinstance(node, list) else node


def _items(nodes: list[Json], now: datetime) -> Iterator[Json]:
    for node in nodes:
        if isinstance(node, dict) and "@repeat" in node:
            for number in range(node["@repeat"]):
                yield json.loads(json.dumps(filled(node["resource"], now)).replace("{{n}}", str(number)))
        else:
            yield filled(node, now)


def searchset(resources: list[Json]) -> Json:
    entries = [{"resource": one, "search": {"mode": "match"}} for one in resources]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(resources), "entry": entries}


def request(case: Json, templates: dict[str, str], now: datetime) -> Json:
    """The request of a case, as an EHR with this record sends it for these templates."""
    body = filled(case["request"], now)
    given, prefetch = body.pop("prefetch", {}), {}
    for key, template in templates.items():
        if any(name not in body["context"] for name in re.findall(r"\{\{context\.(\w+)\}\}", template)):
            continue
        value = given.get(re.split(r"[/?]", template)[0], [])
        if isinstance(value, list):
            value = searchset(value) if "?" in template else (value[0] if value else None)
        if value != "@absent":
            prefetch[key] = value
    return body | {"hookInstance": "00000000-0000-4000-8000-000000000000", "prefetch": prefetch}


def faults(expected: Json, status: int, cards: list[Json]) -> list[str]:
    """The parts of an answer that are not as expected."""
    wanted = expected.get("status", [200])
    if status not in wanted:
        return [f"HTTP {status}, expected {wanted}"]
    said = {card["source"]["topic"]["code"]: card for card in cards}
    found = []
    for card, levels in expected.get("cards", {}).items():
        indicator = said[card]["indicator"] if card in said else "absent"
        if indicator == "absent" or (
            levels != "any" and indicator not in (levels if isinstance(levels, list) else [levels])
        ):
            found.append(f"{card} is {indicator}, expected {levels}")
    found += [f"{card} is shown" for card in expected.get("absent", []) if card in said or (card == "*" and said)]
    for card, words in expected.get("mentions", {}).items():
        text = f"{said[card]['summary']} {said[card]['detail']}" if card in said else ""
        found += [f"{card} does not mention {word}" for word in words if not re.search(word, text, re.IGNORECASE)]
    return found
