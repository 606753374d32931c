"""Finds the keys of the value sets that a coding means, comparing codes as records really hold them.

The codes of records stay JSON until somebody asks what they mean: of a thousand, few differ and fewer matter.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from msgspec import Raw

from cards.record import coding_extensions
from cards.record.decoding import CODE, NO_JSON
from cards.record.defects import Defect
from cards.record.elements import NOTHING, Code, CodeableConcept, Coding, Concept, codings
from cards.record.errors import OverlayError
from cards.record.names import Names
from cards.record.records import Resource
from cards.record.remembered import Remembered
from cards.record.seen_codes import SeenCodes
from cards.record.side import Side, together
from cards.value_sets import addresses
from cards.value_sets.systems import EXAM, ICD10, ICD10CM
from cards.value_sets.value_set import VALUE_SETS, ValueSet

OLD, NEW = "old", "new"
CANCER, CANCER_HISTORY = "condition.cancer-active", "condition.cancer-history"

_MEDICINES, LONGEST_MEDICINE = 256 * 1024, 2_000  # bytes: of all that are remembered, and of one
_SIDES = {f"side.{side}": side for side in Side}
# R4: what a code and a URI may be
_CODE = re.compile(r"\S++(?: \S++)*+")
_URI = re.compile(r"\S+")
_MEMO_ENTRIES = 20_000  # codes seen before are remembered, so that a chart costs one look-up per coding
_MEMO_LENGTH = 100  # characters of a system and a code together: with the entries above, at most 15 MiB
_LONGEST = 500  # characters of an address or a code; anything longer is neither
_FIVE = re.compile(r"(M\d\d\.\d)\d")  # a code of WHO chapter XIII with the optional digit of its site
_LONG_WORD = re.compile(r"\b[^\W\d_]{4,}\b(?!\s*:)")  # but not the scheme of an address
_canonical = lru_cache(maxsize=1000)(addresses.canonical)
_bytes = b"".join  # of one Raw: three times as fast as bytes(), and called once per record


T = TypeVar("T")


class Meaning(NamedTuple):
    """A key of bindings.toml, and the code of the value set that was matched.

    `when` is OLD for a code that counts only if the onset of its Condition was more than 14 days ago or is unknown, and
    NEW for one that counts only if the onset is known and was at most 14 days ago.
    """

    key: str
    code: str
    when: str = ""


class _Family(NamedTuple):
    """Codes that a regular expression describes, as published, and what they mean."""

    pattern: re.Pattern[str]
    key: str
    when: str


Overlay = Mapping[str, Mapping[str, Sequence[str]]]
"""Codes that a site adds, by key of bindings.toml or `observation.<exam code>`, and then by system."""


class Codes:
    """Looks codings up in the value sets and in the codes that a site adds to them."""

    def __init__(
        self,
        overlay: Overlay | None = None,
        medicine_classes: Iterable[str] = (),
        expansions: Overlay | None = None,
    ) -> None:
        """`medicine_classes` are the medicine keys for which other medicines of the class also count, by name.

        `expansions` are codes from a terminology server: they are recognised like those of the overlay, but never sent.
        """
        self._exact: dict[tuple[str, str], tuple[Meaning, ...]] = {}
        self._families: defaultdict[str, list[_Family]] = defaultdict(list)
        self._lesions: defaultdict[str, list[str]] = defaultdict(list)
        self._sides: dict[str, Side] = {}
        self._side_families: list[tuple[re.Pattern[str], str, Side]] = []
        self._without_side: set[tuple[str, str]] = set()
        self._names = Names()
        self._memo: dict[tuple[str | None, str | None], tuple[Meaning, ...]] = {}
        self._side_memo: dict[tuple[str | None, str | None], tuple[tuple[Side, ...], bool]] = {}
        self._site_memo: dict[tuple[str | None, str | None], tuple[Side, ...]] = {}
        self.seen: SeenCodes[Meaning] = SeenCodes()
        self.seen_medicines: Remembered[Any] = Remembered(_MEDICINES, LONGEST_MEDICINE)
        """What the JSON of medicines means: their keys and names."""
        self.overlay = overlay or {}
        self.medicine_classes = frozenset(medicine_classes)
        for value_set in VALUE_SETS.values():
            self._add(value_set)
        self.expansions = expansions or {}
        for key, systems in (*self.overlay.items(), *self.expansions.items()):
            self._add_site(key, systems)

    def _add(self, value_set: ValueSet) -> None:
        key = value_set.key
        for when, codes in (("", value_set.codes), (OLD, value_set.old), (NEW, value_set.new)):
            for system, listed in codes.items():
                for code in listed:
                    self._bind(system, code, Meaning(key, code, when))
        for when, patterns in (("", value_set.patterns), (NEW, value_set.patterns_new)):
            for system, expressions in patterns.items():
                self._families[system] += [_Family(re.compile(one, re.ASCII), key, when) for one in expressions]
        for condition in value_set.conditions:
            self._lesions[condition].append(key)
        self._sides |= {code: _side(side) for code, side in value_set.sides.items()}
        self._side_families += [(re.compile(one), key, _side(side)) for one, side in value_set.side_patterns.items()]
        self._without_side |= {(system, code) for system, codes in value_set.no_side.items() for code in codes}
        self._names.add(key, value_set.names)
        if key in self.medicine_classes:
            self._names.add(key, value_set.names_class)

    def _add_site(self, key: str, systems: Mapping[str, Sequence[str]]) -> None:
        kind, _, exam = key.partition(".")
        owner = next((m for m in self._exact.get((EXAM, exam), ()) if m.key.partition(".")[0] == kind), None)
        if key not in VALUE_SETS and owner is None:
            raise OverlayError(f'codes."{key}": there is no such key; see cards/value_sets for the names')
        if len(VALUE_SETS[key].codes.get(EXAM, ())) > 1 if key in VALUE_SETS else False:
            raise OverlayError(f'codes."{key}": name the finding itself, as in observation.mrc-ankle-dorsiflexion')
        for system, codes in systems.items():
            if not _URI.fullmatch(system):
                raise OverlayError(f'codes."{key}": a system is no URI, such as http://snomed.info/sct')
            for code in codes:
                if not _CODE.fullmatch(code):
                    raise OverlayError(
                        f'codes."{key}": a code of {system} is empty, or begins, ends or is parted with blanks'
                    )
                meaning = Meaning(key, code, _when(key, system)) if key in VALUE_SETS or owner is None else owner
                self._bind(_canonical(system), code, meaning)

    def _bind(self, system: str, code: str, meaning: Meaning) -> None:
        place = system, addresses.written(system, code)
        self._exact[place] = (*self._exact.get(place, ()), meaning)

    def of(self, system: str | None, code: str | None) -> tuple[Meaning, ...]:
        """The meanings of one coding; none when no value set holds it."""
        meanings = self._memo.get((system, code))
        if meanings is None:
            meanings = self._look_up(system, code)
            _remember(self._memo, system, code, meanings)
        return meanings

    def _look_up(self, system: str | None, code: str | None) -> tuple[Meaning, ...]:
        meanings: dict[Meaning, None] = {}
        for known, name in _readings(system, code):
            meanings |= dict.fromkeys(self._known(known, name))
            if known == ICD10 and not meanings and (five := _FIVE.fullmatch(name)):
                # As WHO codes they mean the category with a site: the condition, never a side.
                meanings |= {Meaning(m.key, five[1], m.when): None for m in self._known(ICD10CM, name)}
        for meaning in tuple(meanings):
            for lesion in self._lesions.get(meaning.key, ()):
                meanings[Meaning(lesion, meaning.code)] = None
        return tuple(meanings)

    def _known(self, system: str, code: str) -> tuple[Meaning, ...]:
        exact = self._exact.get((system, code), ())
        keys = {meaning.key for meaning in exact}
        families = self._families.get(system, ())
        return exact + tuple(
            Meaning(key, code, when) for pattern, key, when in families if key not in keys and pattern.search(code)
        )

    def meanings(self, concept: Concept | CodeableConcept | None) -> tuple[Meaning, ...]:
        """What a concept means: every meaning of every coding, each once."""
        if concept is None or not concept.coding:
            return ()
        if len(concept.coding) == 1:
            return self._said(concept.coding[0])
        return tuple(dict.fromkeys(m for coding in concept.coding for m in self._said(coding)))

    def _said(self, coding: Code | Coding) -> tuple[Meaning, ...]:
        """The meanings of a coding, given the certainty that it states: suspected and excluded ones mean nothing."""
        known = self._memo.get((coding.system, coding.code))
        meanings = self.of(coding.system, coding.code) if known is None else known
        if not meanings or coding.extension is NOTHING:
            return meanings
        certainty = coding_extensions.certainty(coding.extension)
        if certainty == coding_extensions.HISTORY:
            return tuple(Meaning(CANCER_HISTORY, m.code) for m in meanings if m.key == CANCER)
        return () if certainty == coding_extensions.NOT_COUNTED else meanings

    def keys(self, concept: Concept | CodeableConcept | None, domain: str) -> tuple[str, ...]:
        """The keys of one domain (`condition`, `order`, ...) that a concept means."""
        return keys_of(domain, self.meanings(concept))

    def side_of(self, codings: Sequence[Code | Coding]) -> Iterable[Side]:
        """The sides that codes themselves carry or, if none does, the sides that ICD-10-GM codings state."""
        stated = [side for coding in codings for side in self._sides_of(coding)[0]]
        return stated or [side for coding in codings if (side := coding_extensions.side(coding.extension))]

    def _sides_of(self, coding: Code | Coding) -> tuple[tuple[Side, ...], bool]:
        """The sides that a code itself carries, and whether it forbids reading a side from a body site."""
        place = coding.system, coding.code
        known = self._side_memo.get(place)
        if known is None:
            readings = tuple(_readings(*place))
            known = tuple(self._own_sides(readings)), not self._without_side.isdisjoint(readings)
            _remember(self._side_memo, *place, known)
        return known

    def _own_sides(self, readings: Iterable[tuple[str, str]]) -> Iterable[Side]:
        """The sides that a code itself carries; only ICD-10-CM codes carry any."""
        for system, code in readings:
            if system != ICD10CM:
                continue
            if code in self._sides:
                yield self._sides[code]
                continue
            keys = {meaning.key for meaning in self._known(system, code)}
            yield from (side for pattern, key, side in self._side_families if key in keys and pattern.search(code))

    def has_no_side(self, codings: Iterable[Code | Coding]) -> bool:
        """Whether one of the codes forbids reading a side from a body site: it may mean the hemisphere (D75)."""
        return any(self._sides_of(coding)[1] for coding in codings)

    def side_among(self, codings: Iterable[Code | Coding]) -> Side:
        """The side that the codings of a body site, or of its qualifier, give."""
        return together(side for coding in codings for side in self._sides_at(coding))

    def _sides_at(self, coding: Code | Coding) -> tuple[Side, ...]:
        """The sides that a coding of a body site means."""
        known = self._site_memo.get((coding.system, coding.code))
        if known is None:
            keys = {meaning.key for meaning in self.of(coding.system, coding.code)}
            known = tuple(_SIDES[key] for key in keys if key in _SIDES)
            _remember(self._site_memo, coding.system, coding.code, known)
        return known

    def named(self, words: Iterable[str], *domains: str) -> tuple[str, ...]:
        """The keys of these domains whose names appear as whole words in any of the texts."""
        keys = dict.fromkeys(key for text in words for key in self._names.keys(text))
        return tuple(key for key in keys if key.partition(".")[0] in domains)

    def short_name(self, text: str, keys: Iterable[str]) -> str:
        """A name for a sentence (O17): that by which a text is recognised, else its first word of 4 letters or more."""
        return self._names.first_of(text, keys) or next(
            (word[0] for word in _LONG_WORD.finditer(text[:_LONGEST])), text
        )


class RecordCodes:
    """Looks up the codes of one patient's records, kept as JSON. Anything that cannot be read is added to `defects`."""

    def __init__(self, codes: Codes, defects: list[Defect]) -> None:
        self._codes = codes
        self._defects = defects
        self.meaningless = codes.seen.meaningless
        """The JSON of the codes that are already known to mean nothing here."""

    def meanings(self, record: Resource, code: Raw) -> tuple[Meaning, ...]:
        """What a record's code means: every meaning of every coding, each once."""
        text = _bytes((code,))
        meanings = self._codes.seen.meanings.get(text)
        if meanings is not None:
            return meanings
        try:
            meanings = self._codes.meanings(CODE.decode(code))
        except NO_JSON:  # it is read as far as possible, and counted for each record
            return self._codes.meanings(CODE.read_loosely(code, record, self._defects))
        self._codes.seen.add(text, meanings)
        return meanings

    def keys(self, record: Resource, code: Raw, domain: str) -> tuple[str, ...]:
        """The keys of one domain (`condition`, `order`, ...) that a record's code means."""
        return keys_of(domain, self.meanings(record, code))

    def side(self, record: Resource, code: Raw) -> tuple[Side, bool]:
        """The side that a record's code itself carries, and whether it forbids reading a side from a body site."""
        text = _bytes((code,))
        known = self._codes.seen.sides.get(text)
        if known is None:
            coded = codings(CODE.read(code, record, []))  # any part that cannot be read has been counted
            known = together(self._codes.side_of(coded)), self._codes.has_no_side(coded)
            self._codes.seen.add_side(text, known)
        return known


