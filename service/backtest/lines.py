"""A line of an export: whose it is, and whether the service would have asked for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, cast
from urllib.parse import unquote

import msgspec
from msgspec import Raw, Struct, defstruct

from cards.record.decoding import NO_JSON
from cards.record.elements import NOTHING
from cards.record.other_types import OTHER_TYPES
from cards.record.prefetch_keys import PREFETCH_KEYS
from cards.record.records import FHIR_ID, reference_id
from cards.record.statuses import UNREADABLE, clinical_status, verification_status
from cards.record.strings import cleaned, mended
from service.backtest.as_of import Times, elements_told
from service.backtest.triggers import Triggers

SHARED = "Medication"
"""The type that prescriptions of many patients point at; it names no patient."""
_READ = frozenset(key.resource_type for key in PREFETCH_KEYS.values())
_KNOWN = _READ | {SHARED, "Bundle", "OperationOutcome", *OTHER_TYPES}
_bytes = b"".join  # of one Raw: three times as fast as bytes()
_PLAIN = re.compile(r"Patient/([A-Za-z0-9\-.]{1,64})")
_ESCAPED = re.compile(r"\\([,|$])")  # as FHIR writes these marks in a query
_MOST_CODES = 100_000  # different ones that are remembered, displays and all
T = TypeVar("T", bound=Struct)


class Fate(StrEnum):
    """What becomes of a line; every line of an export has one, and is counted under it."""

    KEPT = "kept"
    NOT_ASKED = "observations that the prefetch queries do not ask for"
    UNREAD_TYPE = "resources of a type that no rule reads"
    UNKNOWN_TYPE = "resources of an unknown type"
    NO_JSON = "lines that are not JSON"
    NO_RESOURCE = "lines that are not a resource"
    NO_PATIENT = "resources that name no patient"
    TOO_LONG = "lines that are too long"
    CUT_OFF = "lines that are cut off at the end of a file"


class _Pointer(Struct, gc=False):
    reference: str | None = None


class _Part(Struct, gc=False):
    code: Raw = NOTHING


class _Line(Struct, gc=False):
    """What is read of a line of any type that matters; of each type also the dates since when it is known."""

    id: str | None = None
    subject: _Pointer | None = None
    patient: _Pointer | None = None
    code: Raw = NOTHING
    codeCodeableConcept: Raw = NOTHING
    component: list[_Part] | None = None
    clinicalStatus: Raw = NOTHING
    verificationStatus: Raw = NOTHING
    modifierExtension: Raw = NOTHING
    contained: Raw = NOTHING
    meta: Raw = NOTHING


class _Unread(Struct, gc=False):
    """Nothing is read of it."""


class _Typed(Struct, gc=False):
    resourceType: object = None


class Line(Struct, gc=False):
    """What a line is: its fate; if it is kept its JSON, its patient, its type and its id.

    `known` is since when it is known, as it is written, of a Patient the birth date. One that `is_trigger` may make a
    rule speak, or is odd enough to be looked at closely.
    """

    fate: Fate
    raw: bytes = b""
    patient: str = ""
    kind: str = ""
    id: str = ""
    known: str = ""
    is_trigger: bool = False


KEPT = Fate.KEPT  # the member of an enumeration takes as long to look up as all else here
_NOT_ASKED = Line(Fate.NOT_ASKED, kind="Observation")
_UNREAD = {kind: Line(Fate.UNREAD_TYPE, kind=kind) for kind in _KNOWN}
_UNKNOWN = Line(Fate.UNKNOWN_TYPE)


class _Coding(Struct, gc=False):
    code: str | None = None


class _Concept(Struct, gc=False):
    coding: list[_Coding] | _Coding | None = None


_decode_type = msgspec.json.Decoder(_Typed).decode
_decode_concept = msgspec.json.Decoder(_Concept | None).decode


@cache
def _types(kinds: frozenset[str]) -> tuple[Mapping[str, type[_Line]], Callable[[bytes], Any]]:
    """What is read of each of these types, and what decodes a line; of other types that are known nothing is read."""
    read = {
        kind: _tagged(kind, _Line, [(name, object, None) for name in elements_told(kind)]) for kind in sorted(kinds)
    }
    unread = (_tagged(kind, _Unread, []) for kind in sorted(_KNOWN - kinds))
    return read, msgspec.json.Decoder(Union[(*read.values(), *unread)]).decode


def _tagged(kind: str, base: type[T], elements: list[tuple[str, Any, Any]]) -> type[T]:
    return cast(type[T], defstruct(kind, elements, bases=(base,), tag_field="resourceType", tag=kind, gc=False))


class LineReader:
    """Reads lines one by one.

    `templates` are the prefetch queries of the hook, by prefetch key; what `times` finds odd of dates it counts.
    """

    def __init__(self, templates: Mapping[str, str], triggers: Triggers, times: Times) -> None:
        kinds = {PREFETCH_KEYS[key].resource_type for key in templates} | {"Patient", "Encounter", SHARED}
        self._kinds, self._decode = _types(frozenset(kinds))
        self._codes = _codes_in(templates.get("observations", ""))
        self._asked: dict[bytes, bool] = {}
        self._last = "", ""  # a reference, and the patient that it names
        self._triggers = triggers
        self._times = times

    def read(self, raw: bytes) -> Line:
        """What a line, which is not blank, is."""
        try:
            one = self._decode(raw)
        except msgspec.ValidationError:
            return self._strange(raw) or self._mended(raw)
        except NO_JSON:
            return self._mended(raw)
        return self._sorted(raw, one)

    def _mended(self, raw: bytes) -> Line:
        """A line that is no JSON as it stands; without the characters that no text holds it may be (O15)."""
        other = mended(cleaned(raw))
        if other == raw:
            return Line(Fate.NO_JSON)
        try:
            return self._sorted(other, self._decode(other), is_odd=True)
        except msgspec.ValidationError:
            return self._strange(other) or Line(Fate.NO_JSON)
        except NO_JSON:
            return Line(Fate.NO_JSON)

    def _strange(self, raw: bytes) -> Line | None:
        """A line of a type that is unknown, or in which something has the wrong type; None for what is no JSON."""
        try:
            kind = _type(raw)
            if not isinstance(kind, str) or not kind:
                return Line(Fate.NO_RESOURCE)
            return self._loosely(raw, kind) if kind in self._kinds else _UNREAD.get(kind, _UNKNOWN)
        except NO_JSON:
            return None

    def _loosely(self, raw: bytes, kind: str) -> Line:
        """A line of which not all fits: decoding the record says later what that costs."""
        members = msgspec.json.decode(raw)
        identity, code = members.get("id"), Raw(msgspec.json.encode(members.get("code")))
        one = self._kinds[kind](
            id=identity if isinstance(identity, str) else None,
            subject=_pointer(members.get("subject")),
            patient=_pointer(members.get("patient")),
            code=code,
        )
        return self._sorted(raw, one, is_odd=True)

    def _sorted(self, raw: bytes, one: _Line, *, is_odd: bool = False) -> Line:
        kind = type(one).__name__
        if kind not in self._kinds:
            return _UNREAD.get(kind, _UNKNOWN)
        if kind == "Observation" and not self._is_asked(one.code):
            return _NOT_ASKED
        identity = one.id or ""
        if kind == SHARED:
            return Line(Fate.KEPT, raw, "", kind, identity) if identity else Line(Fate.NO_PATIENT, kind=kind)
        if kind == "Patient":
            known, is_patient = self._times.first(one, ("birthDate",)), bool(FHIR_ID.fullmatch(identity))
            return Line(Fate.KEPT, raw, identity, kind, identity, known) if is_patient else Line(Fate.NO_PATIENT)
        patient = self._patient(one)
        if not patient:
            return Line(Fate.NO_PATIENT, kind=kind)
        known = self._times.known(one, kind)
        return Line(KEPT, raw, patient, kind, identity, known, is_odd or self._is_trigger(kind, one))

    def _patient(self, one: _Line) -> str:
        """Whose a record is; most often it is that of the line before."""
        reference = one.subject.reference if one.subject is not None else None
        if reference is not None and reference == self._last[0]:
            return self._last[1]
        patient = _patient(one.subject, one.patient)
        if patient and reference is not None and _PLAIN.fullmatch(reference):
            self._last = reference, patient
        return patient

    def _is_trigger(self, kind: str, one: _Line) -> bool:
        """Whether a record may matter to a chart on which nothing else stands."""
        if kind == "Encounter":
            return False
        triggers = self._triggers
        if not triggers.may_skip or one.contained is not NOTHING or one.modifierExtension is not NOTHING:
            return True
        if one.clinicalStatus is not NOTHING and clinical_status(one.clinicalStatus) == UNREADABLE:
            return True
        if one.verificationStatus is not NOTHING and verification_status(one.verificationStatus) == UNREADABLE:
            return True
        if kind not in triggers.types:
            return False
        if one.component is None and one.codeCodeableConcept is NOTHING:
            return triggers.is_one(kind, (one.code,))
        parts = (part.code for part in one.component or ())
        return triggers.is_one(kind, (one.code, one.codeCodeableConcept, *parts))

    def _is_asked(self, code: Raw) -> bool:
        """Whether the query for Observations names a code of this one."""
        text = _bytes((code,))
        asked = self._asked.get(text)
        if asked is None:
            if len(self._asked) >= _MOST_CODES:
                self._asked.clear()
            asked = self._asked[text] = not self._codes.isdisjoint(_coded(text))
        return asked


def _type(raw: bytes) -> object:
    """The resourceType; None of what is no object, if it is JSON at all."""
    try:
        return _decode_type(raw).resourceType
    except msgspec.ValidationError:
        msgspec.json.decode(raw)
        return None


def _pointer(value: Any) -> _Pointer | None:
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    reference = value.get("reference") if isinstance(value, dict) else None
    return _Pointer(reference) if isinstance(reference, str) else None


def _patient(*pointers: _Pointer | None) -> str:
    for pointer in pointers:
        if pointer is None or pointer.reference is None:
            continue
        if plain := _PLAIN.fullmatch(pointer.reference):  # nearly always
            return plain[1]
        identity = reference_id(pointer.reference, "Patient")
        if identity and FHIR_ID.fullmatch(identity):
            return identity
    return ""


def _codes_in(query: str) -> frozenset[str]:
    """The codes of the parameter `code` of a query, as records write them."""
    listed = next((part[len("code=") :] for part in query.split("&") if part.startswith("code=")), "")
    return frozenset(_ESCAPED.sub(r"\1", unquote(code)) for code in listed.split(","))


def _coded(text: bytes) -> Collection[str]:
    """The codes of a concept; all there is of one that is no concept, so that it is kept and looked at later."""
    try:
        concept = _decode_concept(text) if text else None
    except (*NO_JSON, msgspec.ValidationError):
        return _strings(text)
    coding = concept.coding if concept else None
    codings = coding if isinstance(coding, list) else [coding] if coding else []
    return [one.code.strip() for one in codings if one.code]


def _strings(text: bytes) -> list[str]:
    """Every text in a JSON value."""
    waiting, strings = [msgspec.json.decode(text)], []
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            strings.append(value.strip())
        elif isinstance(value, dict | list):
            waiting += value.values() if isinstance(value, dict) else value
    return strings


def references(raw: bytes, kind: str) -> set[str]:
    """The ids of the resources of a type that a record points at, wherever that is."""
    try:
        named = (reference_id(text, kind) for text in _strings(raw) if kind in text)
    except NO_JSON:
        return set()
    return {identity for identity in named if identity}
