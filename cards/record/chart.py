"""Chart: every question that a rule may ask about one patient at one moment.

Alongside the facts it knows what it has not seen: a prefetch key that neither the request nor the server
supplied. Unknown is never normal, and unseen is not the same as not recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from copy import copy
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final, TypeVar

from cards.record.codes import Codes
from cards.record.defects import Defect, Defects
from cards.record.drafts import ORDER_HOOKS
from cards.record.errors import UndeclaredReadError
from cards.record.extraction import Extraction
from cards.record.facts import Allergy, Draft, Implant, LeftOut, Medicine, Order, Problem, Procedure, Reading, Report
from cards.record.moments import Clock, Latest, Moment
from cards.record.prefetch_keys import supplied_by
from cards.record.records import Resource
from cards.value_sets.value_set import VALUE_SETS

BUILT_IN_CODES = Codes()

OLDEST = 120  # years; nobody has lived much longer, and registers fill unknown birth dates with old ones
T = TypeVar("T")

_NONE: list[Any] = []  # where there are no facts; never changed in place
_NO_KEYS: frozenset[str] = frozenset()


class Chart:
    """One patient's facts, indexed by the keys of bindings.toml.

    `hook` is the hook for which the questions are asked; `is_ordering` says that orders are being written in this
    hook, and the questions are about the drafts. `unseen` holds the prefetch keys whose data was not supplied and
    could not be obtained. `added` are Conditions that are being put on the problem list: they join the record, and
    `added_problems` holds their keys. If `declared` is given, a question outside it raises UndeclaredReadError: the
    cases of rules are run that way.
    """

    def __init__(
        self,
        patient_id: str,
        now: datetime,
        records: Iterable[Resource] = (),
        *,
        hook: str = "patient-view",
        unseen: Iterable[str] = (),
        drafts: Sequence[Draft] = (),
        codes: Codes = BUILT_IN_CODES,
        defects: Iterable[Defect] = (),
        added: Sequence[Resource] = (),
        declared: frozenset[str] | None = None,
    ) -> None:
        self.clock = Clock(now)
        self.patient_id = patient_id
        self.hook = hook
        self.is_ordering: Final = hook in ORDER_HOOKS
        self._unseen = frozenset(unseen)
        self.drafts = tuple(sorted(drafts, key=lambda draft: (draft.reference, draft.text, draft.keys)))
        self.has_unread_draft: Final = any(draft.is_unread for draft in drafts)
        self.memo: dict[object, Any] = {}
        self._codes = codes
        self._facts = Extraction(patient_id, [*records, *added] if added else records, self.clock, codes)
        self.added_problems = (
            frozenset(Extraction(patient_id, added, self.clock, codes).problems) if added else _NO_KEYS
        )
        self._declared = declared
        self._drafted = {draft.reference for draft in drafts}  # an EHR may send the same orders as prefetch
        self._defects = Defects(defects)
        self._left_out: frozenset[str] = frozenset()

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """A value that depends only on this chart and a key; it is made once."""
        if key not in self.memo:
            self.memo[key] = make()
        value: T = self.memo[key]
        return value

    def _ask(self, *keys: str) -> None:
        for key in keys if self._declared is not None else ():
            if key not in self._declared:  # type: ignore[operator]
                raise UndeclaredReadError(f"{key} is not among the rule's reads")

    @property
    def unseen(self) -> frozenset[str]:
        """The prefetch keys whose data is incomplete: not all of it was supplied or obtained, and read."""
        lost = self._facts.lost
        return self._unseen | lost if lost else self._unseen

    @property
    def defects(self) -> Defects:
        """Everything in the request and in the records that could not be read."""
        return self._with(self._facts.all_defects())

    @property
    def noticed(self) -> Defects:
        """The defects in the data that was examined so far."""
        return self._with(self._facts.defects)

    def _with(self, of_the_facts: Defects) -> Defects:
        defects = Defects(self._defects)
        defects += of_the_facts
        return defects

    def has_seen(self, *keys: str) -> bool:
        """Whether the data behind these keys of bindings.toml was supplied or read."""
        unseen = self.unseen
        return not unseen or unseen.isdisjoint(name for key in keys for name in supplied_by(key))

    def short_name(self, fact: Medicine | Draft) -> str:
        """The name of a medicine for use in a sentence: the name by which its words are recognised (O17)."""
        return self._codes.short_name(fact.text, fact.keys)

    def without_reports(self, references: frozenset[str]) -> Chart:
        """The same chart as if these reports did not exist."""
        other = copy(self)
        other.memo = {}
        other._left_out = references
        return other

    def problems(self, *keys: str) -> list[Problem]:
        """The active Conditions of these keys."""
        return self._get(self._facts.problems, keys)

    def problem(self, *keys: str) -> Problem | None:
        """The most recent active Condition of these keys, or None."""
        problems = self.problems(*keys)
        dated = [problem for problem in problems if problem.when is not None]
        if not dated:
            return problems[0] if problems else None
        return min(dated, key=lambda problem: (self.clock.age(problem.when or self.clock.moment), problem.reference))

    def readings(self, code: str) -> list[Reading]:
        """The valid readings of one finding or measurement, by its exam code or measurement key."""
        if self._declared is not None:
            self._ask(_observation_key(code))
        return self._facts.readings.of(code)

    def recent(self, code: str, window: timedelta) -> list[Reading]:
        """The readings of a measurement without those that are surely older than a window."""
        if self._declared is not None:
            self._ask(_observation_key(code))
        return self._facts.readings.recent(code, window)

    def unreadable(self, code: str, window: timedelta) -> str:
        """The words of a finding that is recorded in a window but cannot be read; empty when there are none."""
        if self._declared is not None:
            self._ask(_observation_key(code))
        values = (one for one in self._facts.readings.unreadable(code) if self.clock.within(one.when, window))
        return next((one.words for one in values if one.words), "")

    def orders(self, *keys: str) -> list[Order]:
        """Every request of these keys on record, whatever its status, except the drafts of the context.

        At discharge a draft on record answers nothing and is left out (D100).
        """
        orders: list[Order] = self._get(self._facts.orders, keys)
        if self.hook == "encounter-discharge":
            return [order for order in orders if not order.is_draft]
        return [order for order in orders if order.reference not in self._drafted] if self._drafted else orders

    def pending(self, *keys: str) -> list[Order]:
        """The requests of these keys that are active, on hold or draft."""
        return [order for order in self.orders(*keys) if order.is_pending]

    def drafted(self, *keys: str) -> list[Draft]:
        """The selected drafts that order any of these keys; they come with the hook, so no rule declares them."""
        wanted = set(keys)
        return [draft for draft in self.drafts if draft.selected and not wanted.isdisjoint(draft.keys)]

    def reports(self, *keys: str) -> list[Report]:
        """The final reports of these keys."""
        reports: list[Report] = self._get(self._facts.reports, keys)
        return [report for report in reports if report.reference not in self._left_out] if self._left_out else reports

    def latest_report(self, *keys: str) -> Latest:
        """When the newest final reports of these keys were made, including those that are left out of the chart.

        Leaving a report out does not change that the order for it is done.
        """
        reports: list[Report] = self._get(self._facts.reports, keys)
        return Latest.of(report.when for report in reports)

    def procedures(self, *keys: str) -> list[Procedure]:
        """The completed procedures of these keys."""
        return self._get(self._facts.procedures, keys)

    def devices(self, *keys: str) -> list[Implant]:
        """The active devices of these keys."""
        self._ask(*keys)
        return [implant for implant in self._facts.implants if any(key in implant.keys for key in keys)]

    def unsafe_devices(self) -> list[Implant]:
        """The active devices of any kind that are coded MR unsafe."""
        self._ask("device.mr-safety")
        return [implant for implant in self._facts.implants if implant.safety == "unsafe"]

    def medicines(self, *keys: str) -> list[Medicine]:
        """The active medicines of these keys, each once."""
        self._ask(*keys)
        return self._with_keys("medicines", keys)

    def allergies(self, *keys: str) -> list[Allergy]:
        """The active allergies to what these keys mean, each once."""
        self._ask(*keys)
        return self._with_keys("allergies", keys)

    def _with_keys(self, kind: str, keys: tuple[str, ...]) -> list[Any]:
        """The facts of a kind that have any of the keys; the list is never changed in place."""

        facts: list[Any] = getattr(self._facts, kind)
        if not facts:
            return _NONE
        wanted = frozenset(keys)
        return self.once((kind, keys), lambda: [fact for fact in facts if not wanted.isdisjoint(fact.keys)])

    @property
    def sex(self) -> str | None:
        """`male` or `female`, as the Patient states it; None when it states neither."""
        self._ask("patient")
        stated = (self._facts.patient.gender or "").strip().lower() if self._facts.patient else ""
        return stated if stated in ("male", "female") else None

    @property
    def age(self) -> int | None:
        """Age in completed years; None when the birth date is not known."""
        self._ask("patient")
        return self._age

    @cached_property
    def _age(self) -> int | None:
        patient = self._facts.patient
        born = self.clock.read(patient.birthDate) if patient else None
        if born is None or self._is_future(patient.birthDate if patient else None):
            return None
        today = self.clock.now.date()
        years = today.year - born.day.year - ((today.month, today.day) < (born.day.month, born.day.day))
        return years if years <= OLDEST else None

    def _is_future(self, date: str | None) -> bool:
        """Whether a date of any precision is more than a day ahead: a day may begin earlier in another time zone."""
        written = (date or "").strip()[: len("2000-01-01")]
        return written > (self.clock.now.date() + timedelta(days=1)).isoformat()[: len(written)]

    @property
    def has_impossible_age(self) -> bool:
        """Whether an impossible birth date is recorded: then no clearance can be trusted either (O4)."""
        self._ask("patient")
        patient = self._facts.patient
        return patient is not None and self._age is None and self.clock.read(patient.birthDate) is not None

    @property
    def has_died(self) -> bool:
        """Whether the Patient is recorded as deceased (O5)."""
        patient = self._facts.patient
        return patient is not None and bool(patient.deceasedBoolean or patient.deceasedDateTime)

    @property
    def has_left_out(self) -> bool:
        """Whether any record examined so far would have mattered but cannot be read."""
        return bool(self._facts.left_out)

    def left_out(self, keys: AbstractSet[str]) -> list[LeftOut]:
        """The records of these keys, among those examined so far, that would have mattered but cannot be read."""
        if not self._facts.left_out:
            return _NONE
        return [one for one in self._facts.left_out if not keys.isdisjoint(one.keys)]

    @property
    def encounter_class(self) -> str | None:
        """The class code of the encounter (AMB, EMER, IMP, ...)."""
        self._ask("encounter")
        return self._facts.encounter_class

    def within(self, moment: Moment | None, window: timedelta) -> bool:
        """Whether a moment lies in the window that ends now; an unknown one never does."""
        return self.clock.within(moment, window)

    def age_of(self, moment: Moment) -> timedelta:
        """Time from a moment to now."""
        return self.clock.age(moment)

    def _get(self, facts: Mapping[str, list[Any]], keys: tuple[str, ...]) -> list[Any]:
        if self._declared is not None:
            self._ask(*keys)
        if len(keys) == 1:
            return facts.get(keys[0], _NONE)
        return [fact for key in keys if key in facts for fact in facts[key]]


def _observation_key(code: str) -> str:
    if code.startswith("mrc-"):
        return "observation.mrc"
    if code == "post-void-residual":
        return "observation.pvr-ml"
    return f"observation.{code}" if f"observation.{code}" in VALUE_SETS else "observation.signs"
