"""Makes the rows that are kept of an answer from what was noted of it. They do not say whom it was about."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from itertools import count
from secrets import token_hex

import msgspec
from msgspec import Struct

from cards.language.rule import Rule
from service.hooks import service_id
from service.memory.noting import Noted, NotedCard, Said, told
from service.memory.rows import Answered, Card, Evaluation, Verdict
from service.store.hashing import Hash

SHORT = 32  # hexadecimal digits of a fingerprint
_MOST_SETS = 1000
_encode = msgspec.json.Encoder().encode


class _Fact(Struct, frozen=True):
    """A fact that made a card speak, in our own words."""

    side: str
    text: str


class _Suggestion(Struct, frozen=True, omit_defaults=True):
    """A suggestion of a card, in our own words."""

    uuid: str
    label: str
    recommended: bool = False


class AnswerRows:
    """Makes the rows of answers. `hashed` and `in_own_words` are those of the memory."""

    def __init__(self, hashed: Hash, in_own_words: Callable[[str], str], rules: Mapping[str, Rule]) -> None:
        self._hashed = hashed
        self._in_own_words = in_own_words
        self._rules = rules
        self._stem, self._numbers = token_hex(12), count()  # drawn once: drawing an id costs more than writing it
        self._sets: dict[Said, tuple[str, tuple[Verdict, ...]]] = {}

    def rows(self, noted: Noted) -> Answered:
        """All that is kept of an answer."""
        name, verdicts = self._verdicts(noted)
        evaluation = Evaluation(
            id=f"{self._stem}{next(self._numbers):08x}",
            at=noted.at,
            client=noted.client,
            tenant=noted.tenant,
            service=service_id(noted.hook),
            hook=noted.hook,
            patient=self._who(noted, "Patient", noted.patient),
            encounter=self._who(noted, "Encounter", noted.encounter),
            asker=self._who(noted, "user", noted.asker),
            milliseconds=round(noted.milliseconds, 3),
            records=noted.records,
            unreadable=noted.unreadable,
            missing=" ".join(sorted(noted.unseen)),
            verdict_set=name,
        )
        return Answered(
            evaluation, verdicts, tuple([self._card(one, evaluation) for one in noted.cards]), noted.unknown
        )

    def _who(self, noted: Noted, kind: str, identity: str | None) -> str:
        return self._hashed(noted.client, noted.tenant, kind, identity) if identity else ""

    def _verdicts(self, noted: Noted) -> tuple[str, tuple[Verdict, ...]]:
        """The set of verdicts and its name. Equal sets have the same name."""
        known = self._sets.get(noted.said)
        if known is None:
            plain = [
                (rule, self._rules[rule].version, kind or "card", self._reason(rule, why, noted))
                for rule, kind, why in zip(*noted.said, strict=True)
            ]
            name = hashlib.sha256(_encode(plain)).hexdigest()[:SHORT]
            known = name, tuple(Verdict(name, *one) for one in plain)
            if len(self._sets) >= _MOST_SETS:
                self._sets.clear()
            self._sets[noted.said] = known
        return known

    def _reason(self, rule: str, why: str, noted: Noted) -> str:
        """Why a rule is silent. The reason of a quiet card is already in our own words, and its times are kept."""
        return why if rule in noted.quiet else self._in_own_words(why)

    def _card(self, noted: NotedCard, evaluation: Evaluation) -> Card:
        words = self._in_own_words
        return Card(
            uuid=noted.uuid,
            evaluation=evaluation.id,
            at=evaluation.at,
            client=evaluation.client,
            tenant=evaluation.tenant,
            rule=noted.rule.id,
            version=noted.rule.version,
            indicator=noted.indicator,
            fingerprint=fingerprint(self._hashed, evaluation.patient, told(noted.facts, noted.drafts)),
            evidence=_json([_Fact(fact.side, words(fact.text)) for fact in noted.facts]),
            suggestions=_json([_Suggestion(uuid, words(label), best) for uuid, label, best in noted.suggestions]),
            shown=noted.shown,
            mode=noted.mode,
        )


def fingerprint(hashed: Hash, patient: str, told: list[str]) -> str:
    """The keyed hash of the facts of a card. If a draft is among them, what it orders counts too."""
    return hashed(patient, *told)[:SHORT]


def _json(rows: list[_Fact] | list[_Suggestion]) -> str:
    return _encode(rows).decode() if rows else "[]"
