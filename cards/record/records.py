"""The FHIR R4 resources that rules may read, as typed structs.

There is one struct per resource type, chosen by `resourceType`. A body is decoded in one pass, and anything that no
rule reads is skipped without being built. Few of a thousand records matter, so elements with many values (codes,
quantities, dosages) stay JSON until a rule wants them. `decoding.py` says what happens when something does not fit.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Union

from msgspec import Raw, Struct, defstruct, field

from cards.record.elements import (
    NOTHING,
    CodeableConcept,
    CodeableReference,
    Component,
    Contained,
    Elements,
    Extension,
    Issue,
    Link,
    NamedReference,
    Period,
    Reference,
    Text,
    Valued,
)
from cards.record.other_types import OTHER_TYPES

FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
"""The data type id of R4."""
_LONGEST_REFERENCE = 1000  # characters
_URN = "urn:uuid:"  # in a Bundle that was written as a whole
_REFERENCE = re.compile(
    r"\s*(?P<base>(?i:https?):/(?:/[^\s/?#]+)+/)?(?P<kind>[A-Za-z]+)/(?P<id>[^\s/?#]+)(?:/_history/[^\s/?#]+)?\s*",
)


class _Record(Struct, gc=False, tag_field="resourceType", tag=True):
    """The elements that records of every type have. `subject` or `patient` says whose a record is: see `whose`."""

    resourceType: ClassVar[str] = ""
    id: str | None = None
    subject: Reference | None = None
    patient: Reference | None = None
    modifierExtension: Raw = NOTHING
    contained: Elements[Contained] | None = None

    def __init_subclass__(cls, **_: Any) -> None:
        cls.resourceType = cls.__name__


class Patient(_Record, gc=False):
    """The patient; `link` names the records that replaced this one."""

    gender: Text | None = None
    birthDate: Text | None = None
    deceasedBoolean: bool | None = None
    deceasedDateTime: object = None
    link: Elements[Link] | None = None


class Encounter(_Record, gc=False):
    """The encounter; its class is a coding or a concept, or several in R5."""

    status: Raw = NOTHING
    encounterClass: Raw = field(default=NOTHING, name="class")
    location: Raw = NOTHING


class Condition(_Record, gc=False):
    """A problem or diagnosis."""

    clinicalStatus: Raw = NOTHING
    verificationStatus: Raw = NOTHING
    code: Raw = NOTHING
    bodySite: CodeableConcept | Elements[CodeableConcept] | None = None
    extension: Raw = NOTHING
    onsetDateTime: Text | None = None
    onsetPeriod: Period | None = None
    recordedDate: Text | None = None


class AllergyIntolerance(_Record, gc=False):
    """An allergy or intolerance."""

    clinicalStatus: Raw = NOTHING
    verificationStatus: Raw = NOTHING
    code: CodeableConcept | None = None


class Observation(Valued, gc=False, tag_field="resourceType", tag=True):
    """A finding or a measurement."""

    resourceType: ClassVar[str] = "Observation"
    id: str | None = None
    status: Text | None = None
    subject: Reference | None = None
    patient: Reference | None = None
    modifierExtension: Raw = NOTHING
    contained: Elements[Contained] | None = None
    bodySite: CodeableConcept | Elements[CodeableConcept] | None = None
    extension: Raw = NOTHING
    effectiveDateTime: Text | None = None
    effectivePeriod: Period | None = None
    effectiveInstant: Text | None = None
    issued: Text | None = None
    component: Elements[Component] | None = None


class DiagnosticReport(_Record, gc=False):
    """A report with its conclusions and the Observations that are its results."""

    status: Text | None = None
    code: Raw = NOTHING
    effectiveDateTime: Text | None = None
    effectivePeriod: Period | None = None
    effectiveInstant: Text | None = None
    issued: Text | None = None
    result: Raw = NOTHING
    conclusion: str | None = None
    conclusionCode: Elements[CodeableConcept] | None = None


class _Request(_Record, gc=False):
    """The elements that requests of every kind have."""

    status: Text | None = None
    intent: Text | None = None
    priority: Text | None = None
    doNotPerform: bool | None = None
    authoredOn: Text | None = None


class ServiceRequest(_Request, gc=False):
    """An order for a service; one for a device has the same elements, except for the name of its code."""

    code: Raw = NOTHING
    codeCodeableConcept: Raw = NOTHING
    bodySite: CodeableConcept | Elements[CodeableConcept] | None = None
    occurrenceDateTime: Text | None = None
    occurrencePeriod: Period | None = None
    statusReason: CodeableConcept | Elements[CodeableConcept] | None = None
    reasonCode: Elements[CodeableConcept] | None = None
    extension: Elements[Extension] | None = None


class DeviceRequest(ServiceRequest, gc=False):
    """An order for a device."""


class MedicationRequest(_Request, gc=False):
    """A prescription."""

    medicationCodeableConcept: Raw = NOTHING
    medicationReference: NamedReference | None = None
    medication: CodeableReference | None = None
    dosageInstruction: Raw = NOTHING
    dosage: Raw = NOTHING
    effectiveDateTime: Text | None = None
    effectivePeriod: Period | None = None

    @property
    def pointer(self) -> NamedReference | None:
        """The reference to the Medication, where R4 has it or where R5 does."""
        return self.medicationReference or (self.medication.reference if self.medication else None)


class MedicationStatement(MedicationRequest, gc=False):
    """What the patient takes."""


class Medication(_Record, gc=False):
    """A medicine that others refer to."""

    code: CodeableConcept | None = None
    ingredient: Raw = NOTHING


class Procedure(_Record, gc=False):
    """An operation or another procedure; R5 says occurrence where R4 says performed."""

    status: Text | None = None
    code: Raw = NOTHING
    performedDateTime: Text | None = None
    performedPeriod: Period | None = None
    occurrenceDateTime: Text | None = None
    occurrencePeriod: Period | None = None


class Device(_Record, gc=False):
    """A device of the patient's."""

    status: Text | None = None
    type: CodeableConcept | Elements[CodeableConcept] | None = None
    safety: Elements[CodeableConcept] | None = None


