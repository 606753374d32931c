"""A line of an export: whose it is, and whether the service would have asked for it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import compress
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import Raw, Struct

from cards.record.decoding import NO_JSON
from cards.record.elements import NOTHING
from cards.record.prefetch_keys import PREFETCH_KEYS
from cards.record.records import FHIR_ID, reference_id
from cards.record.statuses import UNREADABLE, clinical_status, verification_status
from cards.record.strings import cleaned, mended
from service.backtest.as_of import Times
from service.backtest.coded import coded, codes_in, references
from service.backtest.line import KEPT, Fate, Line, Lines
from service.backtest.line_types import KNOWN, SHARED, Pointer, Told, types
from service.backtest.triggers import Triggers

__all__ = ["KEPT", "SHARED", "Fate", "Line", "LineReader", "Lines", "references"]

_bytes = b"".join  # of one Raw: three times as fast as bytes()
_both = b"\0".join  # no JSON contains this separator
_PLAIN = re.compile(r"Patient/([A-Za-z0-9\-.]{1,64})")
_MOST_CODES = 100_000  # distinct ones that are remembered, displays included
_MOST_STATUSES = 1_000
_beside_its_code = attrgetter(
    "contained", "modifierExtension", "clinicalStatus", "verificationStatus", "codeCodeableConcept", "component"
)
_NOTHING_BESIDE = _beside_its_code(Told())


class _Typed(Struct, gc=False):
    resourceType: object = None


_UNREAD = {kind: Line(Fate.UNREAD_TYPE, kind=kind) for kind in KNOWN}
_UNKNOWN = Line(Fate.UNKNOWN_TYPE)


_decode_type = msgspec.json.Decoder(_Typed).decode


class LineReader:
    """Reads the lines of an export.

    `templates` are the prefetch queries of the hook, by prefetch key; `times` counts what is odd about dates.
    """

    def __init__(self, templates: Mapping[str, str], triggers: Triggers, times: Times) -> None:
        kinds = {PREFETCH_KEYS[key].resource_type for key in templates} | {"Patient", "Encounter", SHARED}
        self._kinds, self._decode = types(frozenset(kinds))
        self._asked = codes_in(templates.get("observations", ""))
        self._meanings: dict[bytes, tuple[bool, bool]] = {}
        self._statuses: dict[bytes, bool] = {}
        self._triggers = triggers
        self._times = times

    def read(self, raw: bytes) -> Line:
        """What a line is; it must not be blank."""
        return _alone(self.read_all([raw]))

    def read_all(self, raws: Sequence[bytes]) -> Lines:
        """What these lines are; none may be blank. Reading many at once takes far less time than one by one."""
        told, lines = self._decoded(raws), Lines()
        kinds = set(map(type, told))
        if len(kinds) == 1:
            self._take(lines, range(len(raws)), raws, told)
        else:
            for kind in kinds:
                places = [place for place, one in enumerate(told) if type(one) is kind]
                self._take(lines, places, [raws[place] for place in places], [told[place] for place in places])
            lines.sort()
        lines.is_cut = bool(told) and isinstance(told[-1], Line) and told[-1].fate is Fate.NO_JSON
        return lines

    def _decoded(self, raws: Sequence[bytes]) -> list[Any]:
        """What each line says; for one that does not fit, the Line that it is."""
        told: list[Any] = []
        fitting = map(self._decode, raws)
        while True:
            try:
                told.extend(fitting)  # up to the next one that does not fit, without a step of Python for each
            except NO_JSON as error:
                raw = raws[len(told)]
                strange = self._strange(raw) if isinstance(error, msgspec.ValidationError) else None
                told.append(strange or self._mended(raw))
                continue
            return told

    def _mended(self, raw: bytes) -> Line:
        """A line that is not JSON as it stands, but may be without the characters that no text may contain (O15)."""
        other = mended(cleaned(raw))
        if other == raw:
            return Line(Fate.NO_JSON)
        try:
            return self._oddly(other, self._decode(other))
        except msgspec.ValidationError:
            return self._strange(other) or Line(Fate.NO_JSON)
        except NO_JSON:
            return Line(Fate.NO_JSON)

    def _strange(self, raw: bytes) -> Line | None:
        """A line of an unknown type, or with a value of the wrong type; None if it is not JSON."""
        try:
            kind = _type(raw)
            if not isinstance(kind, str) or not kind:
                return Line(Fate.NO_RESOURCE)
            return self._loosely(raw, kind) if kind in self._kinds else _UNREAD.get(kind, _UNKNOWN)
        except NO_JSON:
            return None

    def _loosely(self, raw: bytes, kind: str) -> Line:
        """A line in which something does not fit: decoding the record says later what that costs."""
        members = msgspec.json.decode(raw)
        identity, code = members.get("id"), Raw(msgspec.json.encode(members.get("code")))
        told = self._kinds[kind](
            id=identity if isinstance(identity, str) else None,
            subject=_pointer(members.get("subject")),
            patient=_pointer(members.get("patient")),
            code=code,
        )
        return self._oddly(raw, told)

    def _oddly(self, raw: bytes, told: Told) -> Line:
        """A line with something odd in it: its record is looked at closely in any case."""
        lines = Lines()
        self._take(lines, [0], [raw], [told])
        line = _alone(lines)
        if line.fate is KEPT and line.kind not in (SHARED, "Patient"):
            line.is_trigger = True
        return line

    def _take(self, lines: Lines, places: Sequence[int], raws: Sequence[bytes], told: Sequence[Any]) -> None:
        """Add lines of one type."""
        kind = type(told[0]).__name__
        if isinstance(told[0], Line):
            for place, line in zip(places, told, strict=True):
                lines.add(place, line)
        elif kind not in self._kinds:
            lines.lose(Fate.UNREAD_TYPE, kind, len(raws))
        elif kind in (SHARED, "Patient"):
            alone = _shared if kind == SHARED else self._person
            for place, raw, one in zip(places, raws, told, strict=True):
                lines.add(place, alone(raw, one))
        elif kind == "Observation":
            is_asked = [asked for asked, _ in self._meanings_of(told)]
            lines.lose(Fate.NOT_ASKED, kind, len(raws) - sum(is_asked))
            asked_for = (list(compress(one, is_asked)) for one in (places, raws, told))
            self._take_owned(lines, kind, *asked_for)
        else:
            self._take_owned(lines, kind, places, raws, told)

    def _person(self, raw: bytes, told: Told) -> Line:
        """The line of a Patient."""
        identity, known = told.id or "", self._times.first(told, ("birthDate",))
        is_patient = FHIR_ID.fullmatch(identity)
        return Line(KEPT, raw, identity, "Patient", identity, known) if is_patient else Line(Fate.NO_PATIENT)

    def _take_owned(
        self, lines: Lines, kind: str, places: Sequence[int], raws: Sequence[bytes], told: Sequence[Told]
    ) -> None:
        """Add lines of a type that names its patient."""
        patients = _patients(told)
        if not all(patients):
            has_one = list(map(bool, patients))
            lines.lose(Fate.NO_PATIENT, kind, len(raws) - sum(has_one))
            places, raws = list(compress(places, has_one)), list(compress(raws, has_one))
            told = list(compress(told, has_one))
            patients = list(filter(None, patients))
        lines.places += places
        lines.raws += raws
        lines.patients += patients
        lines.kinds += [kind] * len(raws)
        lines.ids += [one.id or "" for one in told]
        lines.known += self._times.known_all(told, kind)
        lines.are_triggers += self._are_triggers(kind, told)

    def _are_triggers(self, kind: str, told: Sequence[Told]) -> list[bool]:
        """Whether each record may matter on a chart that holds nothing else."""
        triggers = self._triggers
        if kind == "Encounter":
            return [False] * len(told)
        if not triggers.may_skip or kind in triggers.whole:
            return [True] * len(told)
        is_coded = kind in triggers.types
        by_code = [is_one for _, is_one in self._meanings_of(told)] if is_coded else [False] * len(told)
        beside = list(map(_beside_its_code, told))
        if beside.count(_NOTHING_BESIDE) == len(told):
            return by_code
        for place, (contained, modifiers, clinical, verification, concept, parts) in enumerate(beside):
            if contained is not NOTHING or modifiers is not NOTHING or self._is_odd(clinical, verification):
                by_code[place] = True
            elif is_coded and not by_code[place]:
                by_code[place] = self._means_one(concept) or any(self._means_one(part.code) for part in parts or ())
        return by_code

    def _is_odd(self, clinical: Raw, verification: Raw) -> bool:
        """Whether either of the two statuses cannot be read."""
        if clinical is verification:
            return False
        text = _both((clinical, verification))
        is_odd = self._statuses.get(text)
        if is_odd is None:
            is_odd = UNREADABLE in (clinical_status(clinical), verification_status(verification))
            if len(self._statuses) < _MOST_STATUSES:
                self._statuses[text] = is_odd
        return is_odd

    def _means_one(self, code: Raw) -> bool:
        """Whether the rules ask for a code on an empty chart."""
        text = _bytes((code,))
        return (self._meanings.get(text) or self._meaning(text))[1]

    def _meanings_of(self, told: Sequence[Told]) -> list[tuple[bool, bool]]:
        """Whether the query for Observations names a code, and whether the rules ask for it on an empty chart."""
        texts = [_bytes((one.code,)) for one in told]
        known = list(map(self._meanings.get, texts))
        return [meaning or self._meaning(text) for meaning, text in zip(known, texts, strict=True)]

    def _meaning(self, code: bytes) -> tuple[bool, bool]:
        if len(self._meanings) >= _MOST_CODES:
            self._meanings.clear()
        meaning = not self._asked.isdisjoint(coded(code)), bool(code) and self._triggers.is_one(code)
        self._meanings[code] = meaning
        return meaning


def _alone(lines: Lines) -> Line:
    """The only line."""
    if lines.places:
        return lines.every()[0]
    fate, kind = next(iter(lines.others))
    return Line(fate, kind=kind)


def _shared(raw: bytes, told: Told) -> Line:
    """The line of a type that many patients share."""
    return Line(KEPT, raw, "", SHARED, told.id) if told.id else Line(Fate.NO_PATIENT, kind=SHARED)


def _type(raw: bytes) -> object:
    """The resourceType; None if the line is JSON but not an object. Raises one of NO_JSON if it is not JSON."""
    try:
        return _decode_type(raw).resourceType
    except msgspec.ValidationError:
        msgspec.json.decode(raw)
        return None


def _pointer(value: Any) -> Pointer | None:
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    reference = value.get("reference") if isinstance(value, dict) else None
    return Pointer(reference) if isinstance(reference, str) else None


def _patients(told: Sequence[Told]) -> list[str]:
    """Whose the records are; empty if a record does not say."""
    known: dict[str | None, str] = {None: ""}  # the lines of one patient come together
    patients = []
    for one in told:
        reference = one.subject.reference if one.subject is not None else None
        patient = known.get(reference)
        if not patient:
            patient = _patient(one.subject, one.patient)
            if reference is not None and _PLAIN.fullmatch(reference):
                known[reference] = patient
        patients.append(patient)
    return patients


def _patient(*pointers: Pointer | None) -> str:
    for pointer in pointers:
        if pointer is None or pointer.reference is None:
            continue
        if plain := _PLAIN.fullmatch(pointer.reference):  # nearly always
            return plain[1]
        identity = reference_id(pointer.reference, "Patient")
        if identity and FHIR_ID.fullmatch(identity):
            return identity
    return ""
