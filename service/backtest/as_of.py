"""The record as of a moment: what was known then, and what a status said before it changed.

An export holds each record as it is today. When it became known stands in it: in `issued` of what was measured or
reported, in `authoredOn` of an order, in `recordedDate` of a problem; when it happened is what is taken in their place.
The day on which the server last wrote it (meta.lastUpdated) is that of a migration, and counts only if there is nothing
else. Days compare as in the rules: a date without a clock time is known on the whole of that day.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Raw, Struct, structs

from cards.record.decoding import NO_JSON
from cards.record.moments import Clock, Moment
from cards.record.records import (
    AllergyIntolerance,
    Condition,
    Device,
    DeviceRequest,
    DiagnosticReport,
    MedicationRequest,
    MedicationStatement,
    Observation,
    Patient,
    Procedure,
    Resource,
    ServiceRequest,
    reference_id,
)
from cards.record.statuses import NOT_TRUE, OVER, clinical_status, status, verification_status

_END_OF_TIME = datetime(9990, 1, 1, tzinfo=UTC)  # a Clock takes what is later than its now for now
_ACTIVE = Raw(b'"active"')
_ENDED = frozenset({"completed", "stopped", "revoked", "cancelled"})
_CORRECTED = frozenset({"amended", "corrected", "appended", "cancelled", "entered-in-error"})


class KnownBy(StrEnum):
    """By which date a record counts as known."""

    RECORDED = "recorded"
    """When it was written down, else when it happened, else when the server last wrote it."""
    HAPPENED = "happened"
    """When it happened, else when it was written down, else when the server last wrote it."""
    UPDATED = "updated"
    """When the server last wrote it, else when it was written down, else when it happened."""


class Dates(Struct, gc=False):
    """The elements of a record that say since when it is known and when it ended; each may hold anything."""

    resourceType: object = None
    meta: object = None
    issued: object = None
    effectiveDateTime: object = None
    effectivePeriod: object = None
    effectiveInstant: object = None
    authoredOn: object = None
    recordedDate: object = None
    dateAsserted: object = None
    onsetDateTime: object = None
    onsetPeriod: object = None
    abatementDateTime: object = None
    abatementPeriod: object = None
    performedDateTime: object = None
    performedPeriod: object = None
    occurrenceDateTime: object = None
    occurrencePeriod: object = None
    period: object = None
    status: object = None
    statusChanged: object = None
    basedOn: object = None
    birthDate: object = None
    serviceProvider: object = None
    location: object = None


Names = tuple[str, ...]
_decode = msgspec.json.Decoder(Dates).decode

# Of each type: where it says when it was written down, and where it says when it happened.
_ORDERED = ("authoredOn",), ("occurrenceDateTime", "occurrencePeriod.start")
_DONE = ("performedPeriod.start", "performedDateTime", "occurrencePeriod.start", "occurrenceDateTime")
_MEASURED = ("effectiveDateTime", "effectivePeriod.end", "effectivePeriod.start", "effectiveInstant")
_KNOWN: Mapping[str, tuple[Names, Names]] = {
    "Condition": (("recordedDate",), ("onsetDateTime", "onsetPeriod.start")),
    "AllergyIntolerance": (("recordedDate",), ("onsetDateTime", "onsetPeriod.start")),
    "Observation": (("issued",), _MEASURED),
    "DiagnosticReport": (("issued",), _MEASURED),
    "ServiceRequest": _ORDERED,
    "DeviceRequest": _ORDERED,
    "MedicationRequest": (("authoredOn",), ("effectiveDateTime", "effectivePeriod.start")),
    "MedicationStatement": (("dateAsserted",), ("effectiveDateTime", "effectivePeriod.start")),
    "Procedure": ((), _DONE),
    "Device": ((), ()),
    "Encounter": ((), ("period.start",)),
}
_UPDATED = ("meta.lastUpdated",)


class Fact(Struct, gc=False):
    """A record, since when it is known (None: always), and as what it was known until it changed.

    `is_unproven` says that its status may be newer than a moment before `updated`, and that no date tells.
    """

    record: Resource
    known: Moment | None
    before: Resource | None = None
    until: Moment | None = None
    is_unproven: bool = False
    updated: Moment | None = None

    def may_be_newer(self, moment: Moment) -> bool:
        """Whether its status may have changed after a moment, though nothing says when."""
        return self.is_unproven and (self.updated is None or self.updated.is_after(moment))


def dates_of(raw: bytes) -> Dates:
    """The dates of a record; none of one that cannot be read."""
    try:
        return _decode(raw)
    except (*NO_JSON, msgspec.ValidationError):
        return Dates()


class Times:
    """Reads dates in a site's time zone, in which those without one are; what is odd about them is counted."""

    def __init__(self, zone: tzinfo, known_by: KnownBy, counts: Counter[str]) -> None:
        self.zone = zone
        self._clock = Clock(_END_OF_TIME.astimezone(zone))
        self._known_by = known_by
        self._counts = counts
        self._told = defaultdict(tuple, {kind: _in_order(*both, known_by) for kind, both in _KNOWN.items()})

    def read(self, value: object) -> Moment | None:
        """The moment that a text names; None when it names none."""
        if not isinstance(value, str) or not value:
            return None
        moment = self._clock.read(value)
        if moment is None:
            self._counts["dates that cannot be read"] += 1
        elif len(value) > 10 and value[-1] != "Z" and "+" not in value[10:] and "-" not in value[10:]:
            self._counts["dates without a zone, read in that of the settings"] += 1
        return moment

    def first(self, dates: Dates, names: Iterable[str]) -> Moment | None:
        """The first of these elements that names a moment."""
        for name in names:
            value = written(dates, name)
            if value is not None and (moment := self.read(value)) is not None:
                return moment
        return None

    def known(self, dates: Dates, kind: str) -> Moment | None:
        """Since when a record of a type is known."""
        moment = self.first(dates, self._told[kind])
        if moment is None and self._known_by is not KnownBy.UPDATED:
            moment = self.first(dates, _UPDATED)
            if moment is not None:
                self._counts["records known only by meta.lastUpdated"] += 1
        return moment


