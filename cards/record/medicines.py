"""Medicines: which keys a record means, by ingredient, clinical drug or name, and its daily dose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import isclose, isfinite

from cards.record.codes import Codes
from cards.record.decoding import DOSAGE, DOSAGE_INSTRUCTION, MEDICINE
from cards.record.defects import Defect
from cards.record.elements import CodeableConcept, Dosage, texts
from cards.record.facts import Medicine
from cards.record.moments import Moment
from cards.record.reader import Reader
from cards.record.records import Medication, MedicationRequest, reference, reference_id
from cards.record.whose import own

Resolve = Callable[[str], Medication | None]

_MILLIGRAMS = {"mg": 1.0, "g": 1000.0}
_DAYS = {"min": 1 / 1440, "h": 1 / 24, "d": 1.0, "wk": 7.0}


def medicines(records: Iterable[MedicationRequest], find: Resolve, reader: Reader) -> Iterator[Medicine]:
    """Active medicines that a rule knows; one whose name is nowhere is a defect."""
    for record in records:
        try:
            medicine = _medicine(record, find, reader)
        except Exception as error:  # it costs itself, whatever it is
            reader.lose(record, error)
            continue
        if medicine is not None:
            yield medicine


def _medicine(record: MedicationRequest, find: Resolve, reader: Reader) -> Medicine | None:
    concept = concept_of(record, find, reader.defects, reader.patient_id)
    if concept is None or (not concept.coding and not concept.text):
        reader.defect(record, "medication", "names no medicine")
        return None
    keys = medicine_keys(concept, reader.codes)
    if not keys:
        return None
    return Medicine(
        reference=reference(record),
        when=_since(record, reader),
        text=medicine_name(concept),
        keys=keys,
        daily_mg=daily_dose(_dosages(record, reader.defects)),
    )


def _dosages(record: MedicationRequest, defects: list[Defect]) -> list[Dosage] | None:
    """The instructions of a prescription, or of what is taken, which has them under another name."""
    ordered = DOSAGE_INSTRUCTION.read(record.dosageInstruction, record, defects)
    return ordered or DOSAGE.read(record.dosage, record, defects)


def _since(record: MedicationRequest, reader: Reader) -> Moment | None:
    """When it was ordered, or taken from; no rule needs it, whoever reads the card does."""
    start = record.effectivePeriod.start if record.effectivePeriod else None
    return reader.first(record.authoredOn, record.effectiveDateTime, start)


def concept_of(
    record: MedicationRequest, find: Resolve, defects: list[Defect], patient_id: str
) -> CodeableConcept | None:
    """What is prescribed or taken: the concept itself, or the Medication that the reference leads to.

    A Medication that is nowhere leaves the words of the reference, so that a name in them still matches.
    """
    stated = MEDICINE.read(record.medicationCodeableConcept, record, defects)
    if stated is not None:
        return stated
    pointer = record.medicationReference
    if pointer is None:
        return None
    for inner in own(record.contained, patient_id):
        if pointer.reference == f"#{inner.id}":
            return inner.code
    medication = find(reference_id(pointer.reference, "Medication") or "")
    return medication.code if medication is not None else CodeableConcept(text=pointer.display)


def medicine_keys(concept: CodeableConcept | None, codes: Codes) -> tuple[str, ...]:
    """The medicine keys of a concept: by RxNorm code, and by name when none of its codes is known."""
    if concept is None:
        return ()
    return codes.keys(concept, "medication") or codes.named(texts(concept))


def medicine_name(concept: CodeableConcept | None) -> str:
    """The words for a medicine; empty when there are none."""
    return next(iter(texts(concept)), "")


def daily_dose(instructions: Iterable[Dosage] | None) -> float | None:
    """Milligrams a day, all instructions added up; None as soon as one does not state amount and timing.

    A number beyond what can be calculated states nothing.
    """
    try:
        amounts = [_daily(instruction) for instruction in instructions or ()]
    except OverflowError:
        return None
    if not amounts or any(amount is None for amount in amounts):
        return None
    daily = sum(amount for amount in amounts if amount is not None)
    return daily if isfinite(daily) else None


def _daily(instruction: Dosage) -> float | None:
    amount = _amount(instruction)
    repeat = instruction.timing.repeat if instruction.timing else None
    if amount is None or repeat is None or not repeat.frequency or not repeat.period:
        return None
    unit = _DAYS.get(repeat.periodUnit or "")
    if unit is None or repeat.frequency < 0 or repeat.period < 0 or not isfinite(repeat.period):
        return None
    try:
        daily = amount * repeat.frequency / (repeat.period * unit)
    except ArithmeticError:  # numbers that no prescription has
        return None
    return daily if isfinite(daily) else None


def _amount(instruction: Dosage) -> float | None:
    """Milligrams a time; an ordered and a calculated amount that differ are unknown."""
    amounts: list[float] = []
    for rate in instruction.doseAndRate or ():
        quantity = rate.doseQuantity
        if quantity is None or quantity.value is None or quantity.comparator or not isfinite(quantity.value):
            return None
        factor = _MILLIGRAMS.get((quantity.code or quantity.unit or "").strip())
        if factor is None or quantity.value < 0:
            return None
        amounts.append(quantity.value * factor)
    if not amounts or not all(isclose(amount, amounts[0]) for amount in amounts):
        return None
    return amounts[0]
