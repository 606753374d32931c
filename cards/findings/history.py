"""The course of one foot, stored so that a question about any moment need not go through every reading (D13)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from cards.record.facts import Reading
from cards.record.moments import Latest, Moment

LOSS_WINDOW = timedelta(days=14)


class History:
    """The readings of one foot; `last` is the newest one that counts."""

    def __init__(self, readings: Iterable[Reading], last: Reading | None) -> None:
        self._last = last
        self._instants: dict[datetime, Reading] = {}  # the lowest of each instant, and of each day without a time
        self._days: dict[date, Reading] = {}
        dated = [reading for reading in readings if reading.when is not None]
        for reading in dated:
            _keep_lowest(reading, self._instants, self._days)
        self._sorted_instants = sorted(self._instants)
        self._sorted_days = sorted(self._days)
        self._higher = Latest.of(reading.when for reading in dated if self._is_lost(reading))

    def _is_lost(self, reading: Reading) -> bool:
        """Whether the last reading is lower than this earlier one."""
        last = self._last
        if last is None or last.when is None or reading.when is None:
            return False
        return reading.value > last.value and last.when.is_after(reading.when)

    def is_lost_since(self, event: Moment) -> bool:
        """Whether strength was lost after an event.

        The last reading is compared with those between the event and itself, and with the last reading of the 14 d up
        to the event.
        """
        last = self._last
        if last is None or last.when is None or not last.when.is_after(event):
            return False
        start = self._grade_at(event)
        return (start is not None and start > last.value) or self._higher.is_after(event)

    def _grade_at(self, event: Moment) -> float | None:
        """The last grade in the 14 d up to an event; the lower of two at the same time."""
        before = [reading for reading in (self._clocked_before(event), self._day_before(event)) if reading is not None]
        recent = [reading for reading in before if reading.when and event.since(reading.when) <= LOSS_WINDOW]
        day = max((reading.when.day for reading in recent if reading.when), default=None)
        return min((reading.value for reading in recent if reading.when and reading.when.day == day), default=None)

    def _clocked_before(self, event: Moment) -> Reading | None:
        if event.instant is not None:
            number = bisect_right(self._sorted_instants, event.instant)
        else:
            number = bisect_right(self._sorted_instants, event.day, key=lambda instant: _day(self._instants[instant]))
        return self._instants[self._sorted_instants[number - 1]] if number else None

    def _day_before(self, event: Moment) -> Reading | None:
        number = bisect_right(self._sorted_days, event.day)
        return self._days[self._sorted_days[number - 1]] if number else None


def _keep_lowest(reading: Reading, instants: dict[datetime, Reading], days: dict[date, Reading]) -> None:
    when = reading.when
    assert when is not None
    if when.instant is not None:
        instants[when.instant] = min(instants.get(when.instant, reading), reading, key=_value)
    else:
        days[when.day] = min(days.get(when.day, reading), reading, key=_value)


def _value(reading: Reading) -> float:
    return reading.value


def _day(reading: Reading) -> date:
    assert reading.when is not None
    return reading.when.day
