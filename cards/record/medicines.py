"""Medicines: which keys a record means, by ingredient, clinical drug or name, and its daily dose."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import isclose, isfinite

from cards.record.codes import Codes
from cards.record.decoding import MEDICINE, Defect
from cards.record.elements import CodeableConcept, Dosage, texts
from cards.record.records import Medication, MedicationRequest, reference_id

Resolve = Callable[[str], Medication | None]

_MILLIGRAMS = {"mg": 1.0, "g": 1000.0}
_DAYS = {"min": 1 / 1440, "h": 1 / 24, "d": 1.0, "wk": 7.0}


def concept_of(record: MedicationRequest, find: Resolve, defects: list[Defect]) -> CodeableConcept | None:
    """What is prescribed or taken: the concept itself, or the Medication that the reference leads to.

    A Medication that is nowhere leaves the words of the reference, so that a name in them still matches.
    """
    stated = MEDICINE.read(record.medicationCodeableConcept, record, defects)
    if stated is not None:
        return stated
    pointer = record.medicationReference
    if pointer is None:
        return None
    for inner in record.contained or ():
        if pointer.reference == f"#{inner.id}":
            return inner.code
    found = find(reference_id(pointer.reference, "Medication") or "")
    return found.code if found is not None else CodeableConcept(text=pointer.display)


def medicine_keys(concept: CodeableConcept | None, codes: Codes) -> tuple[str, ...]:
    """The medicine keys of a concept: by RxNorm code, and by name when none of its codes is known."""
    if concept is None:
        return ()
    return codes.keys(concept, "medication") or codes.named(texts(concept))


def medicine_name(concept: CodeableConcept | None) -> str:
    """The words for a medicine; empty when there are none."""
    return next(iter(texts(concept)), "")


def daily_dose(instructions: Iterable[Dosage] | None) -> float | None:
    """Milligrams a day, all instructions added up; None as soon as one does not state amount and timing."""
    amounts = [_daily(each) for each in instructions or ()]
    if not amounts or any(amount is None for amount in amounts):
        return None
    return sum(amount for amount in amounts if amount is not None)


def _daily(instruction: Dosage) -> float | None:
    amount = _amount(instruction)
    repeat = instruction.timing.repeat if instruction.timing else None
    if amount is None or repeat is None or not repeat.frequency or not repeat.period:
        return None
    unit = _DAYS.get(repeat.periodUnit or "")
    if unit is None or repeat.frequency < 0 or repeat.period < 0 or not isfinite(repeat.period):
        return None
    return amount * repeat.frequency / (repeat.period * unit)


def _amount(instruction: Dosage) -> float | None:
    """Milligrams a time; an ordered and a calculated amount that differ are unknown."""
    found: list[float] = []
    for each in instruction.doseAndRate or ():
        quantity = each.doseQuantity
        if quantity is None or quantity.value is None or quantity.comparator or not isfinite(quantity.value):
            return None
        factor = _MILLIGRAMS.get((quantity.code or quantity.unit or "").strip())
        if factor is None or quantity.value < 0:
            return None
        found.append(quantity.value * factor)
    if not found or not all(isclose(each, found[0]) for each in found):
        return None
    return found[0]
