"""Canonical addresses, and the members that every published resource has."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import Any

from cards.rule_book import RuleBook

BASE = "https://foot-drop-cds.example/fhir"
PUBLISHER = "foot-drop-cds"
# A resource says so until a clinician has signed it.
STATUS = "draft"

Json = dict[str, Any]

_WORD = re.compile(r"[A-Za-z0-9]+")


def resource_id(key: str) -> str:
    """The id of what is named by a key or a rule id: dots become hyphens."""
    return key.replace(".", "-")


def canonical(kind: str, key: str) -> str:
    """The address by which a published resource is known, wherever it is read."""
    return f"{BASE}/{kind}/{resource_id(key)}"


def computer_name(key: str) -> str:
    """The key as an identifier that FHIR allows for `name`: `condition.foot-drop` is ConditionFootDrop."""
    return "".join(word[:1].upper() + word[1:] for word in _WORD.findall(key))


def frame(kind: str, key: str, title: str, description: str, *, since: str, release: str = "") -> Json:
    """What every resource begins with; `since` is its date, `release` its version (that of the package if empty)."""
    return {
        "resourceType": kind,
        "id": resource_id(key),
        "url": canonical(kind, key),
        "version": release or version("foot-drop-cds"),
        "name": computer_name(key),
        "title": title,
        "status": STATUS,
        "experimental": False,
        "date": since,
        "publisher": PUBLISHER,
        "description": description,
    }


def last_reviewed(book: RuleBook, *keys: str) -> str:
    """The newest review of the rules that read one of the keys; of all rules when none does."""
    readers = [rule.reviewed for rule in book.rules.values() if rule.reads.intersection(keys)]
    return max(readers or [rule.reviewed for rule in book.rules.values()])
