"""Everything that is published, as bytes: identical over HTTP and in a folder, and identical on every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
from fhir.resources.R4B import get_fhir_model_class

from cards.rule_book import RuleBook
from service.publish import attributes, pages
from service.publish.activities import activity_definitions
from service.publish.canonical import BASE, Json
from service.publish.drawn import Drawing
from service.publish.plans import plan_definitions
from service.publish.status import status
from service.publish.terminology import code_systems, value_sets
from service.signoff.site import Site
from service.signoff.standing import Standing

_MAKERS: Mapping[str, Callable[[RuleBook], Iterator[Json]]] = {
    "ActivityDefinition": activity_definitions,
    "CodeSystem": code_systems,
    "PlanDefinition": plan_definitions,
    "ValueSet": value_sets,
}
KINDS = tuple(_MAKERS)


class Library:
    """What is published about a site's rules; a resource is built when it is first requested."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.book = site.book
        self._drawing = Drawing(site)
        self._resources: dict[str, Mapping[str, Json]] = {}

    def _of_kind(self, kind: str) -> Mapping[str, Json]:
        """The resources of a kind by id, each with its current status."""
        return {id: self._today(resource) for id, resource in self._built(kind).items()}

    def _today(self, resource: Json) -> Json:
        signed = self.site.standings.words(self.site.today)
        kind, id = resource["resourceType"], resource["id"]
        told = {**resource, "status": status(self.book, kind, id, signed)}
        record = self._standing(id).record if kind == "PlanDefinition" and id in signed else None
        return told | ({"approvalDate": record.date.isoformat()} if record else {})

    def _built(self, kind: str) -> Mapping[str, Json]:
        """The resources of a kind by id, each validated as R4 before it is served."""
        if kind not in self._resources:
            resources = {resource["id"]: resource for resource in _MAKERS[kind](self.book)}
            for resource in resources.values():
                get_fhir_model_class(kind).model_validate(resource)
            self._resources[kind] = resources
        return self._resources[kind]

    def ids(self, kind: str) -> tuple[str, ...]:
        """The ids of the resources of a kind."""
        return tuple(self._built(kind))

    def resource(self, kind: str, id: str) -> bytes | None:
        """One resource as FHIR JSON; None if the kind or id does not exist."""
        resource = self._built(kind).get(id) if kind in _MAKERS else None
        return None if resource is None else _json(self._today(resource))

    def searchset(self, kind: str, url: str | None = None) -> bytes | None:
        """The resources of a kind as a Bundle, all or those with one canonical URL; None if there is no such kind."""
        if kind not in _MAKERS:
            return None
        # A canonical URL may name a version after a bar.
        wanted = url.partition("|")[0] if url is not None else None
        matches = [self._today(one) for one in self._built(kind).values() if wanted in (None, one["url"])]
        bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(matches)}
        bundle["link"] = [{"relation": "self", "url": f"{BASE}/{kind}"}]
        entries = [{"fullUrl": match["url"], "resource": match, "search": {"mode": "match"}} for match in matches]
        return _json(bundle | ({"entry": entries} if entries else {}))

    def source_attributes(self, rule_id: str) -> bytes | None:
        """The source attributes of a rule as JSON; None if the rule does not exist."""
        rule = self.book.rules.get(rule_id)
        return _json(attributes.as_json(rule, self._standing(rule_id))) if rule is not None else None

    def page(self, rule_id: str, links: pages.Links) -> str:
        """The page of a rule. Raises NoSourceError and RefusedSignoffError."""
        return pages.page(self.site.dossier(rule_id), links, self._drawing.of_rule(rule_id))

    def _standing(self, rule_id: str) -> Standing:
        return self.site.standings.of(rule_id, self.site.today)

    def write(self, folder: Path, advance: Callable[[], None] = lambda: None) -> int:
        """Write everything below the folder and return the number of files; `advance` is called for each.

        Raises OSError if one cannot be written.
        """
        files: dict[str, bytes] = {}
        for name, content in self._files():
            files[name] = content
            advance()
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return len(files)

    def _files(self) -> Iterator[tuple[str, bytes]]:
        for kind in KINDS:
            for id, resource in self._of_kind(kind).items():
                yield f"fhir/{kind}/{id}.json", _json(resource)
        yield "rules/index.html", pages.index(self.site, pages.SAVED).encode()
        for rule in self.book.rules.values():
            yield f"rules/{rule.id}.html", self.page(rule.id, pages.SAVED).encode()
            yield f"rules/{rule.id}.source-attributes.json", _json(attributes.as_json(rule, self._standing(rule.id)))


def _json(value: Json) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
