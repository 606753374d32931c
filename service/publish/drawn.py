"""The cards on the page of a rule: its cases, evaluated like any request, with each card drawn as an EHR would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import Any

import msgspec
from msgspec import Struct

from cards.language.verdict import Card, outcome
from service import case_examples
from service.case_examples import CaseExample, Pair
from service.evaluation import Evaluation, Evaluator
from service.signoff.site import Site
from service.wire.answer import answer
from service.wire.refusal import RefusedError
from service.wire.request import HookRequest, read

Json = dict[str, Any]
_DEADLINE_S = 10  # nothing is read from elsewhere


class DrawnCard(Struct, frozen=True):
    """A card that the rule produces, with the sentence and the number of its case."""

    sentence: str
    case: str
    card: Json


class Outcome(Struct, frozen=True):
    """One case of a pair: its number (`14 days`), what the rule then does, and the case."""

    said: str
    does: str
    sentence: str
    case: str


class DrawnPair(Struct, frozen=True):
    """Two cases that differ only in one number, and what the rule does with each."""

    differs: str
    sides: tuple[Outcome, ...]


class Drawn(Struct, frozen=True):
    """What a page shows of the cases of its rule, and the date for which they are evaluated."""

    asked_on: str = ""
    cards: tuple[DrawnCard, ...] = ()
    pairs: tuple[DrawnPair, ...] = ()


class Drawing:
    """Draws the cases of a site's rules, once for each rule and each sign-off of it."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._drawn: dict[tuple[str, str], Drawn] = {}

    def of_rule(self, rule: str) -> Drawn:
        """The cards and the pairs of a rule. Raises RefusedSignoffError."""
        signed = self._site.standings.words(self._site.today)
        key = rule, signed.get(rule, "")
        if key not in self._drawn:
            self._drawn[key] = _drawn(rule, self._site, signed)
        return self._drawn[key]


def _drawn(rule: str, site: Site, signed: Mapping[str, str]) -> Drawn:
    told = case_examples.of_rule(rule)
    # Unsigned rules speak here too, because they must be read before they are signed.
    evaluator = Evaluator(site.codes, None, UTC, _DEADLINE_S, told.now, site.book)
    seen = {number: _seen(rule, case, evaluator, signed) for number, case in told.cases.items()}
    return Drawn(
        f"{told.now.day} {told.now:%B %Y}",
        cards=tuple(
            DrawnCard(told.cases[str(number)].name, str(number), card)
            for number in told.branches
            if (card := seen[str(number)][1])
        ),
        pairs=tuple(DrawnPair(pair.differs, tuple(_outcomes(pair, told.cases, seen))) for pair in told.pairs),
    )


def _outcomes(
    pair: Pair, cases: Mapping[str, CaseExample], seen: Mapping[str, tuple[str, Json | None]]
) -> Iterator[Outcome]:
    for side in pair.sides:
        number = str(side.case)
        yield Outcome(side.said, seen[number][0], cases[number].name, number)


def _seen(rule: str, case: CaseExample, evaluator: Evaluator, signed: Mapping[str, str]) -> tuple[str, Json | None]:
    """What the rule does with a case (`speaks`, or its silence), and its card if it is shown."""
    try:
        asked = read(msgspec.json.encode(case.request))
        evaluation = evaluator.evaluate(asked)
    except RefusedError:
        return "is not asked: data are missing", None
    verdict = evaluation.decision.verdicts.get(rule)
    if isinstance(verdict, Card):
        return f"speaks ({verdict.indicator})", _card(rule, asked, evaluation, signed)
    return (f"silent ({outcome(verdict)})" if verdict else "is not asked"), None


def _card(rule: str, asked: HookRequest, evaluation: Evaluation, signed: Mapping[str, str]) -> Json | None:
    written = answer(evaluation.decision, asked, evaluation.now, evaluation.codes.overlay, signed=signed)
    cards: list[Json] = msgspec.json.decode(written)["cards"]
    return next((card for card in cards if card["source"]["topic"]["code"] == rule), None)