def _remember(memo: dict[tuple[str | None, str | None], T], system: str | None, code: str | None, known: T) -> None:
    """Keep what is known about a coding, unless it is long."""
    if len(system or "") + len(code or "") < _MEMO_LENGTH:
        if len(memo) >= _MEMO_ENTRIES:
            memo.clear()  # otherwise one request with that many odd codes would keep out all others for good
        memo[system, code] = known


def keys_of(domain: str, meanings: tuple[Meaning, ...]) -> tuple[str, ...]:
    """The keys of one domain among these meanings, each once."""
    if not meanings:
        return ()
    return (_keys_of_few if len(meanings) <= _FEW else _keys_of)(domain, meanings)


def _keys_of(domain: str, meanings: tuple[Meaning, ...]) -> tuple[str, ...]:
    start = f"{domain}."
    return tuple(dict.fromkeys([meaning.key for meaning in meanings if meaning.key.startswith(start)]))


_FEW = 10
_keys_of_few = lru_cache(maxsize=5_000)(_keys_of)


def _readings(system: str | None, code: str | None) -> Iterable[tuple[str, str]]:
    """The codes that a coding holds, each as its system publishes it."""
    if not system or not code:
        return ()
    system, code = system.strip(), code.strip()
    if max(len(system), len(code)) > _LONGEST:
        return ()
    return addresses.readings(_canonical(system), code)


def _when(key: str, system: str) -> str:
    """How a site's codes of a system count for a key whose own codes of that system count only by the onset (D75)."""
    known, values = _canonical(system), VALUE_SETS.get(key)
    if values is None or known in values.codes:
        return ""
    return OLD if known in values.old else NEW if known in values.new else ""


def _side(name: str) -> Side:
    return Side.BOTH if name == "bilateral" else Side(name)
