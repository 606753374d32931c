"""What is noted of an answer during the request. Its rows are made from that later, for many answers at once.

A step of the memory costs five times as much in a request as in a series of such steps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct

from cards.language.rule import Rule
from cards.language.verdict import Card as Shown
from cards.language.verdict import Silent, Verdict
from cards.record.chart import Chart
from cards.record.facts import Evidence
from cards.record.words import printable
from service.memory.rows import UnknownCode
from service.modes.quiet import Quiet
from service.wire.answer import Sent

Said = tuple[tuple[str, ...], tuple[str | None, ...], tuple[str, ...]]
"""What the rules said: their ids, the kind of silence of each (None: a card), and why."""


class NotedCard(Struct, frozen=True):
    """A card as it was sent, without its orders. `drafts` says what is ordered by the drafts among its facts."""

    uuid: str
    rule: Rule
    indicator: str
    facts: tuple[Evidence, ...]
    drafts: tuple[str, ...]
    suggestions: tuple[tuple[str, str, bool], ...]
    shown: bool
    mode: str

    @classmethod
    def of(cls, sent: Sent, chart: Chart, modes: Quiet, *, shown: bool) -> NotedCard:
        """What is noted of a card that was sent, or would have been sent."""
        card, rule = sent.card, sent.rule
        drafts, mode = of_drafts(card, chart), modes.mode(rule.id).value
        return cls(sent.uuid, rule, card.indicator.value, card.because, drafts, sent.suggestions, shown, mode)


class Noted(Struct, frozen=True, kw_only=True):
    """An answer: who asked about whom, by their own ids, how long it took, and what was said and shown.

    It exists in memory only, and for a few seconds at most. No row holds these ids.
    """

    at: int
    client: str
    tenant: str
    hook: str
    patient: str
    encounter: str | None
    asker: str | None
    milliseconds: float
    records: int
    unreadable: int
    unseen: Collection[str]
    said: Said
    quiet: Collection[str]
    cards: tuple[NotedCard, ...] = ()
    unknown: tuple[UnknownCode, ...] = ()


def said(verdicts: Mapping[str, Verdict]) -> Said:
    """What the rules said, as a key. On charts without foot drop they always say the same."""
    silent = [verdict if isinstance(verdict, Silent) else None for verdict in verdicts.values()]
    kinds = tuple([one.kind.value if one else None for one in silent])
    return tuple(verdicts), kinds, tuple([one.why if one else "" for one in silent])


def of_drafts(card: Shown, chart: Chart) -> tuple[str, ...]:
    """What is ordered by the drafts among the facts of a card."""
    if not chart.drafts:
        return ()
    references = {fact.reference for fact in card.because}
    drafts = (draft for draft in chart.drafts if printable(draft.reference) in references)
    return tuple(text for one in drafts for text in (one.text, one.priority or "", str(one.daily_mg or "")))


def told(facts: Iterable[Evidence], drafts: Iterable[str]) -> list[str]:
    """The texts from which a fingerprint is made. They stay the same as long as the facts do."""
    return [text for fact in facts for text in (fact.reference, fact.date, fact.side, fact.text)] + [*drafts]
