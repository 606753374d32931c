"""Which records could make a rule speak: those that answer a question that is asked even where nothing is recorded.

On a chart without any record the rules ask a few questions, and each silence follows from the answers: nothing there.
The verdicts are a function of the answers. So on a chart that gives the same answers at all moments they are the same
at all moments, and need to be made once.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import get_args

from cards.decide import decide
from cards.record.chart import Chart
from cards.record.codes import CANCER, CANCER_HISTORY, Codes, RecordCodes
from cards.record.prefetch_keys import supplied_by
from cards.record.records import (
    Condition,
    DiagnosticReport,
    Observation,
    Procedure,
    Resource,
    ServiceRequest,
)
from cards.rule_book import RuleBook
from service.backtest.lines import KEY_OF_TYPE

_bytes = b"".join  # of one Raw: three times as fast as bytes()
_PLAINLY_CODED = frozenset({Condition, Procedure, Observation})
_ANY_DAY = datetime(2000, 1, 1, tzinfo=UTC)
_BY_MORE_THAN_CODE = ("lesion.", "conclusion.")  # they stand elsewhere in a report than in its code


class _Recording(frozenset[str]):
    """Declares every key, and remembers those that are asked for."""

    asked: set[str]

    def __contains__(self, key: object) -> bool:
        self.asked.add(str(key))
        return True


def asked_of_nothing(book: RuleBook, hook: str, codes: Codes) -> frozenset[str]:
    """The keys of bindings.toml that the rules of a hook ask for while nothing is recorded."""
    declared = _Recording()
    declared.asked = set()
    decide(Chart("nobody", _ANY_DAY, [], hook=hook, codes=codes, declared=declared), book)
    asked = declared.asked
    return frozenset(asked | {CANCER} if CANCER_HISTORY in asked else asked)


class Triggers:
    """Tells whether a chart may give other answers at one moment than at another."""

    def __init__(self, asked: AbstractSet[str], codes: Codes) -> None:
        self._asked = asked
        self._codes = codes
        names = {name for key in asked for name in supplied_by(key)}
        self._types = {kind for kind in get_args(Resource) if KEY_OF_TYPE.get(kind.resourceType) in names}
        self.may_skip = names.isdisjoint(("patient", "encounter"))
        """Whether any chart can: age, sex and the class of the encounter are others at other moments."""

    def any(self, records: list[Resource]) -> bool:
        """Whether one of the records may answer a question that is asked where nothing is recorded."""
        known = RecordCodes(self._codes, [])
        meaningless = known.meaningless
        for record in records:
            kind = type(record)
            if kind not in self._types or (
                kind in _PLAINLY_CODED
                and _bytes((record.code,)) in meaningless  # type: ignore[union-attr]
                and not (kind is Observation and record.component)  # type: ignore[union-attr]
            ):
                continue
            if self._is_one(record, known):
                return True
        return False

    def _is_one(self, record: Resource, known: RecordCodes) -> bool:
        if not isinstance(record, Condition | Observation | DiagnosticReport | ServiceRequest | Procedure):
            return True  # a name may tell what it is, not a code alone
        if isinstance(record, DiagnosticReport) and any(key.startswith(_BY_MORE_THAN_CODE) for key in self._asked):
            return True
        codes = [record.code]
        if isinstance(record, Observation):
            codes += [part.code for part in record.component or ()]
        if isinstance(record, ServiceRequest):
            codes.append(record.codeCodeableConcept)
        return any(meaning.key in self._asked for code in codes for meaning in known.meanings(record, code))
