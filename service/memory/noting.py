"""What is noted of an answer while it is given; its rows are made of it later, of many answers together.

In a request each step that only the memory takes costs five times what it costs in a row of them.
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
"""What the rules said: their ids, for each its kind of silence (None: a card), and why."""


class NotedCard(Struct, frozen=True):
    """A card as it was sent, without its orders: `drafts` is what the drafts order that are among its facts."""

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
        """What is noted of a card that was sent, or would have been."""
        card, rule = sent.card, sent.rule
        drafts, mode = of_drafts(card, chart), modes.mode(rule.id).value
        return cls(sent.uuid, rule, card.indicator.value, card.because, drafts, sent.suggestions, shown, mode)


class Noted(Struct, frozen=True, kw_only=True):
    """An answer: who asked about whom, by their own ids, how long it took, what was said and shown.

    It is in memory only, and for seconds at most: no row holds an id.
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
    """What the rules said, as a key: in a chart without foot drop they always say the same."""
    silent = [verdict if isinstance(verdict, Silent) else None for verdict in verdicts.values()]
    kinds = tuple([one.kind.value if one else None for one in silent])
    return tuple(verdicts), kinds, tuple([one.why if one else "" for one in silent])


def of_drafts(card: Shown, chart: Chart) -> tuple[str, ...]:
    """What the drafts order that are among the facts of a card."""
    if not chart.drafts:
        return ()
    references = {fact.reference for fact in card.because}
    drafts = (draft for draft in chart.drafts if printable(draft.reference) in references)
    return tuple(text for one in drafts for text in (one.text, one.priority or "", str(one.daily_mg or "")))


def told(facts: Iterable[Evidence], drafts: Iterable[str]) -> list[str]:
    """The texts that are the same for as long as the facts are, of which a fingerprint is made."""
    return [text for fact in facts for text in (fact.reference, fact.date, fact.side, fact.text)] + [*drafts]
