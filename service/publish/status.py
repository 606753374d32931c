"""The FHIR status of a published resource, which follows the sign-off of the rules that use it."""

from __future__ import annotations

from collections.abc import Collection

from cards.rule_book import RuleBook
from service.publish.canonical import resource_id

DRAFT = "draft"
ACTIVE = "active"


def status(book: RuleBook, kind: str, id: str, signed: Collection[str]) -> str:
    """`active` for a rule that is `signed` and for a resource that only such rules use, else `draft`."""
    users = _users(book, kind, id)
    return ACTIVE if users and all(rule in signed for rule in users) else DRAFT


def _users(book: RuleBook, kind: str, id: str) -> list[str]:
    """The rules that use a resource; every rule uses a code system."""
    if kind == "PlanDefinition":
        return [id]
    if kind == "CodeSystem":
        return list(book.rules)
    used = {rule.id: rule.suggests if kind == "ActivityDefinition" else rule.reads for rule in book.rules.values()}
    return [rule for rule, keys in used.items() if any(resource_id(key) == id for key in keys)]
