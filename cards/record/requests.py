"""What a request says about itself: its priority, its intent, its time, and that the patient declined it."""

from __future__ import annotations

from cards.record import records as fhir
from cards.record.codes import Codes
from cards.record.elements import CodeableConcept
from cards.record.reader import ends
from cards.value_sets.addresses import is_same

REQUEST_STATUS_REASON = "http://hl7.org/fhir/StructureDefinition/request-statusReason"


def priority(record: fhir.ServiceRequest | fhir.MedicationRequest) -> str | None:
    """A request's priority code; None when it has none, which means routine."""
    return record.priority.strip().lower() if isinstance(record.priority, str) else None


def occurrence(record: fhir.ServiceRequest) -> tuple[str | None, str | None]:
    """When the requested service is to be done, in the order in which the elements are tried."""
    return record.occurrenceDateTime, ends(record.occurrencePeriod)[1]


# O6: a proposal or a plan is not an order
_ORDERED = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order", "directive"})


def is_ordered(intent: str | None) -> bool:
    """Whether an intent makes a request an order; a missing intent does."""
    return not intent or intent.strip().lower() in _ORDERED


def is_declined(record: fhir.ServiceRequest, codes: Codes) -> bool:
    """Whether a revoked request says that the patient declined it."""
    reasons: list[CodeableConcept] = list(record.reasonCode or [])
    status_reason = record.statusReason
    reasons += status_reason if isinstance(status_reason, list) else [status_reason] if status_reason else []
    reasons += [
        extension.valueCodeableConcept
        for extension in record.extension or []
        if extension.valueCodeableConcept and is_same(extension.url or "", REQUEST_STATUS_REASON)
    ]
    return any(
        "reason.refusal" in codes.keys(reason, "reason") or "declined" in (reason.text or "").lower()
        for reason in reasons
    )
