"""The facts that a Chart holds: small typed values, each with a reference to the record that it is based on."""

from __future__ import annotations

from msgspec import Raw, Struct, field

from cards.record.moments import Moment
from cards.record.quantities import at_least
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
    """An active Condition; `when` is its onset or, if only that is known, the day it was recorded (`is_recorded`).

    `codes` are the codes that were recognised, each with the key that it means.
    """

    keys: tuple[str, ...]
    codes: tuple[tuple[str, str], ...] = ()
    is_recorded: bool = False


class Reading(Fact, frozen=True, kw_only=True):
    """One valid reading of a finding or a measurement.

    `value` is a grade 0 to 5 for a muscle, True for present, positive or reduced and False for the
    opposite, and a number in the unit of bindings.toml for a measurement; for spine-stability True is
    unstable. `bound` is the comparator of a number that is known only to lie above or below `value`.
    """

    code: str
    value: float
    bound: str = ""

    def at_least(self, limit: float) -> bool | None:
        """Whether the number is at least the limit; None when its bound does not decide that."""
        return at_least(self.value, self.bound, limit)


class Order(Fact, frozen=True, kw_only=True):
    """A request; `status` is draft, active, on-hold, completed, revoked, ...; no priority means routine."""

    keys: tuple[str, ...]
    status: str
    priority: str | None = None
    declined: bool = False

    @property
    def is_pending(self) -> bool:
        """Active, on hold or draft."""
        return self.status in _PENDING

    @property
    def is_draft(self) -> bool:
        """On record, but not signed."""
        return self.status == "draft"

    @property
    def is_placed(self) -> bool:
        """Pending or completed: asked for, and not withdrawn."""
        return self.is_pending or self.status == "completed"

    @property
    def is_signed(self) -> bool:
        """Placed, and not a draft: only such an order answers what is critical (D100)."""
        return self.is_placed and not self.is_draft

    @property
    def state(self) -> str:
        """`drafted, not signed`, `done` or `ordered`."""
        return {"draft": "drafted, not signed", "completed": "done"}.get(self.status, "ordered")


class Medicine(Fact, frozen=True, kw_only=True):
    """An active medicine; `text` is its name as recorded, `daily_mg` its daily dose."""

    keys: tuple[str, ...]
    daily_mg: float | None = None


class Allergy(Fact, frozen=True, kw_only=True):
    """An active allergy: medicine keys and keys of [allergy]."""

    keys: tuple[str, ...]


class Draft(Fact, frozen=True, kw_only=True):
    """An order that is being written: what it orders, and its JSON as it was sent, for the echo.

    `subject` is the reference of the patient, for an echo of JSON that names no patient.
    If it `is_unread`, nobody knows what it orders.
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
    """What a report concludes, and on which side (a central lesion is on both).

    `codes` are the codes that name it. For a lesion that is named by diseases, `conditions` are the keys of the
    diseases that these codes mean (D62).
    """

    key: str
    side: Side
    codes: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()


class Report(Fact, frozen=True, kw_only=True):
    """A final report; `conclusion` is free text for the reader, never interpreted.

    `conclusions` are the keys of [conclusion] that its codes mean.
    """

    keys: tuple[str, ...]
    lesions: tuple[Lesion, ...] = ()
    conclusion: str = ""
    conclusions: tuple[str, ...] = ()


class Procedure(Fact, frozen=True, kw_only=True):
    """A completed procedure; `when` is its end."""

    keys: tuple[str, ...]


class Implant(Fact, frozen=True, kw_only=True):
    """An active Device; `safety` is safe, conditional, unsafe, or unknown when nothing is coded."""

    keys: tuple[str, ...]
    safety: str = "unknown"


class LeftOut(Struct, frozen=True):
    """A record that would have mattered but cannot be read: what it is about, and why it does not count.

    It `decides` if it might have been a problem or an allergy: a silence of the rules that read its keys is then
    not an answer (O2).
    """

    reference: str
    text: str
    keys: tuple[str, ...]
    why: str
    decides: bool = False

    def __str__(self) -> str:
        return f"{self.text} ({self.reference}) is recorded, but {self.why}"


class Evidence(Struct, frozen=True, omit_defaults=True):
    """One dated fact that made a card speak, as it is shown to the clinician; anything that is not known is left out.

    `date` is the onset of a problem or, if only that is known, the day it was recorded (`is_recorded`). The words are
    printable, whatever the record holds: they go to terminals, logs and pages.
    """

    reference: str
    date: str = ""
    side: str = ""
    text: str = ""
    is_recorded: bool = field(default=False, name="isRecorded")

    @classmethod
    def of(cls, fact: Fact, text: str = "") -> Evidence:
        """A fact as evidence, in its own words or in those given."""
        is_recorded = isinstance(fact, Problem) and fact.is_recorded and fact.when is not None
        words = printable(text or fact.text)
        return cls(printable(fact.reference), str(fact.when or ""), fact.side.value, words, is_recorded)