class OperationOutcome(_Record, gc=False):
    """What a server says instead of data, or in addition to it."""

    issue: Elements[Issue] | None = None


class Other(_Record, gc=False):
    """A record of a type that no rule reads, or of none."""

    is_typed: bool = False


class Entry(Struct, gc=False):
    """One entry of a Bundle; `search` says whether it was searched for or came along."""

    resource: Decoded | None = None
    search: Raw = NOTHING


class Bundle(_Record, gc=False):
    """The records that a search found, and how many it says there are.

    A Bundle that `is_lost` had entries, but none of them could be read. In a Bundle that was read by entry, the only
    entries without a resource are those whose resource could not be read.
    """

    total: int | None = None
    entry: list[Entry] | None = None
    is_cut: bool = field(default=False, name="_isCut")  # decoding left entries out: too many did not fit
    link: Elements[Link] | None = None
    is_lost: bool = False
    is_by_entry: bool = field(default=False, name="_isByEntry")


Resource = (
    Patient
    | Encounter
    | Condition
    | AllergyIntolerance
    | Observation
    | DiagnosticReport
    | ServiceRequest
    | DeviceRequest
    | MedicationRequest
    | MedicationStatement
    | Medication
    | Procedure
    | Device
    | OperationOutcome
    | Bundle
    | Other
)
if TYPE_CHECKING:
    Decoded = Resource
else:
    _typed = [("is_typed", bool, True)]
    _others = (defstruct("Other", _typed, bases=(Other,), gc=False, tag=name) for name in OTHER_TYPES)
    Decoded = Union[(Resource, *_others)]
"""The types that records are decoded to: those that no rule reads are kinds of Other."""


def reference_id(reference: str | None, resource_type: str) -> str | None:
    """The id in a reference to this resource type: `Type/id`, with or without a base or a version.

    None for anything else: it leads elsewhere, or two programs could read it differently.
    """
    if reference is None or len(reference) > _LONGEST_REFERENCE:
        return None
    kind, _, identity = reference.partition("/")
    if kind == resource_type and identity.replace("-", "0").isalnum():
        return identity  # nearly always, at a third of the cost of the regular expression
    written = _REFERENCE.fullmatch(reference)
    if written is None or written["kind"] != resource_type:
        return None
    base = written["base"]
    # not a server's address, but the path of another resource
    if base and (f"/{resource_type}/" in base or "/_history/" in base):
        return None
    return written["id"]


def local_id(reference: str | None, resource_type: str) -> str | None:
    """The id in a reference to a record that came along: as in `reference_id`, or with `urn:uuid:` before it."""
    written = (reference or "").strip()
    if written[: len(_URN)].lower() == _URN and len(written) <= _LONGEST_REFERENCE:
        return written[len(_URN) :]
    return reference_id(reference, resource_type)


LONGEST_ID = 256  # characters: four times what R4 allows, for servers that go beyond


def reference(record: Resource) -> str:
    """The relative reference of a record, for evidence and for reasonReference; a long id is left out."""
    named = record.id and len(record.id) <= LONGEST_ID
    return f"{record.resourceType}/{record.id}" if named else str(record.resourceType)
