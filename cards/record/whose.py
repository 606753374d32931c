"""Whose a record is: this patient's, another's, or nobody's that can be told."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from cards.record.elements import Contained, Reference
from cards.record.records import Patient, Resource, reference_id

_PATIENT = frozenset({None, "Patient", "http://hl7.org/fhir/StructureDefinition/Patient"})  # Reference.type


class Whose(Enum):
    """To whom a record belongs."""

    OURS = "ours"
    ANOTHERS = "another's"
    NOBODYS = "nobody's"


def whose(record: Resource | Contained, patient_id: str, unstated: Whose = Whose.NOBODYS) -> Whose:
    """Whose a record is, by everything in it that says so: `subject`, `patient`, and what it contains.

    It is another's as soon as one of them is, and ours only if each of them is. `unstated` is the answer for a
    record that says nothing at all of a patient. A Patient is told by its id alone. A reference that gives an
    identifier, or leads to a contained Patient, names nobody: only the EHR knows whose that is.
    """
    said = set(_said(record, patient_id))
    for answer in (Whose.ANOTHERS, Whose.NOBODYS, Whose.OURS):
        if answer in said:
            return answer
    return unstated


def own(contained: list[Contained] | None, patient_id: str) -> list[Contained]:
    """Those of the contained resources that are this patient's; one that names nobody is its container's."""
    return [inner for inner in contained or () if whose(inner, patient_id, Whose.OURS) is Whose.OURS]


def _said(record: Resource | Contained, patient_id: str) -> Iterator[Whose]:
    if isinstance(record, Patient):
        yield _by_id(record.id, patient_id)
    for pointer in (record.subject, record.patient):
        if pointer is not None:
            yield _named(pointer, patient_id)
    for inner in () if isinstance(record, Contained) else record.contained or ():
        if whose(inner, patient_id, Whose.OURS) is Whose.ANOTHERS:
            yield Whose.ANOTHERS


def _named(pointer: Reference, patient_id: str) -> Whose:
    named = _by_id(reference_id(pointer.reference, "Patient"), patient_id)
    return Whose.NOBODYS if named is Whose.OURS and pointer.type not in _PATIENT else named


def _by_id(identity: str | None, patient_id: str) -> Whose:
    if not identity:
        return Whose.NOBODYS
    return Whose.OURS if identity == patient_id else Whose.ANOTHERS
