"""The readings of Observations: a chart holds hundreds, and each is read when a rule first asks for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from functools import cached_property, lru_cache

from msgspec import Struct

from cards.record import values
from cards.record.codes import Meaning
from cards.record.decoding import QUANTITY
from cards.record.elements import Valued
from cards.record.facts import Reading
from cards.record.moments import Moment
from cards.record.newest import MOST_OF_A_KIND, Label, clocked, newest_of
from cards.record.reader import Reader
from cards.record.records import Observation, reference
from cards.record.sites import side
from cards.record.words import printable

_SHOWN = 40  # characters of a value that cannot be read
_MARGIN = timedelta(days=2)  # a day may begin in another time zone
_NONE: list[Reading] = []  # never changed in place


def _labels(reading: Reading) -> list[Label]:
    """A label of its side and, unless it is a measurement, one of its answer: the newest of each answer is kept."""
    kind = reading.side, clocked(reading)
    if reading.code not in values.ANSWERED:
        return [(kind, MOST_OF_A_KIND)]
    return [(kind, MOST_OF_A_KIND), ((*kind, reading.value), 1)]


@lru_cache(maxsize=1000)
def _place(meaning: Meaning) -> tuple[str, str]:
    """The exam code or measurement key under which it is read, and its key without `observation.`."""
    key = meaning.key.partition(".")[2]
    return meaning.code if meaning.code in values.EXAM_NAMES else key, key


class _Observed(Struct):
    """An Observation, or a component of it, whose code means something; its value is read when asked for."""

    record: Observation
    valued: Valued
    key: str
    reading: Reading | None = None
    is_read: bool = False


class Unreadable:
    """A value that is recorded but cannot be read; it is examined when a rule asks what is written there."""

    def __init__(self, reader: Reader, record: Observation, valued: Valued) -> None:
        self._reader = reader
        self._record = record
        self._valued = valued

    @cached_property
    def when(self) -> Moment | None:
        """The time to which the value applies."""
        return self._reader.effective(self._record)

    @cached_property
    def words(self) -> str:
        """What is written there; empty when there is nothing."""
        quantity = QUANTITY.read(self._valued.valueQuantity, self._record, [])  # any loss has been counted
        return printable(values.written(self._valued, quantity)[:_SHOWN])


class Readings:
    """What was observed, by exam code or measurement key."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._observed: defaultdict[str, list[_Observed]] = defaultdict(list)
        self._readings: dict[str, list[Reading]] = {}
        self._unreadable: defaultdict[str, list[Unreadable]] = defaultdict(list)

    def add(self, meaning: Meaning, record: Observation, valued: Valued) -> None:
        """Add an Observation, or a component of one, unread."""
        code, key = _place(meaning)
        self._observed[code].append(_Observed(record, valued, key))

    def of(self, code: str) -> list[Reading]:
        """The valid readings of one finding or measurement."""
        if code not in self._observed:
            return _NONE
        readings = self._readings.get(code)
        if readings is None:
            readings = self._readings[code] = self._read(code, self._observed[code])
        return readings

    def unreadable(self, code: str) -> list[Unreadable]:
        """The recorded values of a finding or measurement that cannot be read."""
        self.of(code)
        return self._unreadable.get(code, [])

    def recent(self, code: str, window: timedelta) -> list[Reading]:
        """The valid readings without those that are surely too old for a window; these are not even read."""
        if code not in self._observed or code in self._readings:
            return self.of(code)
        clock = self._reader.clock
        oldest = (clock.now.date() - window - _MARGIN).isoformat()
        return self._read(
            code,
            (item for item in self._observed[code] if not clock.is_before(item.record.effectiveDateTime, oldest)),
        )

    def read_all(self) -> None:
        """Also read what no rule has asked for: anything that cannot be read becomes a defect."""
        for code in self._observed:
            self.of(code)

    def _read(self, code: str, observed: Iterable[_Observed]) -> list[Reading]:
        readings = []
        for item in observed:
            if not item.is_read:
                item.reading, item.is_read = self._reading_or_none(code, item), True
            if item.reading is not None:
                readings.append(item.reading)
        return newest_of(readings, _labels)

    def _reading_or_none(self, code: str, observed: _Observed) -> Reading | None:
        try:
            return self._reading(code, observed)
        except Exception as error:  # whatever the error, only this record is lost
            self._reader.lose(observed.record, error)
            return None

    def _reading(self, code: str, observed: _Observed) -> Reading | None:
        reader, record, valued, key = self._reader, observed.record, observed.valued, observed.key
        quantity = QUANTITY.read(valued.valueQuantity, record, reader.defects)
        value: float | None
        bound = ""
        if key == "mrc":
            value = values.grade(valued, quantity)
        elif key in ("signs", "spine-stability"):
            value = values.yes_no(valued, code, reader.codes)
        else:
            amount = values.amount(valued, quantity, code)
            value, bound = amount or (None, "")
        if value is None:
            reader.defect(record, "value", f"gives no reading of {code}")
            self._unreadable[code].append(Unreadable(reader, record, valued))
            return None
        return Reading(
            reference=reference(record),
            when=reader.dated(record, reader.effective(record), "effective"),
            side=side(record, reader.codes),
            text=values.stated(code, key, value, bound),
            code=code,
            value=value,
            bound=bound,
        )
