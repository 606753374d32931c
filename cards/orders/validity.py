"""Whether a resource that is to be sent is valid R4: the model, and the required bindings that it does not check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

Json = dict[str, Any]

_REQUEST_STATUS = frozenset({"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"})
_REQUEST_INTENT = frozenset(
    {
        "proposal", "plan", "directive", "order", "original-order", "reflex-order", "filler-order", "instance-order",
        "option",
    }
)  # fmt: skip
_PRIORITY = frozenset({"routine", "urgent", "asap", "stat"})
_MEDICATION_STATUS = frozenset(
    {"active", "on-hold", "cancelled", "completed", "entered-in-error", "stopped", "draft", "unknown"}
)
_OBSERVATION_STATUS = frozenset(
    {"registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown"}
)
_EVENT_STATUS = frozenset(
    {"preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", "entered-in-error", "unknown"}
)

# R4 required bindings by resource type and element; an element that is missing must be allowed to be.
_BINDINGS: Mapping[str, Mapping[str, frozenset[str | None]]] = {
    "ServiceRequest": {"status": _REQUEST_STATUS, "intent": _REQUEST_INTENT, "priority": _PRIORITY | {None}},
    "DeviceRequest": {"status": _REQUEST_STATUS | {None}, "intent": _REQUEST_INTENT, "priority": _PRIORITY | {None}},
    "MedicationRequest": {
        "status": _MEDICATION_STATUS,
        "intent": _REQUEST_INTENT - {"directive"},
        "priority": _PRIORITY | {None},
    },
    "Observation": {"status": _OBSERVATION_STATUS},
    "Communication": {"status": _EVENT_STATUS, "priority": _PRIORITY | {None}},
}


def r4_fault(resource: Json) -> str | None:
    """Why a resource is not valid R4 (model and required bindings), without a word of it; None when it is."""
    from fhir.resources.R4B import get_fhir_model_class  # a quarter of a second: only who orders pays for it

    kind = resource.get("resourceType")
    bindings = _BINDINGS.get(kind) if isinstance(kind, str) else None
    if kind is None or bindings is None:
        return "it is of no type that is sent"
    for element, allowed in bindings.items():
        value = resource.get(element)
        if not isinstance(value, str | None) or value not in allowed:
            return f"{element} is not in its required binding"
    try:
        get_fhir_model_class(kind).model_validate(resource)
    except (ValidationError, ValueError, TypeError) as error:
        return type(error).__name__
    return None
