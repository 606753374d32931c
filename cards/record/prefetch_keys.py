"""The prefetch keys: what a request supplies about a patient, and what is otherwise read from a FHIR server."""

from __future__ import annotations

from functools import cache

from msgspec import Struct


class PrefetchKey(Struct, frozen=True):
    """One key, and what is known about it without a rule or a server."""

    resource_type: str
    supplies: tuple[str, ...]
    """The keys of bindings.toml, or their first words, whose facts it holds."""
    unseen: str = ""
    """What the reader of a card has to check when it could not be read (D58); empty if no card is shown without it."""
    element: str = ""
    """The element that one of our value sets filters."""
    read_by: str = ""
    """The member of the context with the id of the one resource to read; if empty, the patient's are searched for."""
    is_required: bool = False
    """Whether nothing is evaluated as long as nothing at all is known about it."""


PREFETCH_KEYS = {
    "patient": PrefetchKey(
        "Patient",
        ("patient",),
        "The patient's birth date could not be read: check that this fits the age.",
        read_by="patientId",
    ),
    "conditions": PrefetchKey(
        "Condition",
        ("condition",),
        "The problem list could not be read: check it before acting.",
        "code",
        is_required=True,
    ),
    "observations": PrefetchKey(
        "Observation",
        ("observation",),
        "Examination findings and results could not be read: check them before acting.",
        "code",
        is_required=True,
    ),
    "reports": PrefetchKey(
        "DiagnosticReport",
        ("report", "lesion", "conclusion"),
        "Reports could not be read: check that a study has not answered this already.",
        "code",
    ),
    "orders": PrefetchKey(
        "ServiceRequest",
        ("order",),
        "Orders could not be read: check that this is not ordered already.",
        "code",
    ),
    "deviceOrders": PrefetchKey(
        "DeviceRequest",
        ("order.afo",),
        "Device orders could not be read: check that this is not ordered already.",
        "code",
    ),
    "devices": PrefetchKey(
        "Device",
        ("device",),
        "Implanted devices could not be read: check for them before any MRI.",
        "type",
    ),
    "procedures": PrefetchKey(
        "Procedure",
        ("procedure",),
        "Procedures could not be read: check for an operation that has already been done.",
        "code",
    ),
    "medications": PrefetchKey(
        "MedicationRequest",
        ("medication",),
        "Medication orders could not be read: check what is already prescribed.",
        "medication",
    ),
    "statements": PrefetchKey(
        "MedicationStatement",
        ("medication",),
        "Medication statements could not be read: check what the patient takes.",
        "medication",
    ),
    "allergies": PrefetchKey(
        "AllergyIntolerance",
        ("allergy",),
        "Allergies could not be read: check them before prescribing.",
        "code",
    ),
    "encounter": PrefetchKey(
        "Encounter",
        ("encounter",),
        read_by="encounterId",
    ),
}
"""By name, in the order in which they are requested and named as unseen."""

REQUIRED = frozenset(name for name, key in PREFETCH_KEYS.items() if key.is_required)


@cache
def supplied_by(key: str) -> tuple[str, ...]:
    """The prefetch keys from which a key of bindings.toml is read. Raises KeyError when there is none."""
    origins = {key, key.partition(".")[0]}
    names = tuple(name for name, prefetch in PREFETCH_KEYS.items() if not origins.isdisjoint(prefetch.supplies))
    if not names:
        raise KeyError(key)
    return names
