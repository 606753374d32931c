"""The elements of FHIR R4 that records are made of, with the members that rules may read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeVar

from msgspec import Meta, Raw, Struct

LONGEST_TEXT = 1_000  # characters; FHIR sets no limit, and no code, name, unit or date of a record comes near it
Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]
"""Text that is read for its meaning. A longer text counts as unread, and a defect names it."""

LONGEST_LIST = 1_000  # elements of a list inside one record; Bundles may hold more entries
T = TypeVar("T")
Elements = Annotated[list[T], Meta(max_length=LONGEST_LIST)]
"""A list inside a record: elements beyond the first thousand are not read, which is a defect."""

NOTHING = Raw()
"""Stands for an element that is kept as JSON, in a record that does not have it."""


class Code(Struct, gc=False):
    """One code of one system, as the record holds it; `extension` may state its side and its certainty."""

    system: Text | None = None
    code: Text | None = None
    extension: Raw = NOTHING


class Codings(Struct, gc=False):
    """Codes that mean the same thing."""

    coding: Elements[Code] | None = None


class Concept(Struct, gc=False):
    """Codes that mean the same thing, where nobody reads the accompanying words.

    In requests, R5 has them one level deeper; some systems write a single coding without a list.
    """

    coding: Elements[Code] | None = None
    concept: Codings | None = None
    system: Text | None = None
    code: Text | None = None

    def __post_init__(self) -> None:
        if self.coding is None:
            alone = [Code(self.system, self.code)] if self.code else None
            self.coding = self.concept.coding if self.concept is not None else alone


class Coding(Struct, gc=False):
    """One code of one system, with its name."""

    system: Text | None = None
    code: Text | None = None
    display: Text | None = None
    extension: Raw = NOTHING


class CodeableConcept(Struct, gc=False):
    """Codings that mean the same thing, and the words that somebody typed; `extension` may state a side."""

    coding: Elements[Coding] | None = None
    text: Text | None = None
    extension: Raw = NOTHING


class Reference(Struct, gc=False):
    """A reference. It has no `reference` if it is by identifier alone, or cannot be read."""

    reference: Text | None = None
    type: Text | None = None


class NamedReference(Struct, gc=False):
    """A reference with its display, which is all there is when the reference leads nowhere."""

    reference: Text | None = None
    display: Text | None = None


class CodeableReference(Struct, gc=False):
    """A concept or a reference: R5 has one element for them, and R4 has two."""

    concept: CodeableConcept | None = None
    reference: NamedReference | None = None


class Period(Struct, gc=False):
    """Start and end, as FHIR dateTime text."""

    start: Text | None = None
    end: Text | None = None


class Quantity(Struct, gc=False):
    """A number with its unit: `code` is UCUM, `unit` what people read."""

    value: float | None = None
    comparator: Text | None = None
    unit: Text | None = None
    code: Text | None = None


class Repeat(Struct, gc=False):
    """Timing.repeat: `frequency` times in `period` of `periodUnit` (s, min, h, d, wk, mo, a), or up to a maximum."""

    frequency: int | None = None
    frequencyMax: int | None = None
    period: float | None = None
    periodMax: float | None = None
    periodUnit: Text | None = None


class Timing(Struct, gc=False):
    """When a dose is taken; `code` may say it in a word (BID)."""

    repeat: Repeat | None = None
    code: CodeableConcept | None = None


class DoseAndRate(Struct, gc=False):
    """The amount of one dose."""

    doseQuantity: Quantity | None = None


class Dosage(Struct, gc=False):
    """One dosage instruction; those of different `sequence` follow each other. STU3 has the dose in `doseQuantity`."""

    sequence: int | None = None
    timing: Timing | None = None
    doseAndRate: Elements[DoseAndRate] | None = None
    doseQuantity: Quantity | None = None
    modifierExtension: Raw = NOTHING


class Extension(Struct, gc=False):
    """An extension whose value is a concept; others carry nothing that a rule reads."""

    url: str | None = None
    valueCodeableConcept: CodeableConcept | None = None


class Link(Struct, gc=False):
    """A link of a Bundle, where relation `next` is the next page, or of a Patient to another of the same person."""

    relation: str | None = None
    type: str | None = None
    url: str | None = None


class Issue(Struct, gc=False):
    """One issue of an OperationOutcome."""

    severity: str | None = None
    code: str | None = None


class Valued(Struct, gc=False):
    """Anything that has a code and a value[x]: an Observation, or one component of it."""

    code: Raw = NOTHING
    valueQuantity: Raw = NOTHING
    valueInteger: int | None = None
    valueString: Text | None = None
    valueBoolean: bool | None = None
    valueCodeableConcept: CodeableConcept | None = None
    valueDateTime: Raw = NOTHING
    valueTime: Raw = NOTHING
    valuePeriod: Raw = NOTHING
    valueRange: Raw = NOTHING
    valueRatio: Raw = NOTHING
    valueSampledData: Raw = NOTHING
    interpretation: Elements[CodeableConcept] | None = None


class Component(Valued, gc=False):
    """One component of an Observation: it counts like a separate Observation."""

    modifierExtension: Raw = NOTHING


class Ingredient(Struct, gc=False):
    """An ingredient of a Medication: its substance, or another Medication; R5 has it in `item`."""

    itemCodeableConcept: CodeableConcept | None = None
    itemReference: NamedReference | None = None
    item: CodeableReference | None = None


class Contained(Struct, gc=False):
    """A resource inside another, of any type: a Medication, a BodyStructure, or the Observation of a report."""

    resourceType: str | None = None
    id: str | None = None
    subject: Reference | None = None
    patient: Reference | None = None
    status: Text | None = None
    code: CodeableConcept | None = None
    ingredient: Raw = NOTHING
    location: Raw = NOTHING
    locationQualifier: Raw = NOTHING
    extension: Raw = NOTHING
    modifierExtension: Raw = NOTHING
    bodySite: CodeableConcept | Elements[CodeableConcept] | None = None
    valueBoolean: bool | None = None
    valueCodeableConcept: CodeableConcept | None = None
    interpretation: Elements[CodeableConcept] | None = None


def codings(concept: Concept | CodeableConcept | list[CodeableConcept] | None) -> Sequence[Code | Coding]:
    """Every coding of a concept or of a list of concepts; none for text alone."""
    if concept is None:
        return []
    if not isinstance(concept, list):
        return concept.coding or []
    return [coding for part in concept for coding in part.coding or []]


def first_text(concept: CodeableConcept) -> str:
    """The `text` of a concept, or else its first display; empty when it has neither."""
    return concept.text or next((coding.display for coding in concept.coding or () if coding.display), "")


def texts(concept: CodeableConcept | list[CodeableConcept] | None) -> list[str]:
    """The words of a concept or of several: `text`, then each coding's display."""
    if concept is None:
        return []
    if isinstance(concept, list):
        return [text for part in concept for text in texts(part)]
    words = [concept.text, *(coding.display for coding in concept.coding or [])]
    return [word for word in words if word]
