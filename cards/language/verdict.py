"""Card, Silent, Verdict: what a recommendation says, and why it says nothing."""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct

from cards.language.escaping import one_line
from cards.language.sources import Source
from cards.record.facts import Draft, Evidence

SUMMARY_LIMIT = 139  # CDS Hooks: "<140-character"


class Indicator(StrEnum):
    """How loud a card is."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """3 critical, 2 warning, 1 info."""
        return _RANKS[self]

    @property
    def priority(self) -> str:
        """The FHIR request priority for it: stat, urgent or routine."""
        return _PRIORITIES[self]


_RANKS = {Indicator.CRITICAL: 3, Indicator.WARNING: 2, Indicator.INFO: 1}
_PRIORITIES = {Indicator.CRITICAL: "stat", Indicator.WARNING: "urgent", Indicator.INFO: "routine"}


class Kind(StrEnum):
    """Why a rule is silent."""

    NOT_APPLICABLE = "not-applicable"
    SUPPRESSED = "suppressed"
    COULD_NOT_EVALUATE = "could-not-evaluate"


class Reason(Struct, frozen=True):
    """Why something is ordered: the key of a condition (empty if no code has that meaning), and the words."""

    key: str
    text: str


class Plan(Struct, frozen=True, kw_only=True):
    """What a suggestion orders, in clinical words; cards/orders turns it into FHIR.

    `key` is the order's key in bindings.toml; `note` and `occurrence` (ISO date) are optional. `indication`
    is the condition key given as the reason, after the `emergencies`; `reasons` are references to the records
    that justify the order.
    """

    key: str
    priority: str = "routine"
    side: str = ""
    note: str = ""
    occurrence: str = ""
    indication: str = "condition.foot-drop"
    emergencies: tuple[Reason, ...] = ()
    reasons: tuple[str, ...] = ()


class Reprioritise(Struct, frozen=True, kw_only=True):
    """A change of a draft order: the whole draft again, with another priority.

    `note` and `emergencies` are for the new order that is offered when the draft cannot be sent back.
    """

    draft: Draft
    priority: str
    note: str = ""
    emergencies: tuple[Reason, ...] = ()


class Redose(Struct, frozen=True, kw_only=True):
    """A change of a draft prescription: the whole draft again, with at most `daily_mg` milligrams a day.

    `times_a_day` is how often the dose is then taken; None leaves the frequency as written.
    """

    draft: Draft
    daily_mg: float
    step_mg: float
    times_a_day: int | None = None

    @property
    def words(self) -> str:
        """`300 mg twice a day`, `at most 3600 mg a day`."""
        if self.times_a_day is None:
            return f"at most {self.daily_mg:g} mg a day"
        return f"{self.daily_mg / self.times_a_day:g} mg {'once' if self.times_a_day == 1 else 'twice'} a day"


class Remove(Struct, frozen=True, kw_only=True):
    """The deletion of a draft order."""

    draft: Draft


class Suggestion(Struct, frozen=True, kw_only=True):
    """One button: its label, and the orders that it places together."""

    label: str
    plans: tuple[Plan | Reprioritise | Redose | Remove, ...]
    is_recommended: bool = False


class Card(Struct, frozen=True, kw_only=True):
    """Advice to show.

    `summary` is one plain sentence of at most 139 characters after filling. `detail` is what else to do, in at
    most 40 words of Markdown in which every word from the record has been escaped. `quote` is the conclusion of a
    report, `return_advice` what to tell the patient, and `ask` what is missing. `because` begins with what matters
    most, since only the first facts are printed. `source` is that of the branch, if it is not that of the rule.
    `quiet_summary` replaces the summary next to a louder card. `left_out` are the records that cannot be read, each in
    a sentence without its full stop. `wanted` is the imaging that a card mentions without offering it. The gates in
    `exempt_from` (`trauma_path`, `known_cause`) do not silence this card. A card that `is_reminder` asks for no
    imaging and silences no imaging card.
    """

    indicator: Indicator
    summary: str
    detail: str
    because: tuple[Evidence, ...]
    ask: str = ""
    quote: str = ""
    source: Source | None = None
    suggestions: tuple[Suggestion, ...] = ()
    one_suggestion_only: bool = True
    quiet_summary: str = ""
    return_advice: str = ""
    unseen: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    wanted: Plan | None = None
    exempt_from: frozenset[str] = frozenset()
    is_reminder: bool = False


class Silent(Struct, frozen=True):
    """No advice to show, and the sentence that says why.

    A card that was produced but not shown (another card speaks, or the gates silence it) stays in `card`.
    """

    kind: Kind
    why: str
    card: Card | None = None
    because: tuple[Evidence, ...] = ()


Verdict = Card | Silent


def outcome(verdict: Verdict) -> str:
    """`card`, or the kind of silence, as `explain` names it."""
    return "card" if isinstance(verdict, Card) else verdict.kind.value


def not_applicable(why: str, *because: Evidence) -> Silent:
    """The question of this rule does not arise."""
    return Silent(Kind.NOT_APPLICABLE, why, None, because)


def suppressed(why: str, *because: Evidence, card: Card | None = None) -> Silent:
    """The advice would apply, but something on record has answered or overruled it."""
    return Silent(Kind.SUPPRESSED, why, card, because)


def could_not_evaluate(why: str, *because: Evidence) -> Silent:
    """The rule could not be evaluated because data are missing."""
    return Silent(Kind.COULD_NOT_EVALUATE, why, None, because)


_LAST_CLAUSE = re.compile(r"[;,(:][^;,(:]*$")


def summary(text: str) -> str:
    """The text as a card summary: one line of at most 139 characters (UTF-16 units).

    Rules fill their sentences so that they fit; a sentence that is too long loses whole clauses at its end, never half
    a word.
    """
    line = one_line(text)
    while not fits_summary(line):
        shorter = _LAST_CLAUSE.sub("", line).rstrip() or line.rpartition(" ")[0] or line[:SUMMARY_LIMIT]
        line = shorter if shorter != line else line[:-1]
    return line


def fits_summary(text: str) -> bool:
    """Whether a text is short enough for a summary."""
    return len(text) <= SUMMARY_LIMIT if text.isascii() else len(text.encode("utf-16-le")) // 2 <= SUMMARY_LIMIT
