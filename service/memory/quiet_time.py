"""Quiet after an answer (D56): which cards of a patient are not shown again, to whom, and until when.

A card that was acted on or overridden stays quiet until its time is over, its facts change, or it grows louder.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct

from cards.language.verdict import Card, Indicator
from cards.orders.override_reasons import OVERRIDE_REASONS
from cards.record.chart import Chart
from cards.record.drafts import ORDER_HOOKS
from cards.record.prefetch_keys import REQUIRED
from service.faults import contain
from service.memory.rows import Answer

LENGTHS = {
    Indicator.CRITICAL: timedelta(hours=4),
    Indicator.WARNING: timedelta(days=7),
    Indicator.INFO: timedelta(days=30),
}
"""How long a card is quiet after an answer, by its indicator when it was answered (D56)."""
REASSESSED = "reassess-within-24-hours"
REASSESSED_AFTER = timedelta(hours=24)
"""The longest that a card is quiet when the answer promised to reassess: it comes back when that is due."""
_UNDONE_ON = ORDER_HOOKS | {"encounter-discharge"}
"""On these hooks an accepted suggestion quietens no card; on no hook does it quieten a critical one (D100). What was
accepted is a draft that perhaps nobody has signed; an order that is signed silences the rule itself. An order that is
being written now, even one like a draft that was changed then, is a different order."""
_CLOCKS_DIFFER = timedelta(minutes=5)
"""How far in the future the time of an answer may lie: it may come from a machine whose clock is ahead."""
LOOK_BACK = 2 * max(LENGTHS.values())
"""The age of the oldest card whose answer is read: it may have been answered as late as one length after it came."""


class Asker(Struct, frozen=True):
    """Who asks about whom, each as a keyed hash, and on which hook; the user's hash is computed only if it matters."""

    patient: str
    user: Callable[[], str]
    hook: str


class QuietTime:
    """What is quiet in the answer to one request. The store is asked once, and only if there is a card to show.

    `asker` says who asks about whom. `answers` reads what became of a patient's cards since a moment, in milliseconds
    since 1970. `fingerprint` makes the fingerprint of a card's facts.
    """

    def __init__(
        self,
        asker: Callable[[], Asker],
        answers: Callable[[str, int], list[Answer]],
        fingerprint: Callable[[str, Card, Chart], str],
        chart: Chart,
        now: datetime,
    ) -> None:
        self._find_asker = asker
        self._answers = answers
        self._fingerprint = fingerprint
        self._chart = chart
        self._now = now
        self._by_rule: dict[str, list[Answer]] | None = None

    def __call__(self, rule: str, card: Card) -> str:
        """What quietens a card, and until when; empty if nothing does, or if that is not known."""
        try:
            if self._by_rule is None:
                self._asker = self._find_asker()
                self._by_rule = self._read()
            answers = self._by_rule.get(rule)
            return self._why(answers, card) if answers else ""
        except Exception as error:
            self._by_rule = {}
            contain(rule, "memory", error)
            return ""

    def _read(self) -> dict[str, list[Answer]]:
        """The answers to each rule's cards that concern this user, the newest first."""
        by_rule: dict[str, list[Answer]] = {}
        if not self._asker.patient:
            return by_rule
        since = self._now - LOOK_BACK
        answers = self._answers(self._asker.patient, int(since.timestamp() * 1000))
        if not answers:
            return by_rule
        for answer in sorted(filter(self._concerns, answers), key=_in_order, reverse=True):
            by_rule.setdefault(answer.rule, []).append(answer)
        return by_rule

    def _concerns(self, answer: Answer) -> bool:
        """A critical card is quiet only for the user who answered it: perhaps nobody else has seen it."""
        return answer.indicator != Indicator.CRITICAL or (answer.asker == self._asker.user() != "")

    def _why(self, answers: list[Answer], card: Card) -> str:
        """What follows from the newest answer about the same facts. On another hook a rule may speak of other facts."""
        facts = self._fingerprint(self._asker.patient, card, self._chart)
        answer = next((one for one in answers if one.fingerprint == facts), None)
        if answer is None or not REQUIRED.isdisjoint(card.unseen):
            return ""  # a new fact may be among what could not be read (D58)
        then = Indicator(answer.indicator)
        until = _moment(answer) + _length(answer, then)
        if _moment(answer) > self._now + _CLOCKS_DIFFER:
            return ""  # the clock was set back, so nobody knows how long ago the answer was given
        if self._now >= until or card.indicator.rank > then.rank:
            return ""
        if answer.outcome == "accepted" and (then is Indicator.CRITICAL or self._asker.hook in _UNDONE_ON):
            return ""
        return _sentence(answer, then, until, self._now)


def _in_order(answer: Answer) -> tuple[int, str, str]:
    return answer.at, answer.outcome, answer.reason


def _moment(answer: Answer) -> datetime:
    return datetime.fromtimestamp(answer.at / 1000).astimezone()


def _length(answer: Answer, then: Indicator) -> timedelta:
    return min(LENGTHS[then], REASSESSED_AFTER) if answer.reason == REASSESSED else LENGTHS[then]


def _sentence(answer: Answer, then: Indicator, until: datetime, now: datetime) -> str:
    """The reason in our own words. A code of the client's own is left out, since it may hold anything."""
    became = "acted on" if answer.outcome == "accepted" else "overridden"
    reason = f" ({answer.reason})" if answer.reason in OVERRIDE_REASONS else ""
    whom = " for this user" if then is Indicator.CRITICAL else ""
    times = [f"{moment.astimezone(now.tzinfo):%Y-%m-%d %H:%M}" for moment in (_moment(answer), until)]
    return (
        f"it was {became}{reason} on {times[0]}, when it was {then}: "
        f"quiet{whom} until {times[1]}, unless a new fact comes or it grows louder"
    )
