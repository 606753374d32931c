"""What it takes to make a fact of a record: the codes of the site, the clock, and where defects are counted."""

from __future__ import annotations

from cards.record.codes import Codes
from cards.record.defects import Defect, Defects
from cards.record.elements import Period
from cards.record.errors import OtherPatientError
from cards.record.moments import Clock, Moment
from cards.record.prefetch_keys import PREFETCH_KEYS
from cards.record.records import DiagnosticReport, Observation, Resource, reference

_KEYS = {key.resource_type: {name} for name, key in PREFETCH_KEYS.items()}


class Reader:
    """Reads what the records of one patient have in common; what cannot be read is added to `defects`."""

    def __init__(self, codes: Codes, clock: Clock, patient_id: str) -> None:
        self.codes = codes
        self.clock = clock
        self.patient_id = patient_id
        self.defects = Defects()
        self.lost: set[str] = set()
        """The prefetch keys of which a record was left out since it raised."""

    def defect(self, record: Resource, element: str, why: str, *, dropped: bool = False) -> None:
        """Count an element of a record that could not be read."""
        self.defects.append(Defect(reference(record), element, why, dropped))

    def lose(self, record: Resource, error: Exception) -> None:
        """Leave out a record that raised while it was read, and count it: its key is read in part.

        Raises OtherPatientError again: a record of another patient is refused, never left out.
        """
        if isinstance(error, OtherPatientError):
            raise error
        self.defect(record, "", f"cannot be read ({type(error).__name__})", dropped=True)
        self.lost |= _KEYS.get(record.resourceType, set())

    def first(self, *written: str | None) -> Moment | None:
        """The first of several dateTimes that can be read."""
        for text in written:
            if text is not None and (moment := self.clock.read(text)) is not None:
                return moment
        return None

    def effective(self, record: Observation | DiagnosticReport) -> Moment | None:
        """When it was so: effective[x], or else when it was issued."""
        when = self.clock.read(record.effectiveDateTime)
        if when is None:
            when = self.first(*ends(record.effectivePeriod), record.effectiveInstant, record.issued)
        return when

    def dated(self, record: Resource, when: Moment | None, element: str) -> Moment | None:
        """The moment as it is given; a missing one is a defect of `element`."""
        if when is None:
            self.defect(record, element, "gives no date: it lies in no window and is never the newest")
        return when


def ends(period: Period | None) -> tuple[str | None, str | None]:
    """End and start: a finding and a procedure are as recent as their end."""
    return (period.end, period.start) if period else (None, None)
