"""Which records could make a rule speak: those that answer a question that is asked even where nothing is recorded.

On a chart without any record the rules ask a few questions, and each silence follows from the answers: nothing there.
The verdicts are a function of the answers. So on a chart that gives the same answers at all moments they are the same
at all moments, and need to be made once.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import UTC, datetime

from msgspec import Raw

from cards.decide import decide
from cards.record.chart import Chart
from cards.record.codes import CANCER, CANCER_HISTORY, Codes
from cards.record.decoding import CODE, NO_JSON
from cards.record.prefetch_keys import PREFETCH_KEYS, supplied_by
from cards.rule_book import RuleBook

_ANY_DAY = datetime(2000, 1, 1, tzinfo=UTC)
_BY_MORE_THAN_CODE = ("lesion.", "conclusion.")  # they stand elsewhere in a report than in its code
# Of other types a name may tell what a record is, not a code alone.
_CODED = frozenset({"Condition", "Observation", "DiagnosticReport", "ServiceRequest", "DeviceRequest", "Procedure"})


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
    """Tells which records may give a chart other answers at one moment than at another."""

    def __init__(self, asked: AbstractSet[str], codes: Codes) -> None:
        self._asked = asked
        self._codes = codes
        names = {name for key in asked for name in supplied_by(key)}
        self.types = frozenset(PREFETCH_KEYS[name].resource_type for name in names)
        """The types of which a record may be one."""
        by_more = {"DiagnosticReport"} if any(key.startswith(_BY_MORE_THAN_CODE) for key in asked) else set()
        self.whole = (self.types - _CODED) | by_more
        """The types of which each record is taken for one, whatever its codes are."""
        self.may_skip = names.isdisjoint(("patient", "encounter"))
        """Whether any chart can be decided once: age, sex and class of the encounter are others at other moments."""

    def is_one(self, code: bytes) -> bool:
        """Whether a record of one of the types, with this code, may answer what is asked of an empty chart."""
        try:
            meanings = self._codes.meanings(CODE.decode(Raw(code)))
        except NO_JSON:
            return True  # it does not fit: what can be made of it is seen when the record is read
        return any(meaning.key in self._asked for meaning in meanings)