def _in_order(recorded: Names, happened: Names, known_by: KnownBy) -> Names:
    if known_by is KnownBy.RECORDED:
        return (*recorded, *happened)
    return (*happened, *recorded) if known_by is KnownBy.HAPPENED else (*_UPDATED, *recorded, *happened)


def written(dates: Dates, name: str) -> object:
    """What an element holds, or one of its members: `period.end`."""
    outer, _, inner = name.partition(".")
    value = getattr(dates, outer)
    if not inner:
        return value
    return value.get(inner) if isinstance(value, dict) else None


def facts(records: Iterable[tuple[Resource, Dates]], times: Times, counts: Counter[str]) -> list[Fact]:
    """The records of one patient, each with what is known of its past."""
    every = list(records)
    done = _fulfilled(every, times)
    return [_fact(record, dates, times, counts, done) for record, dates in every]


def as_of(every: Iterable[Fact], moment: Moment) -> Iterator[Resource]:
    """The records that were known at a moment, as they were then."""
    for fact in every:
        if fact.known is not None and fact.known.is_after(moment):
            continue
        is_changed = fact.before is not None and fact.until is not None and fact.until.is_after(moment)
        yield fact.before if is_changed and fact.before is not None else fact.record


def _fact(
    record: Resource, dates: Dates, times: Times, counts: Counter[str], done: Mapping[str, Moment]
) -> Fact:
    if isinstance(record, Patient):
        return _patient(record, dates, times)
    known = times.known(dates, record.resourceType)
    if known is None:
        counts["records without any date, taken as always known"] += 1
    before = _before(record)
    if before is None and not _may_have_changed(record):
        return Fact(record, known)
    until = times.first(dates, _ENDS.get(type(record), ())) if before is not None else None
    until = until or done.get(f"{record.resourceType}/{record.id}")
    if before is not None and until is not None:
        return Fact(record, known, before, until)
    if isinstance(record, Procedure):
        return Fact(record, known)  # it is known from its start; where that is all there is, it ended then
    return Fact(record, known, is_unproven=True, updated=times.first(dates, _UPDATED))


_ENDS: Mapping[type, tuple[str, ...]] = {
    Condition: ("abatementDateTime", "abatementPeriod.end", "abatementPeriod.start"),
    ServiceRequest: ("statusChanged",),
    DeviceRequest: ("statusChanged",),
    MedicationRequest: ("statusChanged",),
    MedicationStatement: ("effectivePeriod.end",),
    Procedure: ("performedPeriod.end", "occurrencePeriod.end"),
}


def _patient(record: Patient, dates: Dates, times: Times) -> Fact:
    if not record.deceasedBoolean and not record.deceasedDateTime:
        return Fact(record, None)
    died = times.read(record.deceasedDateTime)
    if died is None:
        return Fact(record, None, is_unproven=True, updated=times.first(dates, _UPDATED))
    return Fact(record, None, structs.replace(record, deceasedBoolean=None, deceasedDateTime=None), died)


def _before(record: Resource) -> Resource | None:
    """The record before it ended; None of one that has not, or was never so."""
    if isinstance(record, Condition):
        is_over = clinical_status(record.clinicalStatus) in OVER
        return structs.replace(record, clinicalStatus=_ACTIVE) if is_over else None
    if isinstance(record, Procedure):
        is_done = status("Procedure", record.status) == "completed"
        return structs.replace(record, status="in-progress") if is_done else None
    if isinstance(record, ServiceRequest | MedicationRequest):
        has_ended = status(record.resourceType, record.status) in _ENDED
        return structs.replace(record, status="active") if has_ended else None
    return None


def _may_have_changed(record: Resource) -> bool:
    """Whether a record says what it may have said only later, and not when."""
    if isinstance(record, AllergyIntolerance) and clinical_status(record.clinicalStatus) in OVER:
        return True
    if isinstance(record, Condition | AllergyIntolerance):
        return verification_status(record.verificationStatus) in NOT_TRUE
    if isinstance(record, Device):
        return status("Device", record.status) in ("inactive", "entered-in-error")
    if isinstance(record, Observation | DiagnosticReport):
        return record.status in _CORRECTED
    return getattr(record, "status", None) == "entered-in-error"


def _fulfilled(records: Iterable[tuple[Resource, Dates]], times: Times) -> dict[str, Moment]:
    """When the first report or procedure came that was based on an order, by the reference of the order."""
    first: dict[str, Moment] = {}
    for record, dates in records:
        if not isinstance(record, DiagnosticReport | Procedure) or dates.basedOn is None:
            continue
        moment = times.known(dates, record.resourceType)
        for reference in _references(dates.basedOn):
            for kind in ("ServiceRequest", "DeviceRequest", "MedicationRequest"):
                named = reference_id(reference, kind)
                place = f"{kind}/{named}"
                if named and moment and (place not in first or first[place].is_after(moment)):
                    first[place] = moment
    return first


def _references(value: Any) -> Iterator[str]:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict) and isinstance(one.get("reference"), str):
            yield one["reference"]
