"""What the rules said at one moment, as rows."""

from __future__ import annotations

from hashlib import sha256

import msgspec
from msgspec import Struct

from cards.decide import Decision
from cards.language.verdict import Card, Verdict, outcome
from cards.record.chart import Chart
from cards.record.facts import Evidence
from cards.rule_book import RuleBook
from service.backtest.first_orders import FirstOrders, suggested
from service.memory.noting import of_drafts, told

_SHORT = 32  # hexadecimal digits of a fingerprint


class VerdictRow(Struct, frozen=True):
    """What one rule said. `evidence` is a JSON list of the facts; `indicator` is empty if there is no card."""

    rule: str
    version: str
    outcome: str
    indicator: str
    reason: str
    evidence: str


class CardRow(Struct, frozen=True):
    """A card that would have been shown.

    `suggests` holds the orders that it offers, separated by blanks; `first_order` is the day of the first of them that
    was really placed. `fingerprint` stays the same as long as the card's facts stay the same. `unseen` holds the
    prefetch keys that the rule reads and that could not be seen, separated by blanks.
    """

    rule: str
    version: str
    indicator: str
    summary: str
    evidence: str
    suggests: str
    first_order: str
    fingerprint: str
    unseen: str


class Answer(Struct, frozen=True):
    """The verdict of each rule, and the cards in their order."""

    verdicts: tuple[VerdictRow, ...] = ()
    cards: tuple[CardRow, ...] = ()


def answer_of(decision: Decision, chart: Chart, book: RuleBook, first: FirstOrders | None) -> Answer:
    """A decision about a chart, as rows."""
    verdicts = tuple(_verdict(id, book.rules[id].version, verdict) for id, verdict in decision.verdicts.items())
    cards = tuple(
        CardRow(
            rule=one.rule.id,
            version=one.rule.version,
            indicator=one.card.indicator.value,
            summary=one.card.summary,
            evidence=_json(one.card.because),
            suggests=" ".join(suggested(one.card)),
            first_order=first.of(one.card) if first else "",
            fingerprint=_fingerprint(one.card, chart),
            unseen=" ".join(one.card.unseen),
        )
        for one in decision.shown
    )
    return Answer(verdicts, cards)


def _verdict(rule: str, version: str, verdict: Verdict) -> VerdictRow:
    card = verdict if isinstance(verdict, Card) else verdict.card
    because = verdict.because or (card.because if card else ())
    reason = "" if isinstance(verdict, Card) else verdict.why
    return VerdictRow(rule, version, outcome(verdict), card.indicator.value if card else "", reason, _json(because))


def _fingerprint(card: Card, chart: Chart) -> str:
    return sha256("\0".join(told(card.because, of_drafts(card, chart))).encode(errors="replace")).hexdigest()[:_SHORT]


def _json(because: tuple[Evidence, ...]) -> str:
    return msgspec.json.encode(because).decode() if because else ""
