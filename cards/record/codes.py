"""Which keys of the value sets a coding means, compared as records really hold codes.

The codes of records stay JSON until somebody asks what they mean: of a thousand, few differ and fewer matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import Raw

from cards.record.decoding import CODE, NO_JSON
from cards.record.defects import Defect
from cards.record.elements import Code, CodeableConcept, Coding, Concept, codings
from cards.record.errors import OverlayError
from cards.record.records import Resource
from cards.record.side import Side, together
from cards.value_sets.systems import EXAM, HCPCS, ICD10CM, LOINC, NCIT, RXNORM, SNOMED
from cards.value_sets.value_set import VALUE_SETS, ValueSet

# codes.md 2: the OIDs of the systems, as older interfaces write them
_FORMS = {
    "urn:oid:2.16.840.1.113883.6.96": SNOMED,
    "urn:oid:2.16.840.1.113883.6.1": LOINC,
    "urn:oid:2.16.840.1.113883.6.90": ICD10CM,
    "urn:oid:2.16.840.1.113883.6.88": RXNORM,
    "urn:oid:2.16.840.1.113883.6.285": HCPCS,
    "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": HCPCS,
    "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl": NCIT,
}
_SIDES = {f"side.{side}": side for side in Side}
# R4: what a code and a URI may be
_CODE = re.compile(r"\S++(?: \S++)*+")
_URI = re.compile(r"\S+")
_MEMO_ENTRIES = 20_000  # codes that were seen are remembered, so that a chart costs one look-up a coding
_MEMO_LENGTH = 100  # characters of a system and a code together: with the entries above, at most 15 MiB
_KNOWN_OVERHEAD = 200  # bytes of an entry, beside its text
_KNOWN_BYTES = 4 * 1024 * 1024  # of the codes of one patient's records
_bytes = b"".join  # of one Raw: three times as fast as bytes(), and done once a record


class Meaning(NamedTuple):
    """A key of bindings.toml, and the code of the value set that was matched."""

    key: str
    code: str


Overlay = Mapping[str, Mapping[str, Sequence[str]]]
"""Codes that a site adds: key of bindings.toml, or `observation.<exam code>`, to system to codes."""


class Codes:
    """Looks codings up in the value sets and in the codes that a site adds to them."""

    def __init__(self, overlay: Overlay | None = None) -> None:
        self._exact: dict[tuple[str, str], tuple[Meaning, ...]] = {}
        self._patterns: list[tuple[str, str, re.Pattern[str]]] = []
        self._sides: dict[str, Side] = {}
        self._names: list[tuple[str, str, re.Pattern[str]]] = []
        self._memo: dict[tuple[str | None, str | None], tuple[Meaning, ...]] = {}
        self._named_memo: dict[str, tuple[str, ...]] = {}
        self.overlay = overlay or {}
        for value_set in VALUE_SETS.values():
            self._add(value_set)
        for key, systems in self.overlay.items():
            self._add_site(key, systems)

    def _add(self, value_set: ValueSet) -> None:
        key = value_set.key
        for system, codes in value_set.codes.items():
            for code in codes:
                self._bind(system, code, Meaning(key, code))
        for system, patterns in value_set.patterns.items():
            self._patterns += [(system, key, re.compile(pattern.replace("\\.", ""))) for pattern in patterns]
        self._sides |= {_plain(ICD10CM, code): _side(side) for code, side in value_set.sides.items()}
        self._names += [(key, name.lower(), _whole_word(name)) for name in value_set.names]

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
                meaning = Meaning(key, code) if key in VALUE_SETS or owner is None else owner
                self._bind(_FORMS.get(system, system), code, meaning)

    def _bind(self, system: str, code: str, meaning: Meaning) -> None:
        place = system, _plain(system, code)
        self._exact[place] = (*self._exact.get(place, ()), meaning)

    def of(self, system: str | None, code: str | None) -> tuple[Meaning, ...]:
        """What one coding means; nothing when no value set holds it."""
        meanings = self._memo.get((system, code))
        if meanings is None:
            meanings = self._look_up(system, code)
            if len(system or "") + len(code or "") < _MEMO_LENGTH:
                if len(self._memo) >= _MEMO_ENTRIES:
                    self._memo.clear()  # else one request of so many odd codes would keep out all others for ever
                self._memo[system, code] = meanings
        return meanings

    def _look_up(self, system: str | None, code: str | None) -> tuple[Meaning, ...]:
        if not system or not code:
            return ()
        system = system.strip()
        system = _FORMS.get(system, system)
        plain = _plain(system, code)
        exact = self._exact.get((system, plain), ())
        keys = {meaning.key for meaning in exact}
        by_pattern = tuple(
            Meaning(key, plain)
            for pattern_system, key, pattern in self._patterns
            if pattern_system == system and key not in keys and pattern.fullmatch(plain)
        )
        return exact + by_pattern

    def meanings(self, concept: Concept | CodeableConcept | None) -> tuple[Meaning, ...]:
        """What a concept means: every meaning of every coding, each once."""
        if concept is None or not concept.coding:
            return ()
        if len(concept.coding) == 1:
            only = concept.coding[0]
            known = self._memo.get((only.system, only.code))
            return self.of(only.system, only.code) if known is None else known
        return tuple(dict.fromkeys(m for coding in concept.coding for m in self.of(coding.system, coding.code)))

    def keys(self, concept: Concept | CodeableConcept | None, domain: str) -> tuple[str, ...]:
        """The keys of one domain (`condition`, `order`, ...) that a concept means."""
        return _of_domain(self.meanings(concept), domain)

    def side_of(self, codings: Iterable[Code | Coding]) -> Iterable[Side]:
        """The sides that ICD-10-CM codes carry in themselves."""
        for coding in codings:
            system = (coding.system or "").strip()
            if coding.code and (system == ICD10CM or _FORMS.get(system) == ICD10CM):
                side = self._sides.get(_plain(ICD10CM, coding.code))
                if side is not None:
                    yield side

    def side(self, site: CodeableConcept | list[CodeableConcept] | None) -> Side:
        """The side that the codings of a bodySite give."""
        if site is None:
            return Side.UNKNOWN
        sides = set()
        for coding in codings(site):
            for meaning in self.of(coding.system, coding.code):
                if meaning.key in _SIDES:
                    sides.add(_SIDES[meaning.key])
        return together(sides)

    def named(self, words: Iterable[str]) -> tuple[str, ...]:
        """The keys whose names stand as whole words in any of the texts, in any case."""
        return tuple(dict.fromkeys(key for text in words for key in self._named(text)))

    def _named(self, text: str) -> tuple[str, ...]:
        keys = self._named_memo.get(text)
        if keys is None:
            # Nearly no text holds a name: what is not even a part of it need not be looked for as a word.
            plain = text.lower() if text.isascii() else None
            names = ((key, word) for key, name, word in self._names if plain is None or name in plain)
            keys = tuple(dict.fromkeys(key for key, word in names if word.search(text)))
            if len(self._named_memo) < _MEMO_ENTRIES and len(text) < _MEMO_LENGTH:
                self._named_memo[text] = keys
        return keys


class RecordCodes:
    """Looks up the codes of one patient's records, kept as JSON: the same code, to the letter, once.

    What cannot be read of them is added to `defects`.
    """

    def __init__(self, codes: Codes, defects: list[Defect]) -> None:
        self._codes = codes
        self._defects = defects
        self._room = _KNOWN_BYTES
        self._known: dict[bytes, tuple[Meaning, ...]] = {b"": ()}
        self._meaningless = {b""}

    def meanings(self, record: Resource, code: Raw) -> tuple[Meaning, ...]:
        """What a record's code means: every meaning of every coding, each once."""
        text = _bytes((code,))
        meanings = self._known.get(text)
        if meanings is not None:
            return meanings
        try:
            meanings = self._codes.meanings(CODE.decode(code))
        except NO_JSON:  # it is read, as far as it can be, and counted for each record
            return self._codes.meanings(CODE.read(code, record, self._defects))
        self._room -= len(text) + _KNOWN_OVERHEAD
        if self._room > 0:
            self._known[text] = meanings
            if not meanings:
                self._meaningless.add(text)
        return meanings

    def is_meaningless(self, code: Raw) -> bool:
        """Whether a code is known already to mean nothing here, as nearly every one of a chart."""
        return _bytes((code,)) in self._meaningless

    def keys(self, record: Resource, code: Raw, domain: str) -> tuple[str, ...]:
        """The keys of one domain (`condition`, `order`, ...) that a record's code means."""
        return _of_domain(self.meanings(record, code), domain)


def _of_domain(meanings: tuple[Meaning, ...], domain: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(m.key for m in meanings if m.key.startswith(domain + "."))) if meanings else ()


def _plain(system: str, code: str) -> str:
    """The code without what records add or drop: spaces; in ICD-10-CM the dot and the case."""
    code = code.strip()
    return code.upper().replace(".", "") if system == ICD10CM else code


def _side(name: str) -> Side:
    return Side.BOTH if name == "bilateral" else Side(name)


def _whole_word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
