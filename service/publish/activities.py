"""ActivityDefinition for every order of the catalogue, made from the very order that a suggestion sends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from cards.language.verdict import Plan
from cards.orders.catalogue import CATALOGUE, OrderContext, order_resource
from cards.rule_book import RuleBook
from service.publish.canonical import Json, frame, last_reviewed

# R4 lets an ActivityDefinition make these; what we suggest beside them has no kind.
_KINDS = frozenset({"ServiceRequest", "DeviceRequest", "MedicationRequest"})
_ANYBODY = OrderContext(patient_id="p", encounter_id=None, requester=None, now=datetime(2026, 1, 1, tzinfo=UTC))


def activity_definitions(book: RuleBook) -> Iterator[Json]:
    """One for each key of the catalogue."""
    for key, entry in CATALOGUE.items():
        order = order_resource(Plan(key=key, indication="", note=entry.text), _ANYBODY)
        kind = str(order["resourceType"])
        about = _description(kind, entry.takes_side)
        made = frame("ActivityDefinition", key, entry.text, about, since=last_reviewed(book))
        if kind in _KINDS:
            made |= {"kind": kind, "intent": "order", "priority": "routine"}
        code = _code(order, entry.text)
        made["productCodeableConcept" if kind == "MedicationRequest" else "code"] = code
        if "bodySite" in order and kind in _KINDS:
            made["bodySite"] = order["bodySite"]
        yield made


def _description(kind: str, takes_side: bool) -> str:
    parts = {
        "Observation": ["An Observation without a value, to be filled in at the bedside."],
        "Communication": ["A Communication in preparation, to be completed and sent by the clinician."],
        "MedicationRequest": ["A draft without a dose, an option among others: the prescriber chooses."],
    }.get(kind, ["A draft: nothing is signed. It is routine unless the card asks for more."])
    if takes_side:
        parts.append("The side is that of the foot drop.")
    return " ".join(parts)


def _code(order: Json, text: str) -> Json:
    """The concept that the order names, without the words that one patient adds to it."""
    for name in ("code", "codeCodeableConcept", "medicationCodeableConcept", "topic"):
        if name in order:
            return {**order[name], "text": text}
    return {"text": text}
