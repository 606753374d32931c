"""Charts of shapes other than the mixed one: what hospitals send in large amounts, and what they send wrongly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count, cycle, islice
from typing import Any

from tests.bench import bodies
from tests.bench.bodies import Json

MIXED = "mixed"
CODES = 80  # of laboratory results
NAME_LENGTH = 60  # characters of the name of a medicine
_NOTE = 8  # resources of the mixed shape have as many bytes as one note
_MISFITS = 100  # one record in this many cannot be read

_LABORATORY = "https://ehr.example/laboratory"
_PACKED = ", dispensed in unit doses by the hospital pharmacy"
# Medicines of synthea_10 that no rule knows, so that the answer is that of the mixed shape.
_UNKNOWN = ("lisinopril", "Simvastatin", "Hydrochlorothiazide", "24 HR Metformin", "budesonide", "albuterol")


def body(shape: str, size: int, now: datetime, *, foot_drop: bool) -> bytes:
    """A patient-view request of a shape; one of notes has fewer, with as many bytes as `size` mixed resources."""
    few = bodies.fewest(now, foot_drop=foot_drop) if shape == "notes" else 0
    return bodies.body(few + records_of(shape, size), now, foot_drop=foot_drop, records=CHARTS[shape])


def records_of(shape: str, size: int) -> int:
    """How many records of a shape have as many bytes as `size` of the mixed one."""
    return max(size // _NOTE, 1) if shape == "notes" else size


def _medicines() -> Iterator[Json]:
    """A third are active prescriptions, each with its own name."""
    others = (one for one in bodies.chart() if one["resourceType"] != "MedicationRequest")
    recorded = [one for one in bodies.recorded("MedicationRequest") if _name(one).startswith(_UNKNOWN)]
    for number, written in enumerate(cycle(recorded)):
        name = (_name(written) + _PACKED)[: NAME_LENGTH - 10] + f" [Lot {number % 1_000:03}]"
        coding = dict(written["medicationCodeableConcept"]["coding"][0], display=name)
        concept = {"coding": [coding], "text": name}
        yield bodies.placed(written | {"status": "active", "medicationCodeableConcept": concept}, number + 10**6)
        yield from islice(others, 2)


def _name(prescription: Json) -> str:
    return str(prescription.get("medicationCodeableConcept", {}).get("text", ""))


def _laboratory() -> Iterator[Json]:
    """Nine in ten are results; every tenth result is a panel."""
    others = (one for one in bodies.chart() if one["resourceType"] != "Observation")
    for number in count():
        yield bodies.placed(_result(number), number)
        if number % 9 == 8:
            yield next(others)


def _result(number: int) -> Json:
    result = bodies.observation(number) | {"code": _test(number % CODES)} | _measured(number)
    result.pop("component", None)
    if number % 11 == 0:
        parts = [{"code": _test((number + part) % CODES)} | _measured(number + part) for part in range(3)]
        result["component"] = parts
    return result


def _test(number: int) -> Json:
    display = f"Analyte {number} [Mass/volume] in Serum or Plasma"
    return {"coding": [{"system": _LABORATORY, "code": f"L{number:04}", "display": display}], "text": display}


def _measured(number: int) -> Json:
    low, high = bodies.quantity(2.5, "mg/dL"), bodies.quantity(10.5, "mg/dL")
    return {
        "valueQuantity": bodies.quantity(number % 130 / 10, "mg/dL"),
        "referenceRange": [{"low": low, "high": high, "text": "2.5 - 10.5"}],
    }


def _notes() -> Iterator[Json]:
    """Reports and documents, alternating, nearly all of it text."""
    for number in count():
        note = bodies.report(number) if number % 2 else _document(number)
        yield bodies.placed(note, number, _NOTE * bodies.BYTES_A_RESOURCE - 250)


def _document(number: int) -> Json:
    return {
        "resourceType": "DocumentReference",
        "status": "current",
        "type": {"text": "Progress note"},
        "subject": bodies.SUBJECT,
        "date": f"2024-03-{number % 28 + 1:02}T08:15:30.123-04:00",
        "content": [{"attachment": {"contentType": "text/html", "title": "Progress note"}}],
    }


def _odd() -> Iterator[Json]:
    """The mixed chart with one record of a type that no rule reads, and records that do not fit their type."""
    for number, one in enumerate(bodies.chart()):
        if number == 2:
            yield one | {"resourceType": "FamilyMemberHistory"}
        elif number % _MISFITS == 4:
            yield one | {"status": 12}
        else:
            yield one


CHARTS: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
    MIXED: bodies.chart,
    "medicines": _medicines,
    "laboratory": _laboratory,
    "notes": _notes,
    "odd": _odd,
}
SHAPES = (MIXED, "medicines", "laboratory", "notes", "odd")
