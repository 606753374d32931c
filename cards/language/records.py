"""The fields of FHIR R4 resources that rules may read, as typed structs.

One untagged struct serves every resource type: a body is decoded in one pass, and what no rule reads is
skipped without being built. `decoding.py` says what happens when a record does not fit.
"""

from __future__ import annotations

from msgspec import Struct, field


class Coding(Struct, gc=False):
    """One code of one system, as the record holds it."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(Struct, gc=False):
    """Codings that mean the same, and the words somebody typed."""

    coding: list[Coding] | None = None
    text: str | None = None


class Reference(Struct, gc=False):
    """A reference; one by identifier alone has no `reference`."""

    reference: str | None = None


class NamedReference(Struct, gc=False):
    """A reference with the words beside it, which are all there is when it leads nowhere."""

    reference: str | None = None
    display: str | None = None


class Period(Struct, gc=False):
    """Start and end, as FHIR dateTime text."""

    start: str | None = None
    end: str | None = None


class Quantity(Struct, gc=False):
    """A number with its unit: `code` is UCUM, `unit` what people read."""

    value: float | None = None
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Repeat(Struct, gc=False):
    """Timing.repeat: `frequency` times in `period` of `periodUnit` (s, min, h, d, wk, mo, a)."""

    frequency: int | None = None
    period: float | None = None
    periodUnit: str | None = None


class Timing(Struct, gc=False):
    """When a dose is taken."""

    repeat: Repeat | None = None


class DoseAndRate(Struct, gc=False):
    """The amount of one dose."""

    doseQuantity: Quantity | None = None


class Dosage(Struct, gc=False):
    """One dosage instruction."""

    timing: Timing | None = None
    doseAndRate: list[DoseAndRate] | None = None


class Extension(Struct, gc=False):
    """An extension whose value is a concept; others carry nothing that a rule reads."""

    url: str | None = None
    valueCodeableConcept: CodeableConcept | None = None


class Component(Struct, gc=False):
    """One component of an Observation: it counts like an Observation of its own."""

    code: CodeableConcept | None = None
    valueQuantity: Quantity | None = None
    valueInteger: int | None = None
    valueString: str | None = None
    valueBoolean: bool | None = None
    valueCodeableConcept: CodeableConcept | None = None
    valueDateTime: object = None
    valueTime: object = None
    valuePeriod: object = None
    valueRange: object = None
    valueRatio: object = None
    valueSampledData: object = None
    interpretation: list[CodeableConcept] | None = None


class Link(Struct, gc=False):
    """A link of a Bundle, where relation `next` is the next page, or of a Patient to another of the same person."""

    relation: str | None = None
    type: str | None = None
    url: str | None = None


class Search(Struct, gc=False):
    """Why an entry is in a searchset."""

    mode: str | None = None


class Issue(Struct, gc=False):
    """One issue of an OperationOutcome."""

    severity: str | None = None
    code: str | None = None


class Entry(Struct, gc=False):
    """One entry of a Bundle."""

    fullUrl: str | None = None
    resource: Resource | None = None
    search: Search | None = None


class Resource(Component, gc=False):
    """Any FHIR resource, a Bundle included, with the elements that rules read."""

    resourceType: str | None = None
    id: str | None = None
    status: str | None = None
    type: str | CodeableConcept | list[CodeableConcept] | None = None
    subject: Reference | None = None
    patient: Reference | None = None
    # Bundle
    entry: list[Entry] | None = None
    link: list[Link] | None = None
    # OperationOutcome
    issue: list[Issue] | None = None
    # Patient, Encounter
    birthDate: str | None = None
    gender: str | None = None
    encounterClass: Coding | list[Coding] | None = field(default=None, name="class")
    # Condition, AllergyIntolerance
    clinicalStatus: CodeableConcept | None = None
    verificationStatus: CodeableConcept | None = None
    bodySite: CodeableConcept | list[CodeableConcept] | None = None
    onsetDateTime: str | None = None
    onsetPeriod: Period | None = None
    recordedDate: str | None = None
    # Observation, DiagnosticReport
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    effectiveInstant: str | None = None
    issued: str | None = None
    component: list[Component] | None = None
    result: list[Reference] | None = None
    conclusion: str | None = None
    conclusionCode: list[CodeableConcept] | None = None
    # ServiceRequest, DeviceRequest, MedicationRequest
    codeCodeableConcept: CodeableConcept | None = None
    authoredOn: str | None = None
    occurrenceDateTime: str | None = None
    occurrencePeriod: Period | None = None
    priority: str | CodeableConcept | None = None
    doNotPerform: bool | None = None
    statusReason: CodeableConcept | list[CodeableConcept] | None = None
    reasonCode: list[CodeableConcept] | None = None
    extension: list[Extension] | None = None
    medicationCodeableConcept: CodeableConcept | None = None
    medicationReference: NamedReference | None = None
    dosageInstruction: list[Dosage] | None = None
    dosage: list[Dosage] | None = None
    # Procedure, Device
    performedDateTime: str | None = None
    performedPeriod: Period | None = None
    safety: list[CodeableConcept] | None = None
    contained: list[Resource] | None = None


def codings(concept: CodeableConcept | list[CodeableConcept] | str | None) -> list[Coding]:
    """Every coding of a concept or of a list of concepts; none for text alone."""
    if concept is None or isinstance(concept, str):
        return []
    if isinstance(concept, CodeableConcept):
        return concept.coding or []
    return [coding for each in concept for coding in each.coding or []]


def texts(concept: CodeableConcept | list[CodeableConcept] | None) -> list[str]:
    """The words of a concept or of several: `text`, then each coding's display."""
    if concept is None:
        return []
    if isinstance(concept, list):
        return [text for each in concept for text in texts(each)]
    words = [concept.text, *(coding.display for coding in concept.coding or [])]
    return [word for word in words if word]


def reference_id(reference: str | None, resource_type: str) -> str | None:
    """The id that a relative, absolute or versioned reference to this resource type ends in."""
    parts = (reference or "").strip().split("#")[0].split("/")
    if "_history" in parts:
        parts = parts[: parts.index("_history")]
    return parts[-1] if len(parts) > 1 and parts[-2] == resource_type and parts[-1] else None


def reference(record: Resource) -> str:
    """The relative reference of a record, for evidence and for reasonReference."""
    return f"{record.resourceType}/{record.id}" if record.id else str(record.resourceType)
