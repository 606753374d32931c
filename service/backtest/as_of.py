"""The record as of a moment: what was known then, and what a status said before it changed.

An export holds each record as it is today. The record itself says when it became known: `issued` of a result or a
report, `authoredOn` of an order, `recordedDate` of a problem. Without these, the date on which it happened counts. The
day on which the server last wrote it (meta.lastUpdated) is often that of a migration, and counts only if there is
nothing else. Days compare as in the rules: a record dated without a clock time is known for the whole of that day.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import Raw, Struct, structs

from cards.record.decoding import NO_JSON
from cards.record.elements import NOTHING
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
from service.backtest.usual_dates import are_usual, is_usual

_END_OF_TIME = datetime(9990, 1, 1, tzinfo=UTC)  # a Clock treats a date later than its now as now
_OFFSET = re.compile(r"[+-]\d\d:?\d\d$")
_DAY = len("2026-03-02")
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
    """The elements of a record that say when it became known and when it ended; each may hold anything."""

    meta: Raw = NOTHING
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
    statusChanged: object = None
    basedOn: object = None
    birthDate: object = None
    deceasedDateTime: object = None


Names = tuple[str, ...]
_decode = msgspec.json.Decoder(Dates).decode

# By type: the elements that say when it was written down, and those that say when it happened.
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
    "Patient": ((), ("birthDate",)),
}


def elements_told(kind: str) -> Sequence[str]:
    """The elements that say when a record of a type became known, without meta; for a Patient, the birth date."""
    return tuple(dict.fromkeys(name.partition(".")[0] for names in _KNOWN.get(kind, ()) for name in names))


_UPDATED = ("meta.lastUpdated",)


class Fact(Struct, gc=False):
    """A record, when it became known (empty: always), and its earlier state, `before`, which it had `until` a date.

    `is_unproven` says that its status may be newer than a moment before `updated`, and that no date proves it. The
    dates are kept as they are written: most show at a glance on which side of a moment they lie.
    """

    record: Resource
    known: str = ""
    before: Resource | None = None
    until: str = ""
    is_unproven: bool = False
    updated: str = ""


def dates_of(raw: bytes) -> Dates:
    """The dates of a record; none if it cannot be read."""
    try:
        return _decode(raw)
    except (*NO_JSON, msgspec.ValidationError):
        return Dates()


class Point(Struct, frozen=True):
    """A point in time, with the days around it: a date beyond them is before or after it in every time zone."""

    moment: Moment
    day_before: str
    day_after: str

    @classmethod
    @lru_cache(maxsize=1_000)
    def at(cls, at: datetime) -> Point:
        """The point at which the chart is opened."""
        day = at.date()
        around = (str(day - timedelta(days=1)), str(day + timedelta(days=1)))
        return cls(Moment(day, at.astimezone(UTC)), *around)


class Times:
    """Reads dates, those without a zone in the site's time zone, and counts what is odd about them."""

    def __init__(self, zone: tzinfo, known_by: KnownBy, counts: Counter[str]) -> None:
        self.zone = zone
        self._clock = Clock(_END_OF_TIME.astimezone(zone))
        self._known_by = known_by
        self._counts = counts
        self._told = defaultdict(tuple, {kind: _in_order(*both, known_by) for kind, both in _KNOWN.items()})

    def read(self, text: str) -> Moment | None:
        """The moment that a text names; None when it names none."""
        return self._clock.read(text)

    def first(self, dates: Any, names: Iterable[str]) -> str:
        """The first of these elements that names a moment, as it is written; empty when none does."""
        for name in names:
            value = written(dates, name) if "." in name else getattr(dates, name)
            if value is not None and (text := self._checked(value)):
                return text
        return ""

    def _checked(self, value: object) -> str:
        if not isinstance(value, str):
            self._counts["dates that cannot be read"] += 1
            return ""
        if is_usual(value):
            return value
        text = value.strip()
        if self.read(text) is None:
            self._counts["dates that cannot be read"] += 1
            return ""
        if "T" in text and text[-1] != "Z" and not _OFFSET.search(text):
            self._counts["dates without a zone, read in the time zone of the settings"] += 1
        return text

    def told(self, kind: str) -> Names:
        """The elements of a type that say when a record became known."""
        return self._told[kind]

    def known(self, dates: Any, kind: str) -> str:
        """When a record of a type became known."""
        return self._known(dates, self._told[kind])

    def known_all(self, every: Sequence[Any], kind: str) -> list[str]:
        """When each of several records of a type became known."""
        told = self._told[kind]
        if not told:
            return [self._known(dates, told) for dates in every]
        outer, _, inner = told[0].partition(".")  # nearly always present, and written in the usual way
        values = list(map(attrgetter(outer), every))
        if inner:
            values = [value.get(inner) if type(value) is dict else value for value in values]
        if are_usual(values):
            return values
        return [
            value if type(value) is str and is_usual(value) else self._known(dates, told)
            for value, dates in zip(values, every, strict=True)
        ]

    def _known(self, dates: Any, told: Names) -> str:
        text = self.first(dates, told)
        if not text and self._known_by is not KnownBy.UPDATED and (text := self.first(dates, _UPDATED)):
            self._counts["records known only by meta.lastUpdated"] += 1
        return text

    def is_after(self, text: str, point: Point) -> bool:
        """Whether a date, as it is written, is later than a point in time; an empty one never is."""
        if len(text) >= _DAY:
            if text < point.day_before:
                return False
            if text[:_DAY] > point.day_after:
                return True
        read = self.read(text)
        return read is not None and read.is_after(point.moment)


