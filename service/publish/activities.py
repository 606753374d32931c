"""An ActivityDefinition for each order in the catalogue, built from the same order that a suggestion sends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from cards.language.verdict import Plan
from cards.orders.catalogue import CATALOGUE, order_resource
from cards.orders.context import OrderContext
from cards.rule_book import RuleBook
from service.publish.canonical import Json, frame, last_reviewed

# The resource types that R4 allows as `kind`; the other resources that we suggest have none.
_KINDS = frozenset({"ServiceRequest", "DeviceRequest", "MedicationRequest"})
_ANYBODY = OrderContext(patient_id="p", encounter_id=None, requester=None, now=datetime(2026, 1, 1, tzinfo=UTC))


def activity_definitions(book: RuleBook) -> Iterator[Json]:
    """One ActivityDefinition for each key of the catalogue."""
    for key, entry in CATALOGUE.items():
        order = order_resource(Plan(key=key, indication="", note=entry.text), _ANYBODY)
        kind = str(order["resourceType"])
        description = _description(kind, entry.takes_side)
        activity = frame("ActivityDefinition", key, entry.text, description, since=last_reviewed(book))
        if kind in _KINDS:
            activity |= {"kind": kind, "intent": "order", "priority": "routine"}
        coded = "productCodeableConcept" if kind == "MedicationRequest" else "code"
        activity[coded] = _code(order, entry.text)
        if "bodySite" in order and kind in _KINDS:
            activity["bodySite"] = order["bodySite"]
        yield activity


def _description(kind: str, takes_side: bool) -> str:
    parts = {
        "Observation": ["An Observation without a value, to be completed at the bedside."],
        "Communication": ["A Communication in preparation, for the clinician to complete and send."],
        "MedicationRequest": ["A draft without a dose, one option among several: the prescriber chooses."],
    }.get(kind, ["An unsigned draft. Its priority is routine unless the card asks for a higher one."])
    if takes_side:
        parts.append("The side is the side of the foot drop.")
    return " ".join(parts)


def _code(order: Json, text: str) -> Json:
    """The concept that the order names, without the words that one patient adds to it."""
    for name in ("code", "codeCodeableConcept", "medicationCodeableConcept", "topic"):
        if name in order:
            return {**order[name], "text": text}
    return {"text": text}
