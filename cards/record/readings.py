"""The answers of Observations: a chart holds hundreds, and each is read when a rule first asks for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

from msgspec import Struct

from cards.record import values as answers
from cards.record.codes import Meaning
from cards.record.decoding import QUANTITY
from cards.record.elements import Answer
from cards.record.facts import Reading
from cards.record.records import Observation, reference
from cards.record.reports import Reader

_MARGIN = timedelta(days=2)  # a day may begin in another time zone
_NONE: list[Reading] = []  # nobody changes an answer in place


class _Answered(Struct):
    """An Observation, or a component of it, that answers something."""

    record: Observation
    answer: Answer
    key: str
    reading: Reading | None = None
    is_read: bool = False


class Answers:
    """What was answered, by exam code or measurement key."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._answered: defaultdict[str, list[_Answered]] = defaultdict(list)
        self._readings: dict[str, list[Reading]] = {}

    def add(self, meaning: Meaning, record: Observation, answer: Answer) -> None:
        """Take in an answer, unread."""
        key = meaning.key.partition(".")[2]
        name = meaning.code if meaning.code in answers.EXAM_NAMES else key
        self._answered[name].append(_Answered(record, answer, key))

    def of(self, code: str) -> list[Reading]:
        """The valid answers of one finding or measurement."""
        if code not in self._answered:
            return _NONE
        found = self._readings.get(code)
        if found is None:
            found = self._readings[code] = self._read(code, self._answered[code])
        return found

    def recent(self, code: str, window: timedelta) -> list[Reading]:
        """The valid answers without those that are surely too old for a window; these are not even read."""
        if code not in self._answered or code in self._readings:
            return self.of(code)
        clock = self._reader.clock
        oldest = (clock.now.date() - window - _MARGIN).isoformat()
        waiting = self._answered[code]
        return self._read(
            code, (each for each in waiting if not clock.is_before(each.record.effectiveDateTime, oldest))
        )

    def read_all(self) -> None:
        """Read what no rule has asked for as well: what cannot be read becomes a defect."""
        for code in self._answered:
            self.of(code)

    def _read(self, code: str, answered: Iterable[_Answered]) -> list[Reading]:
        found = []
        for each in answered:
            if not each.is_read:
                each.reading, each.is_read = self._reading(code, each), True
            if each.reading is not None:
                found.append(each.reading)
        return found

    def _reading(self, code: str, answered: _Answered) -> Reading | None:
        reader, record, answer, key = self._reader, answered.record, answered.answer, answered.key
        quantity = QUANTITY.read(answer.valueQuantity, record, reader.defects)
        value: float | None
        if key == "mrc":
            value = answers.grade(answer, quantity)
        elif key in ("signs", "spine-stability"):
            value = answers.yes_no(answer, quantity, code, reader.codes)
        else:
            value = answers.amount(answer, quantity, code)
        if value is None:
            reader.defect(record, "value", f"gives no answer for {code}")
            return None
        return Reading(
            reference=reference(record),
            when=reader.dated(record, reader.effective(record), "effective"),
            side=reader.codes.side(record.bodySite),
            text=answers.stated(code, key, value),
            code=code,
            value=value,
        )
