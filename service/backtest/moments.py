"""The moments at which the rules are asked: at each encounter, on each day, or once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta, tzinfo

import msgspec
from msgspec import Raw, Struct

from cards.record.decoding import NO_JSON
from cards.record.elements import NOTHING
from cards.record.encounters import encounter_class
from cards.record.records import Encounter
from cards.record.statuses import flat
from service.backtest.as_of import Times, written

_NEVER_BEGAN = frozenset({"planned", "cancelled", "entered-in-error"})
_LAST = time(23, 59, 59)
AT_DISCHARGE = "encounter-discharge"


class VisitDates(Struct, gc=False):
    """The elements that say when and where an encounter was; each may hold anything."""

    meta: Raw = NOTHING
    period: object = None
    serviceProvider: object = None
    location: object = None


_decode_visit = msgspec.json.Decoder(VisitDates).decode


def visit_dates_of(raw: bytes) -> VisitDates:
    """When and where an encounter was; empty if it cannot be read."""
    try:
        return _decode_visit(raw)
    except (*NO_JSON, msgspec.ValidationError):
        return VisitDates()


class Asked(Struct, frozen=True):
    """A moment at which the chart is opened, with the encounter during which it is opened."""

    at: datetime
    encounter: Encounter | None = None
    site: str = ""

    @property
    def encounter_class(self) -> str:
        """The class code of the encounter; empty when it has none."""
        return (self.encounter and encounter_class(self.encounter.encounterClass)) or ""


class Plan(Struct, frozen=True, kw_only=True):
    """When the rules are asked: `encounters`, `daily`, or one moment; from the first day to the last, both included.

    `daily` needs both.
    """

    at: str | datetime = "encounters"
    first: date | None = None
    last: date | None = None
    hook: str = "patient-view"

    def includes(self, moment: datetime) -> bool:
        """Whether a moment lies between the first and the last day."""
        day = moment.date()
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)

    @property
    def is_by_encounter(self) -> bool:
        """Whether the moments are those of encounters."""
        return self.at == "encounters"

    def moments(
        self, encounters: Iterable[tuple[Encounter, VisitDates]], times: Times, counts: Counter[str]
    ) -> list[Asked]:
        """The moments of one patient, the earliest first."""
        if isinstance(self.at, datetime):
            return [Asked(self.at)]
        if self.at == "daily":
            return [Asked(at) for at in self._days(times.zone)]
        asked = [one for encounter, dates in encounters if (one := self._of(encounter, dates, times, counts))]
        inside = [one for one in asked if self.includes(one.at)]
        counts["encounters outside the days asked for"] += len(asked) - len(inside)
        return sorted(inside, key=lambda one: (one.at, (one.encounter and one.encounter.id) or ""))

    def _days(self, zone: tzinfo) -> Iterator[datetime]:
        """The end of each day from the first to the last."""
        day, last = self.first, self.last
        while day is not None and last is not None and day <= last:
            yield datetime.combine(day, _LAST, zone)
            day += timedelta(days=1)

    def _of(self, encounter: Encounter, dates: VisitDates, times: Times, counts: Counter[str]) -> Asked | None:
        """When the chart is opened in an encounter: as it begins or, for discharge, as it ends."""
        if _status(encounter) in _NEVER_BEGAN:
            counts["encounters that never began"] += 1
            return None
        name = "period.end" if self.hook == AT_DISCHARGE else "period.start"
        moment = times.read(times.first(dates, (name,)))
        if moment is None:
            counts[f"encounters without {name}"] += 1
            return None
        if moment.instant is None:
            counts["encounters without a clock time, evaluated at the end of the day"] += 1
            at = datetime.combine(moment.day, _LAST, times.zone)
        else:
            at = moment.instant.astimezone(times.zone)
        return Asked(at, encounter, _site(dates))


def end_of(day: date, zone: tzinfo) -> datetime:
    """The last second of a day."""
    return datetime.combine(day, _LAST, zone)


def _status(encounter: Encounter) -> str | None:
    raw = bytes(encounter.status)
    try:
        return flat(msgspec.json.decode(raw)) if raw else None
    except NO_JSON:
        return None


def _site(dates: VisitDates) -> str:
    """Where an encounter was: the organisation that provides it, else its first location."""
    provider = written(dates, "serviceProvider.reference") or written(dates, "serviceProvider.display")
    if isinstance(provider, str):
        return provider
    place = dates.location[0] if isinstance(dates.location, list) and dates.location else None
    place = place.get("location") if isinstance(place, dict) else None
    reference = place.get("reference") or place.get("display") if isinstance(place, dict) else None
    return reference if isinstance(reference, str) else ""
