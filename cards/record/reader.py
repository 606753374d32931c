"""What is needed to make a fact from a record: the codes of the site, the clock, and where defects are counted."""

from __future__ import annotations

from msgspec import Raw

from cards.record.codes import Codes
from cards.record.defects import Defect, Defects
from cards.record.elements import NOTHING, Component, Contained, Period
from cards.record.errors import OtherPatientError
from cards.record.facts import LeftOut
from cards.record.moments import Clock, Moment
from cards.record.prefetch_keys import PREFETCH_KEYS
from cards.record.records import (
    Device,
    DiagnosticReport,
    Medication,
    MedicationRequest,
    Observation,
    Procedure,
    Resource,
    ServiceRequest,
    reference,
)
from cards.record.statuses import UNREADABLE, status
from cards.value_sets.value_set import VALUE_SETS

Part = Component | Contained | Medication
Stated = Observation | DiagnosticReport | ServiceRequest | MedicationRequest | Procedure | Device
_NOTHING = frozenset({b"[]", b"null", b"{}", b"[{}]"})

_KEYS = {key.resource_type: {name} for name, key in PREFETCH_KEYS.items()}


class Reader:
    """Reads what the records of one patient have in common; anything that cannot be read is added to `defects`."""

    def __init__(self, codes: Codes, clock: Clock, patient_id: str) -> None:
        self.codes = codes
        self.clock = clock
        self.patient_id = patient_id
        self.defects = Defects()
        self.left_out: list[LeftOut] = []
        self.lost: set[str] = set()
        """The prefetch keys of which a record was left out because reading it raised an error."""

    def defect(self, record: Resource, element: str, why: str, *, dropped: bool = False) -> None:
        """Count an element of a record that could not be read."""
        self.defects.append(Defect(reference(record), element, why, dropped))

    def leave_out(self, record: Resource, keys: tuple[str, ...], element: str, why: str, *, decides: bool) -> None:
        """Count a record of these keys that cannot be read, and remember it."""
        self.defect(record, element, why, dropped=True)
        said = f"its {element} {why}"
        known = VALUE_SETS.get(min(keys))
        about = known.name if known else f"The {record.resourceType.lower()}"
        self.left_out.append(LeftOut(reference(record), about, keys, said, decides))

    def is_modified(
        self, record: Resource, keys: tuple[str, ...], *, part: Part | None = None, decides: bool = False
    ) -> bool:
        """Whether an unknown modifier extension may reverse the meaning of a record, or of a part of it.

        The record, or the part, is then left out (O13).
        """
        if not is_given((part or record).modifierExtension):
            return False
        self.leave_out(record, keys, "modifierExtension", "is unknown and may change its meaning", decides=decides)
        return True

    def status(self, record: Stated, keys: tuple[str, ...]) -> str | None:
        """The status of a record as R4 writes it; one that cannot be read is counted and remembered."""
        said = status(record.resourceType, record.status)
        if said == UNREADABLE:
            self.leave_out(record, keys, "status", "cannot be read", decides=False)
        return said

    def lose(self, record: Resource, error: Exception) -> None:
        """Leave out a record that raised an error while it was read, and count it: its key has been read only in part.

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
        """The time to which a record applies: effective[x], or else when it was issued."""
        when = self.clock.read(record.effectiveDateTime)
        if when is None:
            when = self.first(*ends(record.effectivePeriod), record.effectiveInstant, record.issued)
        return when

    def dated(self, record: Resource, when: Moment | None, element: str) -> Moment | None:
        """The moment as it is given; a missing one is a defect of `element`."""
        if when is None:
            self.defect(record, element, "gives no date: it lies in no window and is never the newest")
        return when


def is_given(modifier: Raw) -> bool:
    """Whether a modifierExtension is present at all."""
    return modifier is not NOTHING and bytes(modifier).translate(None, b" \t\r\n") not in _NOTHING


def ends(period: Period | None) -> tuple[str | None, str | None]:
    """End and start: a finding and a procedure are as recent as their end."""
    return (period.end, period.start) if period else (None, None)
