"""Which records could make a rule speak: those that answer a question that the rules ask even of an empty chart.

On a chart without any record the rules ask a few questions, and each silence follows from the answers: nothing there.
The verdicts are a function of the answers. So if a chart gives the same answers at all moments, the verdicts are the
same at all moments, and need to be made only once.
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
_BY_MORE_THAN_CODE = ("lesion.", "conclusion.")  # a report holds these outside its code
# For other types a name may say what a record is, not only a code.
_CODED = frozenset({"Condition", "Observation", "DiagnosticReport", "ServiceRequest", "DeviceRequest", "Procedure"})


class _Recording(frozenset[str]):
    """Declares every key, and remembers those that are asked for."""

    asked: set[str]

    def __contains__(self, key: object) -> bool:
        self.asked.add(str(key))
        return True


def asked_of_nothing(book: RuleBook, hook: str, codes: Codes) -> frozenset[str]:
    """The keys of bindings.toml that the rules of a hook ask for when nothing is recorded."""
    declared = _Recording()
    declared.asked = set()
    decide(Chart("nobody", _ANY_DAY, [], hook=hook, codes=codes, declared=declared), book)
    asked = declared.asked
    return frozenset(asked | {CANCER} if CANCER_HISTORY in asked else asked)


class Triggers:
    """Says which records may make a chart give different answers at different moments."""

    def __init__(self, asked: AbstractSet[str], codes: Codes) -> None:
        self._asked = asked
        self._codes = codes
        names = {name for key in asked for name in supplied_by(key)}
        self.types = frozenset(PREFETCH_KEYS[name].resource_type for name in names)
        """The types of which a record may be a trigger."""
        by_more = {"DiagnosticReport"} if any(key.startswith(_BY_MORE_THAN_CODE) for key in asked) else set()
        self.whole = (self.types - _CODED) | by_more
        """The types of which every record counts as a trigger, whatever its codes are."""
        self.may_skip = names.isdisjoint(("patient", "encounter"))
        """Whether any chart can be decided once: age, sex and the class of the encounter may differ between moments."""

    def is_one(self, code: bytes) -> bool:
        """Whether a record of one of the types, with this code, may answer what is asked of an empty chart."""
        try:
            meanings = self._codes.meanings(CODE.decode(Raw(code)))
        except NO_JSON:
            return True  # it does not fit: reading the record shows what can be made of it
        return any(meaning.key in self._asked for meaning in meanings)
