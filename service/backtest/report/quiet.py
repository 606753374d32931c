"""Which cards quiet time would have spared (D56), by the rules of the memory itself.

This assumes that each card that was not quiet was overridden at once, and that one person saw all cards of a patient,
so the number is an upper bound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter

from cards.language.verdict import Card, Indicator
from cards.record.chart import Chart
from service.memory.quiet_time import LOOK_BACK, Asker, QuietTime
from service.memory.rows import Answer

Seen = tuple[str, datetime, str, str, str, str]
"""A card that came: patient, moment, rule, indicator, fingerprint and what was unseen."""
_USER = "everybody"
_NOW = datetime(2000, 1, 1, tzinfo=UTC)
_NO_CHART = Chart("nobody", _NOW, [])  # a fingerprint covers drafts, and no hook of a backtest has any


def spared(cards: Iterable[Seen], hook: str) -> Counter[tuple[str, str]]:
    """How many cards would have been spared, by rule and indicator; the cards come by patient, the oldest first."""
    counted: Counter[tuple[str, str]] = Counter()
    asker = Asker("patient", lambda: _USER, hook)
    for _, of_patient in groupby(cards, key=itemgetter(0)):
        answers: list[Answer] = []
        for _, now, rule, indicator, fingerprint, unseen in of_patient:
            since = int((now - LOOK_BACK).timestamp() * 1000)
            answers = [one for one in answers if one.at >= since]
            if _is_quiet(answers, asker, now, rule, indicator, fingerprint, unseen):
                counted[rule, indicator] += 1
            else:
                at = int(now.timestamp() * 1000)
                answers.append(Answer(rule, indicator, fingerprint, _USER, at, "overridden", ""))
    return counted


def _is_quiet(
    answers: list[Answer], asker: Asker, now: datetime, rule: str, indicator: str, fingerprint: str, unseen: str
) -> bool:
    card = Card(
        indicator=Indicator(indicator),
        summary="",
        detail="",
        because=(),
        unseen=tuple(unseen.split()) if unseen else (),
    )
    quiet = QuietTime(lambda: asker, lambda *_: answers, lambda *_: fingerprint, _NO_CHART, now)
    return bool(quiet(rule, card))
