"""A PlanDefinition for each rule: its hooks, what it reads, what it may suggest, and its evidence."""

from __future__ import annotations

from collections.abc import Iterator

from cards.language.appraisals import appraisal
from cards.language.rule import Rule
from cards.language.sources import SOURCES, Source
from cards.orders.catalogue import CATALOGUE
from cards.record.prefetch_keys import PREFETCH_KEYS, supplied_by
from cards.rule_book import RuleBook
from cards.value_sets.systems import SNOMED
from cards.value_sets.value_set import VALUE_SETS
from service.publish.canonical import PUBLISHER, Json, canonical, frame
from service.publish.sentences import sentences
from service.publish.words import cited, condition, purpose, usage, what_for
from service.wire.answer import CARDS_SYSTEM

_STRENGTH = "http://hl7.org/fhir/StructureDefinition/cqf-strengthOfRecommendation"
_QUALITY = "http://hl7.org/fhir/StructureDefinition/cqf-qualityOfEvidence"
_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_PLAN_TYPES = "http://terminology.hl7.org/CodeSystem/plan-definition-type"

_OTHER_PATHS = {"lesion": "conclusionCode", "device.mr-safety": "safety"}


def plan_definitions(book: RuleBook) -> Iterator[Json]:
    """One PlanDefinition for each rule, by id."""
    return (plan_definition(rule) for _, rule in sorted(book.rules.items()))


def plan_definition(rule: Rule) -> Json:
    """A rule as a PlanDefinition. Its condition is prose that no engine can evaluate; this service evaluates it."""
    appraised = appraisal(rule)
    plan = frame("PlanDefinition", rule.id, rule.title, what_for(rule), since=rule.reviewed, release=rule.version)
    plan |= {
        "identifier": [{"system": CARDS_SYSTEM, "value": rule.id}],
        "type": {"coding": [{"system": _PLAN_TYPES, "code": "eca-rule", "display": "ECA Rule"}]},
        "purpose": purpose(rule, appraised),
        "usage": usage(sentences(rule.id)),
        "lastReviewDate": rule.reviewed,
        "effectivePeriod": {"start": rule.reviewed},
        "topic": [_topic()],
        "author": [{"name": PUBLISHER}],
        "relatedArtifact": [_citation(rule.source), _seed()],
        "action": [_action(rule)],
    }
    return plan


def _topic() -> Json:
    value_set = VALUE_SETS["condition.foot-drop"]
    code, display = next(iter(value_set.codes[SNOMED].items()))
    return {"coding": [{"system": SNOMED, "code": code, "display": display}], "text": value_set.title}


def _citation(source: Source) -> Json:
    citation: Json = {"type": "citation"}
    if source.evidence:
        citation["label"] = ", ".join(source.evidence)
    citation |= {"display": source.label, "citation": cited(source)}
    if source.url:
        citation["url"] = source.url
    return citation


def _seed() -> Json:
    """The page from which the rules were derived, which is their origin and not an authority."""
    return {"type": "derived-from", "display": SOURCES["seed"].label}


def _action(rule: Rule) -> Json:
    action: Json = {
        "title": rule.title,
        "description": what_for(rule),
        "documentation": [_citation(rule.source) | {"document": _graded(rule)}],
        "trigger": [{"type": "named-event", "name": hook} for hook in rule.hooks],
        "condition": [
            {
                "kind": "applicability",
                "expression": {
                    "description": "Prose, which no engine can evaluate: the service does, and usage lists the cases.",
                    "_language": {"extension": [{"url": _ABSENT, "valueCode": "not-applicable"}]},
                    "expression": condition(rule),
                },
            }
        ],
        "input": [requirement for key in sorted(rule.reads) for requirement in _requirements(key)],
    }
    orders = [
        {"title": CATALOGUE[key].text, "definitionCanonical": canonical("ActivityDefinition", key)}
        for key in rule.suggests
    ]
    return action | ({"action": orders} if orders else {})


def _graded(rule: Rule) -> Json:
    """The source as an attachment, where R4 allows strength and quality, as the rule grades them."""
    document: Json = {
        "extension": [
            {"url": _STRENGTH, "valueCodeableConcept": {"text": rule.strength}},
            {"url": _QUALITY, "valueCodeableConcept": {"text": rule.quality}},
        ]
    }
    if rule.source.url:
        document["url"] = rule.source.url
    return document | {"title": rule.source.label}


def _requirements(key: str) -> Iterator[Json]:
    """The data of one key: one requirement for each resource type from which it is read."""
    for name in supplied_by(key):
        prefetch = PREFETCH_KEYS[name]
        requirement: Json = {"type": prefetch.resource_type}
        path = _OTHER_PATHS.get(key) or _OTHER_PATHS.get(key.partition(".")[0]) or prefetch.element
        if path and key in VALUE_SETS:
            requirement["codeFilter"] = [{"path": path, "valueSet": canonical("ValueSet", key)}]
        yield requirement