def _in_order(recorded: Names, happened: Names, known_by: KnownBy) -> Names:
    if known_by is KnownBy.RECORDED:
        return (*recorded, *happened)
    return (*happened, *recorded) if known_by is KnownBy.HAPPENED else (*_UPDATED, *recorded, *happened)


def written(dates: Any, name: str) -> object:
    """The value of a member of an element, such as `period.end`."""
    outer, _, inner = name.partition(".")
    value = _meta(dates.meta) if outer == "meta" else getattr(dates, outer)
    return value.get(inner) if isinstance(value, dict) else None


def facts(records: Iterable[tuple[Resource, Dates]], times: Times, counts: Counter[str]) -> list[Fact]:
    """The records of one patient, each with what is known of its past."""
    every = list(records)
    done = _fulfilled(every, times)
    return [_fact(record, dates, times, counts, done) for record, dates in every]


def as_of(every: Iterable[Fact], point: Point, times: Times) -> Iterator[Resource]:
    """The records that were known at a point in time, as they were then."""
    low, is_after = point.day_before, times.is_after
    for fact in every:
        known = fact.known
        if known and (not (len(known) >= _DAY and known < low) and is_after(known, point)):
            continue
        yield fact.before if fact.before is not None and is_after(fact.until, point) else fact.record


def is_undone(fact: Fact, point: Point, times: Times) -> bool:
    """Whether a date proves that a record was different at a point in time."""
    return fact.before is not None and times.is_after(fact.until, point)


def may_be_newer(fact: Fact, point: Point, times: Times) -> bool:
    """Whether the status of a record may have changed after a point in time, with no date to prove it."""
    return fact.is_unproven and (not fact.updated or times.is_after(fact.updated, point))


