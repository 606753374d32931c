"""Diagnostic reports: the lesions that they conclude, with the sides that their result Observations state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from cards.record.codes import Codes, Meaning, keys_of
from cards.record.decoding import RESULTS
from cards.record.elements import LONGEST_TEXT, NOTHING, Contained, Valued
from cards.record.facts import Lesion, Report
from cards.record.reader import Reader
from cards.record.records import DiagnosticReport, Observation, local_id, reference
from cards.record.side import Side, together
from cards.record.sites import side, site_side
from cards.record.statuses import RESULT, UNREADABLE, status
from cards.record.values import yes_no
from cards.record.whose import own
from cards.value_sets.value_set import VALUE_SETS

VOID_OBSERVATION = frozenset({"entered-in-error", "cancelled", "unknown", UNREADABLE})
PLAIN_OBSERVATION = RESULT - VOID_OBSERVATION
"""The statuses, exactly as written, of nearly every Observation that counts."""
STRUCTURAL = "lesion.structural"


class Located(NamedTuple):
    """What an Observation says about the lesions of a report: which, on which side, and whether they are present."""

    meanings: tuple[Meaning, ...]
    side: Side
    is_absent: bool = False

    @property
    def keys(self) -> set[str]:
        """The lesions that it is about."""
        return {meaning.key for meaning in self.meanings if meaning.key.startswith("lesion.")}


def reports(
    records: Iterable[tuple[DiagnosticReport, tuple[str, ...]]], located: Mapping[str, Located], reader: Reader
) -> Iterator[Report]:
    """The final reports, with the lesions that they conclude; each record is given with its keys.

    A lesion's side is that of its result Observation. `located` are the Observations that come along with the
    reports, by reference.
    """
    for record, keys in records:
        try:
            yield _report(record, keys, located, reader)
        except Exception as error:  # whatever the error, only this record is lost
            reader.lose(record, error)


def _report(record: DiagnosticReport, keys: tuple[str, ...], located: Mapping[str, Located], reader: Reader) -> Report:
    is_alone = record.contained is None and record.result is NOTHING
    results = [] if is_alone else list(_results(record, keys, located, reader))
    codes = [reader.codes.meanings(concept) for concept in record.conclusionCode or []]
    concluded = codes[0] if len(codes) == 1 else tuple(dict.fromkeys(m for meanings in codes for m in meanings))
    naming = _naming(concluded, results) if results else concluded
    return Report(
        reference=reference(record),
        when=reader.dated(record, reader.effective(record), "effective"),
        text=VALUE_SETS[keys[0]].name,
        keys=keys,
        lesions=tuple(_lesions(naming, results)) if naming else (),
        conclusion=(record.conclusion or "")[:LONGEST_TEXT],
        conclusions=keys_of("conclusion", concluded),
    )


def _naming(concluded: tuple[Meaning, ...], results: Sequence[Located]) -> tuple[Meaning, ...]:
    """The meanings that may name a lesion: those that are concluded, and those that the results show or are about."""
    shown = [m for one in results if not one.is_absent for m in one.meanings if m.key == STRUCTURAL]
    return (*concluded, *shown, *[m for one in results for m in one.meanings if m.key.startswith("condition.")])


def _lesions(naming: tuple[Meaning, ...], results: Sequence[Located]) -> Iterator[Lesion]:
    """The lesions that are named, with their sides."""
    for key, named in (_named_by_few if len(naming) <= _FEW else _named)(naming):
        side = together([one.side for one in results if key in one.keys])
        yield from (Lesion(key, side, codes, diseases) for diseases, codes in named)


def _named(naming: tuple[Meaning, ...]) -> Sequence[tuple[str, Sequence[tuple[tuple[str, ...], tuple[str, ...]]]]]:
    """Each lesion that is named, with the diseases and codes that name it; one named by several diseases is several."""
    lesions = []
    for key in dict.fromkeys([meaning.key for meaning in naming if meaning.key.startswith("lesion.")]):
        named: defaultdict[tuple[str, ...], dict[str, None]] = defaultdict(dict)
        for code in (meaning.code for meaning in naming if meaning.key == key):
            named[tuple(sorted({m.key for m in naming if m.code == code} & {*VALUE_SETS[key].conditions}))][code] = None
        lesions.append((key, [(diseases, tuple(codes)) for diseases, codes in named.items()]))
    return lesions


_FEW = 10
_named_by_few = lru_cache(maxsize=1000)(_named)


def _results(
    record: DiagnosticReport, keys: tuple[str, ...], located: Mapping[str, Located], reader: Reader
) -> Iterator[Located]:
    inside = own(record.contained, reader.patient_id)
    if len(inside) < len(record.contained or ()):
        reader.defect(record, "contained", "names no patient by reference")
    observations = (inner for inner in inside if inner.resourceType == "Observation")
    contained = {f"#{(inner.id or '').removeprefix('#')}": inner for inner in observations}
    for result in RESULTS.read(record.result, record, reader.defects) or ():
        named = (result.reference or "").strip()
        inner = contained.get(named if "/" in named else f"#{named.removeprefix('#')}")
        if inner is not None:
            is_void = status("Observation", inner.status) in VOID_OBSERVATION
            if not is_void and not reader.is_modified(record, keys, part=inner):
                yield located_by(reader.codes.meanings(inner.code), inner, reader.codes)
            continue
        stated = located.get(f"Observation/{local_id(result.reference, 'Observation')}")
        if stated is not None:
            yield stated


def located_by(meanings: tuple[Meaning, ...], record: Observation | Contained, codes: Codes) -> Located:
    """What an Observation with these meanings says about a lesion."""
    site = side(record, codes) if isinstance(record, Observation) else site_side(record.bodySite, codes)
    return Located(meanings, site, _is_denied(record, codes))


def _is_denied(record: Observation | Contained, codes: Codes) -> bool:
    """Whether an Observation says that what it is about is absent."""
    said, concept, interpretation = record.valueBoolean, record.valueCodeableConcept, record.interpretation
    if said is None and concept is None and not interpretation:
        return False
    answered = Valued(valueBoolean=said, valueCodeableConcept=concept, interpretation=interpretation)
    return yes_no(answered, "", codes) is False
