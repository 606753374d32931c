"""Facts that need another record beside their own: the sides of a report's lesions, a medicine by reference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from cards.record import medicines as words
from cards.record.codes import Codes
from cards.record.decoding import DOSAGE, DOSAGE_INSTRUCTION, RESULTS, Defect
from cards.record.elements import Dosage
from cards.record.facts import Lesion, Medicine, Report
from cards.record.moments import Clock, Moment
from cards.record.records import (
    DiagnosticReport,
    Medication,
    MedicationRequest,
    Observation,
    Resource,
    reference,
    reference_id,
)
from cards.record.side import Side, together
from cards.value_sets.value_set import VALUE_SETS

VOID_OBSERVATION = frozenset({"entered-in-error", "cancelled", "unknown"})

LesionSides = Mapping[str, tuple[set[str], Side]]
"""Observations that state a lesion's side: reference to lesion keys and side."""


class Reader(Protocol):
    """What the extraction of a patient's records lends to these facts."""

    codes: Codes
    clock: Clock
    defects: list[Defect]

    def defect(self, record: Resource, element: str, why: str, *, dropped: bool = False) -> None: ...
    def first(self, *written: str | None) -> Moment | None: ...
    def effective(self, record: Observation | DiagnosticReport) -> Moment | None: ...
    def dated(self, record: Resource, when: Moment | None, element: str) -> Moment | None: ...
    def find_medication(self, identity: str) -> Medication | None: ...


def reports(
    records: Iterable[tuple[DiagnosticReport, tuple[str, ...]]], sides: LesionSides, reader: Reader
) -> Iterator[Report]:
    """Final reports, each given with its keys, with the lesions that they conclude.

    A lesion's side is that of its result Observation.
    """
    for record, keys in records:
        stated = list(_result_sides(record, sides, reader.codes, reader.defects))
        concluded = dict.fromkeys(
            key for concept in record.conclusionCode or [] for key in reader.codes.keys(concept, "lesion")
        )
        yield Report(
            reference=reference(record),
            when=reader.dated(record, reader.effective(record), "effective"),
            text=VALUE_SETS[keys[0]].name,
            keys=keys,
            lesions=tuple(Lesion(key, together(side for keys, side in stated if key in keys)) for key in concluded),
            conclusion=record.conclusion or "",
        )


def _result_sides(
    record: DiagnosticReport, sides: LesionSides, codes: Codes, defects: list[Defect]
) -> Iterator[tuple[set[str], Side]]:
    contained = {f"#{each.id}": each for each in record.contained or [] if each.resourceType == "Observation"}
    for result in RESULTS.read(record.result, record, defects) or ():
        inner = contained.get(result.reference or "")
        if inner is not None:
            if inner.status not in VOID_OBSERVATION:
                yield set(codes.keys(inner.code, "lesion")), codes.side(inner.bodySite)
            continue
        found = sides.get(f"Observation/{reference_id(result.reference, 'Observation')}")
        if found is not None:
            yield found


def medicines(records: Iterable[MedicationRequest], reader: Reader) -> Iterator[Medicine]:
    """Active medicines that a rule knows; one whose name is nowhere is a defect."""
    for record in records:
        concept = words.concept_of(record, reader.find_medication, reader.defects)
        if concept is None or (not concept.coding and not concept.text):
            reader.defect(record, "medication", "names no medicine")
            continue
        keys = words.medicine_keys(concept, reader.codes)
        if keys:
            yield Medicine(
                reference=reference(record),
                when=_since(record, reader),
                text=words.medicine_name(concept),
                keys=keys,
                daily_mg=words.daily_dose(_dosages(record, reader.defects)),
            )


def _dosages(record: MedicationRequest, defects: list[Defect]) -> list[Dosage] | None:
    """The instructions of a prescription, or of what is taken, which has them under another name."""
    ordered = DOSAGE_INSTRUCTION.read(record.dosageInstruction, record, defects)
    return ordered or DOSAGE.read(record.dosage, record, defects)


def _since(record: MedicationRequest, reader: Reader) -> Moment | None:
    """When it was ordered, or taken from; no rule needs it, the reader does."""
    start = record.effectivePeriod.start if record.effectivePeriod else None
    return reader.first(record.authoredOn, record.effectiveDateTime, start)
