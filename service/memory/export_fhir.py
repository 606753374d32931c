"""The memory as FHIR R4: a GuidanceResponse for what a rule said, an AuditEvent for each call or feedback.

Patients, encounters and users are identified by their keyed hashes. The AuditEvents have the shape of IHE's Basic Audit
Log Patterns. They hold codes only from the code systems to which FHIR binds an element (GuidanceResponse.status,
AuditEvent.action and .outcome); words say what kind of call it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from typing import Any

from cards.record.prefetch_keys import PREFETCH_KEYS
from service.memory.rows import Card, Evaluation, Feedback, Verdict
from service.publish.canonical import BASE, PUBLISHER, canonical

Json = dict[str, Any]

NOT_APPLICABLE = "not-applicable"
_COULD_NOT_EVALUATE = "could-not-evaluate"
_DEVICE: Json = {"type": "Device", "display": PUBLISHER}


def guidance_response(evaluation: Evaluation, verdict: Verdict, card: Card | None) -> Json:
    """What a rule said, with its card, if there was one, as the output."""
    missing = sorted({PREFETCH_KEYS[key].resource_type for key in evaluation.missing.split() if key in PREFETCH_KEYS})
    response: Json = {
        "resourceType": "GuidanceResponse",
        "id": sha256(f"{evaluation.id} {verdict.rule}".encode()).hexdigest(),
        "requestIdentifier": _identifier("evaluation", evaluation.id),
        "moduleCanonical": f"{canonical('PlanDefinition', verdict.rule)}|{verdict.version}",
        "status": _status(verdict, is_complete=not missing),
        "occurrenceDateTime": _instant(evaluation.at),
        "performer": _DEVICE,
        "note": [{"text": ": ".join(filter(None, (verdict.outcome, verdict.reason)))}],
    }
    for member, kind, identity in (
        ("subject", "Patient", evaluation.patient),
        ("encounter", "Encounter", evaluation.encounter),
    ):
        if identity:
            response[member] = _reference(kind, identity)
    if missing:
        response["dataRequirement"] = [{"type": kind} for kind in missing]
    if card is not None:
        response["contained"] = [_output(card)]
        response["outputParameters"] = {"reference": "#card"}
    return response


def call_event(evaluation: Evaluation, rules: Sequence[str]) -> Json:
    """A call of a service, and the rules whose cards were shown."""
    detail = {
        "tenant": evaluation.tenant,
        "service": evaluation.service,
        "hook": evaluation.hook,
        "milliseconds": f"{evaluation.milliseconds:g}",
        "records": str(evaluation.records),
        "unreadable": str(evaluation.unreadable),
        "missing": evaluation.missing,
        "cards": " ".join(rules),
    }
    entities = [_entity("Request", _identifier("evaluation", evaluation.id), detail)]
    for kind, identity in (("Patient", evaluation.patient), ("Encounter", evaluation.encounter)):
        if identity:
            entities.append({"what": _reference(kind, identity), "name": kind})
    return _event(
        "Call of a CDS service", "E", evaluation.id, evaluation.at, evaluation.client, evaluation.asker, entities
    )


def feedback_event(feedback: Feedback) -> Json:
    """What a client said became of a card."""
    detail = {
        "tenant": feedback.tenant,
        "service": feedback.service,
        "happened": _instant(feedback.at),
        "outcome": feedback.outcome,
        "accepted": feedback.suggestions,
        "reason": " ".join(filter(None, (feedback.system, feedback.reason))),
    }
    entities = [_entity("Card", _identifier("card", feedback.card), detail)]
    return _event("Feedback on a card", "C", feedback.id, feedback.received, feedback.client, "", entities)


def _status(verdict: Verdict, *, is_complete: bool) -> str:
    if verdict.outcome == _COULD_NOT_EVALUATE:
        return "data-required"
    return "success" if is_complete else "data-requested"


def _output(card: Card) -> Json:
    """A card as Parameters. It is not `shown` where its rule runs in shadow. Its words are not kept."""
    members = ("uuid", "indicator", "evidence", "suggestions", "mode")
    told = {name: getattr(card, name) for name in members}
    parameters: list[Json] = [{"name": name, "valueString": value} for name, value in told.items() if value]
    parameters.append({"name": "shown", "valueBoolean": bool(card.shown)})
    return {"resourceType": "Parameters", "id": "card", "parameter": parameters}


def _event(what: str, action: str, id: str, at: int, client: str, asker: str, entities: list[Json]) -> Json:
    agents: list[Json] = (
        [{"who": {"identifier": _identifier("client", client)}, "requestor": not asker}] if client else []
    )
    if asker:
        agents.append({"who": {"identifier": _identifier("user", asker)}, "requestor": True})
    agents.append({"who": {**_DEVICE, "display": f"{PUBLISHER} {version(PUBLISHER)}"}, "requestor": False})
    return {
        "resourceType": "AuditEvent",
        "id": id,
        "type": {"display": what},
        "action": action,
        "recorded": _instant(at),
        "outcome": "0",
        "agent": agents,
        "source": {"observer": _DEVICE},
        "entity": entities,
    }


def _entity(name: str, identifier: Json, detail: dict[str, str]) -> Json:
    told = [{"type": kind, "valueString": value} for kind, value in detail.items() if value.strip()]
    return {"what": {"identifier": identifier}, "name": name, "detail": told}


def _reference(kind: str, identity: str) -> Json:
    return {"type": kind, "identifier": _identifier(kind.lower(), identity)}


def _identifier(kind: str, value: str) -> Json:
    return {"system": f"{BASE}/identifier/{kind}", "value": value}


def _instant(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
