"""What every answer must fulfil, whatever was sent: the form of CDS Hooks, R4 or a refusal; nobody else's words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from tests.fuzz.mutations import STRANGER
from tests.fuzz.values import MARK, PATIENT
from tests.support.r4 import UUID, empties
from tests.support.r4 import faults as faults_of_resource

Json = dict[str, Any]

MOST_SECONDS = 2.0  # of CPU
MOST_BYTES = 1024 * 1024
REFUSALS = {400: "invalid", 412: "incomplete", 413: "too-long", 415: "not-supported", 422: "conflict"}
"""The code of the issue by the status."""
ANY_UUID = "00000000-0000-4000-8000-000000000000"
_CARD = {
    "uuid", "summary", "indicator", "source", "detail", "suggestions", "selectionBehavior", "overrideReasons", "links",
    "extension",
}  # fmt: skip
_ACTION = {
    "create": {"type", "description", "resource"},
    "update": {"type", "description", "resource"},
    "delete": {"type", "description", "resourceId"},
}
_CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def reply_faults(status: int, media_type: str, body: bytes, seconds: float) -> list[str]:
    """What is wrong with a reply; `seconds` of CPU time were spent on it."""
    wrong = [f"{seconds:.1f} s of CPU time"] if seconds > MOST_SECONDS else []
    if STRANGER.lower().encode() in body.lower():
        wrong.append("another patient's words stand in the answer")
    if media_type != "application/json":
        wrong.append(f"the media type is {media_type}")
    try:
        wrong += _of_answer(body) if status == 200 else _of_refusal(status, body)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        wrong.append(f"the form is another: {error!r}")
    return wrong


def _of_refusal(status: int, body: bytes) -> Iterator[str]:
    if status not in REFUSALS:
        yield f"the status is {status}"
        return
    outcome = json.loads(body, parse_constant=_no_number)
    (issue,) = outcome["issue"]
    if outcome.keys() != {"resourceType", "issue"} or outcome["resourceType"] != "OperationOutcome":
        yield "it is no OperationOutcome"
    if issue.keys() - {"expression"} != {"severity", "code", "diagnostics"} or issue["code"] != REFUSALS[status]:
        yield f"the issue is {issue}"
    if any(word.encode() in body for word in (MARK, PATIENT)):
        yield "the refusal says something of the patient"


def _of_answer(body: bytes) -> Iterator[str]:
    if len(body) > MOST_BYTES:
        yield f"the answer has {len(body):,} bytes"
    answer = json.loads(body.decode("utf-8"), parse_constant=_no_number)
    if answer.keys() != {"cards"}:
        yield f"the members are {sorted(answer)}"
    identities = [one["uuid"] for card in answer["cards"] for one in (card, *card.get("suggestions", ()))]
    if len(set(identities)) != len(identities) or not all(UUID.fullmatch(identity) for identity in identities):
        yield "the uuids are none, or not unique"
    for card in answer["cards"]:
        yield from (f"{card['source']['topic']['code']}: {fault}" for fault in _of_card(card))


def _of_card(card: Json) -> Iterator[str]:
    if not card.keys() <= _CARD:
        yield f"the members are {sorted(card)}"
    if not 0 < len(card["summary"]) < 140 or card["indicator"] not in ("info", "warning", "critical"):
        yield f"the summary or the indicator is none: {card['summary']!r}"
    if not card["source"]["label"] or not card["source"].keys() <= {"label", "url", "icon", "topic"}:
        yield "the source is none"
    yield from (f"{where} is empty" for where in empties(card))
    if _CONTROLS.search(f"{card['summary']}{card.get('detail', '')}"):
        yield "a control character stands in its text"
    for reason in card.get("overrideReasons", ()):
        if not {"code", "system", "display"} <= reason.keys():
            yield "an override reason is none"
    addresses = [one["url"] for one in (card["source"], *card.get("links", ())) if "url" in one]
    if not all(urlsplit(address).scheme == "https" for address in addresses):
        yield "an address is none"
    if not all(isinstance(value, dict) and "." in name for name, value in card.get("extension", {}).items()):
        yield "an extension is none"
    if ("suggestions" in card) != (card.get("selectionBehavior") in ("any", "at-most-one")):
        yield "suggestions without selectionBehavior, or the other way round"
    for suggestion in card.get("suggestions", ()):
        yield from _of_suggestion(suggestion)


def _of_suggestion(suggestion: Json) -> Iterator[str]:
    if not suggestion.keys() <= {"label", "uuid", "isRecommended", "actions"} or not suggestion["label"].strip():
        yield "a suggestion is none"
    for action in suggestion["actions"]:
        if action.keys() != _ACTION[action["type"]] or not action["description"].strip():
            yield f"an action has the members {sorted(action)}"
        if "resource" in action:
            resource = action["resource"]
            if resource.get("subject", {}).get("reference") != f"Patient/{PATIENT}":
                yield f"an order is for {resource.get('subject')}"
            is_new = action["type"] == "create"
            if is_new and not UUID.fullmatch(resource["id"]):
                yield "a new order has no uuid"
            alike = resource | ({"id": ANY_UUID} if is_new else {})  # so that equal orders are checked only once
            yield from _of_order(json.dumps(alike), is_new)


@lru_cache(5000)
def _of_order(text: str, is_new: bool) -> list[str]:
    resource = json.loads(text)
    return [
        f"an order, {resource.get('resourceType')}: {fault}" for fault in faults_of_resource(resource, is_new=is_new)
    ]


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
