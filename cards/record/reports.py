"""Diagnostic reports: the lesions that they conclude, with the sides that their result Observations state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cards.record.decoding import RESULTS
from cards.record.elements import LONGEST_TEXT
from cards.record.facts import Lesion, Report
from cards.record.reader import Reader
from cards.record.records import DiagnosticReport, reference, reference_id
from cards.record.side import Side, together
from cards.record.whose import own
from cards.value_sets.value_set import VALUE_SETS

VOID_OBSERVATION = frozenset({"entered-in-error", "cancelled", "unknown"})

LesionSides = Mapping[str, tuple[set[str], Side]]
"""Observations that state a lesion's side: reference to lesion keys and side."""


def reports(
    records: Iterable[tuple[DiagnosticReport, tuple[str, ...]]], sides: LesionSides, reader: Reader
) -> Iterator[Report]:
    """Final reports, each given with its keys, with the lesions that they conclude.

    A lesion's side is that of its result Observation.
    """
    for record, keys in records:
        try:
            yield _report(record, keys, sides, reader)
        except Exception as error:  # it costs itself, whatever it is
            reader.lose(record, error)


def _report(record: DiagnosticReport, keys: tuple[str, ...], sides: LesionSides, reader: Reader) -> Report:
    stated = list(_result_sides(record, sides, reader))
    concluded = dict.fromkeys(
        key for concept in record.conclusionCode or [] for key in reader.codes.keys(concept, "lesion")
    )
    return Report(
        reference=reference(record),
        when=reader.dated(record, reader.effective(record), "effective"),
        text=VALUE_SETS[keys[0]].name,
        keys=keys,
        lesions=tuple(Lesion(key, together(side for keys, side in stated if key in keys)) for key in concluded),
        conclusion=(record.conclusion or "")[:LONGEST_TEXT],
    )


def _result_sides(record: DiagnosticReport, sides: LesionSides, reader: Reader) -> Iterator[tuple[set[str], Side]]:
    inside = own(record.contained, reader.patient_id)
    if len(inside) < len(record.contained or ()):
        reader.defect(record, "contained", "names no patient by reference")
    contained = {f"#{inner.id}": inner for inner in inside if inner.resourceType == "Observation"}
    for result in RESULTS.read(record.result, record, reader.defects) or ():
        inner = contained.get(result.reference or "")
        if inner is not None:
            if inner.status not in VOID_OBSERVATION:
                yield set(reader.codes.keys(inner.code, "lesion")), reader.codes.side(inner.bodySite)
            continue
        stated = sides.get(f"Observation/{reference_id(result.reference, 'Observation')}")
        if stated is not None:
            yield stated