def _fact(record: Resource, dates: Dates, times: Times, counts: Counter[str], done: Mapping[str, str]) -> Fact:
    kind = type(record)
    if isinstance(record, Patient):
        return _patient(record, dates, times)
    known = times.known(dates, record.resourceType)
    if not known:
        counts["records without any date, taken as always known"] += 1
    before = _BEFORE[kind](record) if kind in _BEFORE else None
    if before is not None:
        until = times.first(dates, _ENDS[kind]) or done.get(f"{record.resourceType}/{record.id}", "")
        if until:
            return Fact(record, known, before, until)
        if kind is Procedure:
            return Fact(record, known)  # known from its start; if there is no other date, it ended then too
    elif kind not in _CHANGED or not _CHANGED[kind](record):
        return Fact(record, known)
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
        return Fact(record)
    died = times.first(dates, ("deceasedDateTime",))
    if not died:
        return Fact(record, is_unproven=True, updated=times.first(dates, _UPDATED))
    return Fact(record, "", structs.replace(record, deceasedBoolean=None, deceasedDateTime=None), died)


def _open_problem(record: Any) -> Resource | None:
    """A Condition before it was over; None if it is not over."""
    is_over = record.clinicalStatus is not NOTHING and clinical_status(record.clinicalStatus) in OVER
    return structs.replace(record, clinicalStatus=_ACTIVE) if is_over else None


def _open_request(record: Any) -> Resource | None:
    """A request before it was fulfilled or withdrawn."""
    has_ended = record.status != "active" and status(record.resourceType, record.status) in _ENDED
    return structs.replace(record, status="active") if has_ended else None


def _begun(record: Any) -> Resource | None:
    """A procedure before it was completed."""
    is_done = status("Procedure", record.status) == "completed"
    return structs.replace(record, status="in-progress") if is_done else None


def _is_untrue(record: Any) -> bool:
    return verification_status(record.verificationStatus) in NOT_TRUE


def _is_corrected(record: Any) -> bool:
    return record.status in _CORRECTED


_BEFORE: Mapping[type, Callable[[Any], Resource | None]] = {
    Condition: _open_problem,
    ServiceRequest: _open_request,
    DeviceRequest: _open_request,
    MedicationRequest: _open_request,
    MedicationStatement: _open_request,
    Procedure: _begun,
}
"""By type, the record before it ended; None if it has not ended."""
_CHANGED: Mapping[type, Callable[[Any], bool]] = {
    Condition: _is_untrue,
    AllergyIntolerance: lambda record: _is_untrue(record) or clinical_status(record.clinicalStatus) in OVER,
    Observation: _is_corrected,
    DiagnosticReport: _is_corrected,
    ServiceRequest: _is_corrected,
    DeviceRequest: _is_corrected,
    MedicationRequest: _is_corrected,
    MedicationStatement: _is_corrected,
    Procedure: _is_corrected,
    Device: lambda record: status("Device", record.status) in ("inactive", "entered-in-error"),
}
"""By type, whether a record has a status that it may have got only later, without saying when."""


def _fulfilled(records: Iterable[tuple[Resource, Dates]], times: Times) -> dict[str, str]:
    """When the first report or procedure that was based on an order came, by the reference of the order."""
    first: dict[str, tuple[Moment, str]] = {}
    for record, dates in records:
        if not isinstance(record, DiagnosticReport | Procedure) or dates.basedOn is None:
            continue
        text = times.first(dates, times.told(record.resourceType))
        moment = times.read(text)
        for reference in _references(dates.basedOn):
            for kind in ("ServiceRequest", "DeviceRequest", "MedicationRequest"):
                named = reference_id(reference, kind)
                place = f"{kind}/{named}"
                if named and moment and (place not in first or first[place][0].is_after(moment)):
                    first[place] = moment, text
    return {place: text for place, (_, text) in first.items()}


def _meta(raw: Raw) -> object:
    try:
        return msgspec.json.decode(raw) if raw is not NOTHING else None
    except NO_JSON:
        return None


def last_updated(dates: Dates) -> str:
    """When the server last wrote a record; empty when it does not say."""
    updated = written(dates, "meta.lastUpdated")
    return updated if isinstance(updated, str) else ""


def _references(value: Any) -> Iterator[str]:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict) and isinstance(one.get("reference"), str):
            yield one["reference"]
