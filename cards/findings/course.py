"""Strength over time: series by side, loss of strength, and loss since an event (decisions D4, D5, D11 to D13)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from msgspec import Struct

from cards.findings.history import LOSS_WINDOW, History
from cards.language.finding import finding
from cards.record.chart import Chart
from cards.record.facts import Evidence, Procedure, Reading
from cards.record.moments import Moment, newest
from cards.record.side import Side

DORSIFLEXION = ("observation.mrc",)
EXAM_WINDOW = timedelta(days=30)  # D5: how long an examination finding counts
DECOMPRESSION = "procedure.lumbar-decompression"


class Loss(Struct, frozen=True):
    """At least one MRC grade lost: from the higher reading to the newest one."""

    before: Reading
    after: Reading


def by_foot(readings: Iterable[Reading]) -> dict[Side, list[Reading]]:
    """Readings as one series per foot; a bilateral reading is in both, and readings without a side form their own."""
    series: dict[Side, list[Reading]] = {}
    for reading in readings:
        for foot in reading.side.feet:
            series.setdefault(foot, []).append(reading)
    return series


@finding(*DORSIFLEXION)
def dorsiflexion(chart: Chart) -> dict[Side, list[Reading]]:
    """The ankle dorsiflexion readings, by side; the lower of two at one moment (D4)."""
    series = by_foot(chart.readings("mrc-ankle-dorsiflexion"))
    return {side: _lowest_at_each_moment(readings) for side, readings in series.items()}


def _lowest_at_each_moment(readings: list[Reading]) -> list[Reading]:
    """The readings without those overruled by a lower one of the same instant, or of the same date without a time."""
    lowest: dict[object, float] = {}
    for reading in readings:
        when = reading.when
        if when is None:
            continue
        for moment in (when.instant, ("day", when.day), ("date", when.day) if when.instant is None else None):
            lowest[moment] = min(lowest.get(moment, reading.value), reading.value)

    def is_overruled(when: Moment, value: float) -> bool:
        if when.instant is None:
            return lowest["day", when.day] < value
        return min(lowest[when.instant], lowest.get(("date", when.day), value)) < value

    return [reading for reading in readings if reading.when is None or not is_overruled(reading.when, reading.value)]


def newest_grade(chart: Chart, readings: Iterable[Reading], window: timedelta = EXAM_WINDOW) -> Reading | None:
    """The newest reading if it lies in the window; the lower grade if there are two at that time."""
    return lowest_within(chart, newest(readings, lambda reading: reading.when), window)


def lowest_within(chart: Chart, last: list[Reading], window: timedelta) -> Reading | None:
    """The lowest of the newest readings, if they lie in the window."""
    if not last or not chart.within(last[0].when, window):
        return None
    return min(last, key=lambda reading: (reading.value, reading.reference))


@finding(DECOMPRESSION)
def newest_decompression(chart: Chart) -> Procedure | None:
    """The newest lumbar decompression that has a date."""
    done = newest(chart.procedures(DECOMPRESSION), lambda procedure: procedure.when)
    return done[0] if done else None


def loss_in_series(chart: Chart, readings: list[Reading]) -> Loss | None:
    """D11: newest reading <=14 d old and >=1 grade below the highest of the 14 d before it.

    Loss before an operation, and comparison across it, do not count (D13).
    """
    if len(readings) < 2:
        return None
    readings = _since_operation(readings, newest_decompression(chart))
    last = newest_grade(chart, readings, LOSS_WINDOW)
    if last is None or last.when is None:
        return None
    end = last.when
    earlier = [
        reading
        for reading in readings
        if reading.when and end.is_after(reading.when) and end.since(reading.when) <= LOSS_WINDOW
    ]
    return _lost(earlier, last)


def measured_losses(chart: Chart, sides: Iterable[Side]) -> list[Loss]:
    """D11 on the dropped sides and in the series without a known side."""
    losses = (loss_in_series(chart, readings) for readings in _series_of(chart, sides))
    return [loss for loss in losses if loss is not None]


def is_lost_since(chart: Chart, sides: Iterable[Side], event: Moment) -> bool:
    """D13: loss after an event (a study, an operation, a refusal), measured or charted."""
    histories = chart.once(_histories, lambda: _histories(chart))
    if any(histories[side].is_lost_since(event) for side in _of_interest(sides) if side in histories):
        return True
    charted = charted_progression(chart)
    return charted is not None and charted.when is not None and charted.when.is_after(event)


def _histories(chart: Chart) -> dict[Side, History]:
    """The course of each foot, which answers for every study and order whether strength was lost since."""
    return {side: History(readings, newest_grade(chart, readings)) for side, readings in dorsiflexion(chart).items()}


@finding("observation.signs")
def charted_progression(chart: Chart) -> Reading | None:
    """D12: newest `progression-rapid` present, <=14 d old."""
    for readings in by_foot(chart.readings("progression-rapid")).values():
        last = newest(readings, lambda reading: reading.when)
        present = next((reading for reading in last if reading.value), None)
        if present is not None and chart.within(present.when, LOSS_WINDOW):
            return present
    return None


@finding(charted_progression, DECOMPRESSION)
def charted_decline(chart: Chart) -> Reading | None:
    """D12, except rapid progression that was charted before the newest decompression (D13)."""
    charted, operation = charted_progression(chart), newest_decompression(chart)
    if charted is None or operation is None or operation.when is None:
        return charted
    return charted if charted.when is not None and not operation.when.is_after(charted.when) else None


def _series_of(chart: Chart, sides: Iterable[Side]) -> Iterator[list[Reading]]:
    series = dorsiflexion(chart)
    yield from (series[side] for side in _of_interest(sides) if side in series)


def _of_interest(sides: Iterable[Side]) -> Iterable[Side]:
    return dict.fromkeys((*sides, Side.UNKNOWN))


def _since_operation(readings: list[Reading], operation: Procedure | None) -> list[Reading]:
    """The readings, without those older than the last one before the operation: 4, 2, operation, 3 is improving.

    If the newest reading of all is from the day of the operation, it does not count as one before the operation.
    """
    if operation is None or operation.when is None:
        return readings
    done = operation.when
    newest_ones = newest(readings, lambda reading: reading.when)
    is_over = any(reading.when and done.is_after(reading.when) for reading in newest_ones)
    kept = set() if is_over else {id(reading) for reading in newest_ones}
    before = [
        reading for reading in readings if reading.when and id(reading) not in kept and not reading.when.is_after(done)
    ]
    last = newest(before, lambda reading: reading.when)
    lowest = min((reading.value for reading in last), default=0)
    kept |= {id(reading) for reading in last if reading.value == lowest}
    return [reading for reading in readings if id(reading) in kept or (reading.when and reading.when.is_after(done))]


def _lost(earlier: list[Reading], last: Reading) -> Loss | None:
    highest = max(earlier, key=lambda reading: (reading.value, reading.reference), default=None)
    return Loss(highest, last) if highest is not None and highest.value > last.value else None


def loss_evidence(loss: Loss | Reading) -> tuple[Evidence, ...]:
    """The readings, or the charted progression, that show the loss."""
    if isinstance(loss, Reading):
        return (Evidence.of(loss),)
    return Evidence.of(loss.before), Evidence.of(loss.after)
