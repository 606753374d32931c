"""Whose a record is: this patient's, another patient's, or nobody's as far as can be told."""

from __future__ import annotations

from enum import IntEnum

from cards.record.elements import Contained, Reference
from cards.record.records import Patient, Resource, reference_id

PATIENT_TYPES = frozenset({None, "Patient", "http://hl7.org/fhir/StructureDefinition/Patient"})
"""The values that Reference.type may have in a reference to a patient."""


class Whose(IntEnum):
    """To whom a record belongs; if there are several answers, the highest holds."""

    OURS = 0
    NOBODYS = 1
    ANOTHERS = 2


_OURS, _NOBODYS, _ANOTHERS = Whose


def whose(record: Resource | Contained, patient_id: str, unstated: Whose = _NOBODYS) -> Whose:
    """Whose a record is, by everything in it that says so: `subject`, `patient`, and what it contains.

    It is another's as soon as one of them is, and ours only if each of them is. `unstated` is the answer for a
    record that says nothing at all about a patient. A Patient is recognised by its id. A reference that gives an
    identifier, or leads to a contained Patient, names nobody: only the EHR knows whose that is.
    """
    answer = _by_id(record.id, patient_id) if type(record) is Patient else None
    for pointer in (record.subject, record.patient):
        if pointer is not None:
            named = _named(pointer, patient_id)
            answer = named if answer is None or named > answer else answer
    inside = getattr(record, "contained", None)  # asking whether it is a Contained takes five times as long
    for inner in inside or ():
        if (inner.subject or inner.patient) and whose(inner, patient_id, _OURS) is _ANOTHERS:
            return _ANOTHERS
    return unstated if answer is None else answer


def own(contained: list[Contained] | None, patient_id: str) -> list[Contained]:
    """The contained resources that are this patient's; one that names nobody belongs to its container."""
    return [
        inner
        for inner in contained or ()
        if not (inner.subject or inner.patient) or whose(inner, patient_id, _OURS) is _OURS
    ]


def _named(pointer: Reference, patient_id: str) -> Whose:
    is_plain = pointer.reference == f"Patient/{patient_id}"  # nearly always
    named = _OURS if is_plain else _by_id(reference_id(pointer.reference, "Patient"), patient_id)
    return _NOBODYS if named is _OURS and pointer.type not in PATIENT_TYPES else named


def _by_id(identity: str | None, patient_id: str) -> Whose:
    if not identity:
        return _NOBODYS
    return _OURS if identity == patient_id else _ANOTHERS
