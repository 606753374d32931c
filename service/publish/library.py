"""Everything that is published, as bytes: the same over HTTP and in a folder, and the same every time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import msgspec
from fhir.resources.R4B import get_fhir_model_class

import cards.rules  # noqa: F401 - every rule is enrolled by this
from cards.language.rule import RULES
from service.publish import attributes, pages
from service.publish.activities import activity_definitions
from service.publish.canonical import BASE, Json
from service.publish.plans import plan_definitions
from service.publish.terminology import code_systems, value_sets

_MAKERS: Mapping[str, Callable[[], Iterator[Json]]] = {
    "ActivityDefinition": activity_definitions,
    "CodeSystem": code_systems,
    "PlanDefinition": plan_definitions,
    "ValueSet": value_sets,
}
KINDS = tuple(_MAKERS)


@cache
def _resources(kind: str) -> Mapping[str, Json]:
    """The resources of a kind by id, each validated as R4 before anybody sees it."""
    made = {resource["id"]: resource for resource in _MAKERS[kind]()}
    for resource in made.values():
        get_fhir_model_class(kind).model_validate(resource)
    return made


def ids(kind: str) -> tuple[str, ...]:
    """The ids of the resources of a kind."""
    return tuple(_resources(kind))


def resource(kind: str, id: str) -> bytes | None:
    """One resource as FHIR JSON; None when there is no such kind or id."""
    found = _resources(kind).get(id) if kind in _MAKERS else None
    return None if found is None else _json(found)


def searchset(kind: str, url: str | None = None) -> bytes | None:
    """The resources of a kind as a Bundle, all or those of one canonical; None when there is no such kind."""
    if kind not in _MAKERS:
        return None
    # A canonical may name a version after a bar.
    wanted = url.partition("|")[0] if url is not None else None
    found = [each for each in _resources(kind).values() if wanted in (None, each["url"])]
    made: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
    made["link"] = [{"relation": "self", "url": f"{BASE}/{kind}"}]
    entries = [{"fullUrl": each["url"], "resource": each, "search": {"mode": "match"}} for each in found]
    return _json(made | ({"entry": entries} if entries else {}))


def source_attributes(rule_id: str) -> bytes | None:
    """The source attributes of a rule as JSON; None when there is no such rule."""
    return _json(attributes.as_json(RULES[rule_id])) if rule_id in RULES else None


def write(folder: Path) -> int:
    """Write everything below the folder, and say how many files. Raises OSError where that is not possible."""
    files = dict(_files())
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return len(files)


def _files() -> Iterator[tuple[str, bytes]]:
    for kind in KINDS:
        for id, made in _resources(kind).items():
            yield f"fhir/{kind}/{id}.json", _json(made)
    yield "rules/index.html", pages.index(pages.SAVED).encode()
    for rule in RULES.values():
        yield f"rules/{rule.id}.html", pages.page(rule, pages.SAVED).encode()
        yield f"rules/{rule.id}.source-attributes.json", _json(attributes.as_json(rule))


def _json(value: Json) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
