"""Medicines: which keys a record means, by ingredient, clinical drug or name, and its daily dose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from math import isclose, isfinite
from typing import NamedTuple

from msgspec import Raw

from cards.record.codes import LONGEST_MEDICINE, Codes
from cards.record.decoding import DOSAGE, DOSAGE_INSTRUCTION, INGREDIENTS, MEDICINE, NO_JSON
from cards.record.defects import Defect
from cards.record.elements import (
    NOTHING,
    CodeableConcept,
    CodeableReference,
    Contained,
    Dosage,
    DoseAndRate,
    NamedReference,
    Timing,
    first_text,
    texts,
)
from cards.record.facts import Medicine
from cards.record.moments import Moment
from cards.record.quantities import amount, units
from cards.record.reader import Reader, is_given
from cards.record.records import Medication, MedicationRequest, local_id, reference
from cards.record.statuses import UNREADABLE, status
from cards.record.whose import own
from cards.value_sets.value_set import VALUE_SETS

_DEEPEST = 3  # Medications inside Medications
_MOST_NAMED = 4  # ingredients
Resolve = Callable[[str], Medication | None]
Named = tuple[tuple[str, ...], str, Medication | Contained | None]
"""The keys that a medicine means, its name, and the record that its reference leads to."""

_DENIALS = frozenset({"no", "not", "nil", "denies"})
# bindings.toml, [allergy]: what an allergy to a class also covers; for aspirin a clinician must agree
_MEMBERS = {
    "allergy.nsaid-class": ("medication.ibuprofen", "medication.naproxen", "medication.other-nsaid"),
    "allergy.opioid-class": ("medication.opioid", "medication.tramadol"),
}
_MILLIGRAMS = units({"mg": 1, "g": 1000})
# HL7 GTSAbbreviation, in times a day
_FREQUENCIES = {"QD": 1.0, "BID": 2.0, "TID": 3.0, "QID": 4.0, "Q6H": 4.0, "Q8H": 3.0, "Q12H": 2.0}
_DAYS = {"min": 1 / 1440, "h": 1 / 24, "d": 1.0, "wk": 7.0}


class Substance(NamedTuple):
    """What a medicine is: its concept, those of its ingredients, and the words that come with the reference.

    `medication` is the record that the reference leads to.
    """

    concepts: tuple[CodeableConcept, ...] = ()
    words: str = ""
    medication: Medication | Contained | None = None

    @property
    def is_named(self) -> bool:
        """Whether it has a code or words at all."""
        return bool(self.words) or any(concept.coding or concept.text for concept in self.concepts)


def may_be_taken(record: MedicationRequest) -> bool:
    """Whether a medicine is active, or its status cannot be read; a medicine counts whatever its intent."""
    return status(record.resourceType, record.status) in ("active", UNREADABLE)


def medicines(records: Iterable[MedicationRequest], find: Resolve, reader: Reader) -> Iterator[Medicine]:
    """Active medicines that a rule knows; a medicine without any name is a defect."""
    for record in records:
        try:
            medicine = _medicine(record, find, reader)
        except Exception as error:  # whatever the error, only this record is lost
            reader.lose(record, error)
            continue
        if medicine is not None:
            yield medicine


def _medicine(record: MedicationRequest, find: Resolve, reader: Reader) -> Medicine | None:
    named = _coded(record.medicationCodeableConcept, reader.codes)
    if named is None:
        substance = substance_of(record, find, reader.defects, reader.patient_id)
        if not substance.is_named:
            reader.defect(record, "medication", "names no medicine")
            return None
        named = _named(substance, reader.codes)
    keys, text, medication = named
    if not keys or reader.is_modified(record, keys) or reader.status(record, keys) != "active":
        return None
    if medication is not None and reader.is_modified(record, keys, part=medication):
        return None
    return Medicine(
        reference=reference(record),
        when=_since(record, reader),
        text=text,
        keys=keys,
        daily_mg=daily_dose(_dosages(record, reader.defects)),
    )


def _coded(concept: Raw, codes: Codes) -> Named | None:
    """What the concept of a prescription names, remembered for others with the same JSON; None when it says nothing.

    A concept that does not fit, or is long, is None as well.
    """
    if concept is NOTHING or len(concept) > LONGEST_MEDICINE:
        return None
    text = bytes(concept)
    named = codes.seen_medicines.get(text)
    if named is None:
        try:
            stated = MEDICINE.decode(concept)
        except NO_JSON:
            return None
        if stated is None or not (stated.coding or stated.text):
            return None
        named = _named(Substance((stated,)), codes)
        codes.seen_medicines.add(text, named)
    return named


def _named(substance: Substance, codes: Codes) -> Named:
    keys = medicine_keys(substance, codes)
    return keys, medicine_name(substance, keys) if keys else "", substance.medication


def _dosages(record: MedicationRequest, defects: list[Defect]) -> list[Dosage] | None:
    """The instructions of a prescription, or of a MedicationStatement, which has them under another name."""
    ordered = DOSAGE_INSTRUCTION.read(record.dosageInstruction, record, defects)
    return ordered or DOSAGE.read(record.dosage, record, defects)


def _since(record: MedicationRequest, reader: Reader) -> Moment | None:
    """When it was ordered, or first taken; no rule needs this, but whoever reads the card does."""
    start = record.effectivePeriod.start if record.effectivePeriod else None
    return reader.first(record.authoredOn, record.effectiveDateTime, start)


def substance_of(record: MedicationRequest, find: Resolve, defects: list[Defect], patient_id: str) -> Substance:
    """What is prescribed or taken: the concept itself, or the Medication that the reference leads to.

    If the Medication is nowhere, the words of the reference remain, so that a name in them still matches.
    """
    stated = MEDICINE.read(record.medicationCodeableConcept, record, defects)
    if stated is None and record.medication is not None:
        stated = record.medication.concept
    if stated is not None and (stated.coding or stated.text):
        return Substance((stated,))
    pointer = record.pointer
    if pointer is None:
        return Substance()
    contained = own(record.contained, patient_id)
    words = (pointer.display or "").strip()
    medication = _medication(pointer, contained, find)
    if medication is None:
        return Substance((), words)
    if medication.ingredient is NOTHING:  # nearly always
        return Substance((medication.code,) if medication.code is not None else (), words, medication)
    return Substance(tuple(_concepts(medication, contained, find, record, defects)), words, medication)


def _concepts(
    medication: Medication | Contained,
    contained: Sequence[Contained],
    find: Resolve,
    record: MedicationRequest,
    defects: list[Defect],
    depth: int = _DEEPEST,
) -> Iterator[CodeableConcept]:
    """The concepts of a Medication and of its ingredients."""
    if medication.code is not None:
        yield medication.code
    inner = medication.contained or () if isinstance(medication, Medication) else contained
    for ingredient in INGREDIENTS.read(medication.ingredient, record, defects) or ():
        item = ingredient.item or CodeableReference(ingredient.itemCodeableConcept, ingredient.itemReference)
        if item.concept is not None:
            yield item.concept
        elif item.reference is not None:
            yield CodeableConcept(text=item.reference.display)
            named = _medication(item.reference, inner, find) if depth > 1 else None
            if named is not None:
                yield from _concepts(named, inner, find, record, defects, depth - 1)


def _medication(
    pointer: NamedReference, contained: Sequence[Contained], find: Resolve
) -> Medication | Contained | None:
    """What a reference leads to."""
    inner = _contained(pointer.reference, contained) if contained else None
    return inner or find(local_id(pointer.reference, "Medication") or "")


def _contained(pointer: str | None, contained: Sequence[Contained]) -> Contained | None:
    """The contained resource that a local reference names; either side, or both, may have a `#`."""
    name = (pointer or "").strip().removeprefix("#")
    return next((inner for inner in contained if name and (inner.id or "").removeprefix("#") == name), None)


def medicine_keys(substance: Substance, codes: Codes) -> tuple[str, ...]:
    """The medicine keys of a substance: by code, and by name when none of its codes is known."""
    coded = [codes.keys(concept, "medication") for concept in substance.concepts]
    if any(coded):
        return coded[0] if len(coded) == 1 else tuple(dict.fromkeys(key for keys in coded for key in keys))
    words = (word for concept in substance.concepts for word in names_in(concept))
    return codes.named((*words, substance.words), "medication")


def names_in(concept: CodeableConcept) -> Iterator[str]:
    """The texts that may hold a name: the words of a concept, and a code that is a word."""
    yield from texts(concept)
    for coding in concept.coding or ():
        if coding.code and not coding.code.isdigit():
            yield coding.code


def allergy_keys(concept: CodeableConcept | None, codes: Codes) -> tuple[str, ...]:
    """The keys of what a patient is allergic to: keys of [allergy], and the medicines that they mean.

    An allergy to a class is an allergy to each of its members (O8); words that deny an allergy name none.
    """
    if concept is None:
        return ()
    coded = (*codes.keys(concept, "allergy"), *codes.keys(concept, "medication"))
    named = coded or codes.named((words for words in names_in(concept) if not _denies(words)), "allergy", "medication")
    return _with_members(named) if named else ()


@lru_cache(maxsize=1000)
def _with_members(named: tuple[str, ...]) -> tuple[str, ...]:
    """The keys that name an allergy, and those of the medicines that they mean."""
    meant = (f"medication.{key.removeprefix('allergy.')}" for key in named if key.startswith("allergy."))
    members = (member for key in named for member in _MEMBERS.get(key, ()))
    return tuple(dict.fromkeys((*named, *(key for key in (*meant, *members) if key in VALUE_SETS))))


def _denies(words: str) -> bool:
    """Whether words say that there is no allergy ("No known NSAID allergy")."""
    said = words.casefold().split()
    return bool(said) and (said[0].rstrip(":,;.") in _DENIALS or "no known" in " ".join(said))


def medicine_name(substance: Substance, keys: Sequence[str]) -> str:
    """The words for a medicine, as recorded; if there are none, the name of its key."""
    if len(substance.concepts) == 1:
        return first_text(substance.concepts[0]) or substance.words or _title(keys)
    said = [words for concept in substance.concepts if (words := first_text(concept))]
    return " / ".join(dict.fromkeys(said[:_MOST_NAMED])) or substance.words or _title(keys)


def allergy_name(concept: CodeableConcept | None, keys: Sequence[str]) -> str:
    """The words for what somebody is allergic to, as recorded; if there are none, the name of its key."""
    return (first_text(concept) if concept is not None else "") or _title(keys)


def _title(keys: Sequence[str]) -> str:
    return VALUE_SETS[keys[0]].name if keys else ""


def daily_dose(instructions: Iterable[Dosage] | None) -> float | None:
    """Milligrams a day; None as soon as one instruction does not state an amount and a timing.

    Instructions with the same sequence, or with none, are added up. Those with different sequences follow each other,
    and the largest step counts (O9). A number that is too large to calculate with states nothing.
    """
    steps: dict[int | None, float] = {}
    try:
        for instruction in instructions or ():
            daily = _daily(instruction)
            if daily is None:
                return None
            steps[instruction.sequence] = steps.get(instruction.sequence, 0) + daily
    except OverflowError:
        return None
    always = steps.pop(None, None)
    daily = always if not steps else max(steps.values()) + (always or 0)
    return daily if daily is not None and isfinite(daily) else None


def _daily(instruction: Dosage) -> float | None:
    if is_given(instruction.modifierExtension):
        return None  # what it does to the dose is unknown
    dose, times = _amount(instruction), _times_a_day(instruction.timing)
    daily = None if dose is None or times is None else dose * times
    return daily if daily is not None and isfinite(daily) else None


def _times_a_day(timing: Timing | None) -> float | None:
    """How many times a day; None when this is not stated, or is stated in two ways that differ."""
    if timing is None:
        return None
    if timing.repeat is not None and (timing.repeat.frequencyMax or timing.repeat.periodMax):
        return None  # a range of times: there is no single dose
    coded = {_FREQUENCIES[word] for word in _words_of(timing.code) if word in _FREQUENCIES}
    repeat = timing.repeat
    if repeat is not None and (repeat.frequency or repeat.period):
        unit = _DAYS.get((repeat.periodUnit or "").strip().lower())
        if unit is None or not repeat.frequency or not repeat.period or not isfinite(repeat.period):
            return None
        if repeat.frequency < 0 or repeat.period < 0:
            return None
        try:
            coded.add(repeat.frequency / (repeat.period * unit))
        except ArithmeticError:  # numbers that no prescription has
            return None
    return coded.pop() if len(coded) == 1 else None


def _words_of(code: CodeableConcept | None) -> Iterator[str]:
    for coding in code.coding or () if code else ():
        yield (coding.code or "").strip().upper()
    yield (code.text or "").strip().upper() if code else ""


def _amount(instruction: Dosage) -> float | None:
    """Milligrams per dose; None when an ordered and a calculated amount differ."""
    amounts: list[float] = []
    for rate in instruction.doseAndRate or [DoseAndRate(instruction.doseQuantity)]:
        read = amount(rate.doseQuantity, _MILLIGRAMS)
        if read is None or read.bound or read.value < 0:
            return None
        amounts.append(read.value)
    if not amounts or not all(isclose(one, amounts[0]) for one in amounts):
        return None
    return amounts[0]
