"""The facts that a Chart holds: small typed values, each carrying the record that it stands on."""

from __future__ import annotations

from msgspec import Raw, Struct

from cards.record.moments import Moment
from cards.record.side import Side
from cards.record.words import printable

_PENDING = frozenset({"active", "on-hold", "draft"})


class Fact(Struct, frozen=True, kw_only=True):
    """Something a record says: its reference, when, on which side, and the words for a reader."""

    reference: str
    when: Moment | None = None
    side: Side = Side.UNKNOWN
    text: str = ""


class Problem(Fact, frozen=True, kw_only=True):
    """An active Condition; `when` is its onset, or the day it was recorded when only that is known."""

    keys: tuple[str, ...]


class Reading(Fact, frozen=True, kw_only=True):
    """One valid reading of a finding or a measurement.

    `value` is a grade 0 to 5 for a muscle, True for present, positive or reduced and False for the
    opposite, and a number in the unit of bindings.toml for a measurement; for spine-stability True is
    unstable.
    """

    code: str
    value: float


class Order(Fact, frozen=True, kw_only=True):
    """A request; `status` draft, active, on-hold, completed, revoked, ...; no priority means routine."""

    keys: tuple[str, ...]
    status: str
    priority: str | None = None
    declined: bool = False

    @property
    def is_pending(self) -> bool:
        """Active, on hold or draft."""
        return self.status in _PENDING

    @property
    def is_placed(self) -> bool:
        """Pending or completed: asked for, and not withdrawn."""
        return self.is_pending or self.status == "completed"


class Medicine(Fact, frozen=True, kw_only=True):
    """An active medicine; `text` is its name as recorded, `daily_mg` its daily dose when it is stated."""

    keys: tuple[str, ...]
    daily_mg: float | None = None


class Allergy(Fact, frozen=True, kw_only=True):
    """An active allergy: medicine keys and keys of [allergy]."""

    keys: tuple[str, ...]


class Draft(Fact, frozen=True, kw_only=True):
    """An order that is being written: what it orders, and its JSON as it came, for the echo.

    `subject` is the reference of the patient, for an echo of JSON that names none.
    Of one that `is_unread` nobody knows what it orders.
    """

    type: str
    keys: tuple[str, ...]
    priority: str | None = None
    daily_mg: float | None = None
    selected: bool = True
    subject: str = ""
    is_unread: bool = False
    raw: Raw | bytes = b""


class Lesion(Struct, frozen=True):
    """What a report concludes, and on which side (a central lesion is on both)."""

    key: str
    side: Side


class Report(Fact, frozen=True, kw_only=True):
    """A final report; `conclusion` is free text for the reader, never interpreted."""

    keys: tuple[str, ...]
    lesions: tuple[Lesion, ...] = ()
    conclusion: str = ""


class Procedure(Fact, frozen=True, kw_only=True):
    """A completed procedure; `when` is its end."""

    keys: tuple[str, ...]


class Implant(Fact, frozen=True, kw_only=True):
    """An active Device; `safety` is safe, conditional, unsafe, or unknown when nothing is coded."""

    keys: tuple[str, ...]
    safety: str = "unknown"


class Evidence(Struct, frozen=True, omit_defaults=True):
    """One dated fact that made a card speak, as it is shown to the clinician; what is not known is left out.

    Its words are printable, whatever the record holds: they go to terminals, logs and pages.
    """

    reference: str
    date: str = ""
    side: str = ""
    text: str = ""

    @classmethod
    def of(cls, fact: Fact, text: str = "") -> Evidence:
        """The evidence that a fact is, in its own words or in those given."""
        return cls(printable(fact.reference), str(fact.when or ""), fact.side.value, printable(text or fact.text))
