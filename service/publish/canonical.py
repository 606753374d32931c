"""Canonical URLs and the elements that every published resource has."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import Any

from cards.rule_book import RuleBook

BASE = "https://foot-drop-cds.example/fhir"
PUBLISHER = "foot-drop-cds"

Json = dict[str, Any]

_WORD = re.compile(r"[A-Za-z0-9]+")


def resource_id(key: str) -> str:
    """The id of the resource for a key or a rule id: dots become hyphens."""
    return key.replace(".", "-")


def canonical(kind: str, key: str) -> str:
    """The canonical URL of a published resource, which is the same wherever it is served."""
    return f"{BASE}/{kind}/{resource_id(key)}"


def computer_name(key: str) -> str:
    """The key in the form that FHIR allows in `name`: `condition.foot-drop` becomes ConditionFootDrop."""
    return "".join(word[:1].upper() + word[1:] for word in _WORD.findall(key))


def frame(kind: str, key: str, title: str, description: str, *, since: str, release: str = "") -> Json:
    """The elements common to all resources; `since` is the date, `release` the version (if empty, the package's)."""
    return {
        "resourceType": kind,
        "id": resource_id(key),
        "url": canonical(kind, key),
        "version": release or version("foot-drop-cds"),
        "name": computer_name(key),
        "title": title,
        "status": "draft",  # replaced when it is served: service/publish/status.py
        "experimental": False,
        "date": since,
        "publisher": PUBLISHER,
        "description": description,
    }


def last_reviewed(book: RuleBook, *keys: str) -> str:
    """The latest review date of the rules that read any of the keys; of all rules if none does."""
    readers = [rule.reviewed for rule in book.rules.values() if rule.reads.intersection(keys)]
    return max(readers or [rule.reviewed for rule in book.rules.values()])
