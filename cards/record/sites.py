"""The side that a body site states: in its codings, in their qualifiers, or in an extension (O14)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

import msgspec
from msgspec import Raw, Struct

from cards.record.codes import Codes
from cards.record.decoding import Element
from cards.record.elements import NOTHING, Code, CodeableConcept, Coding, Contained, Elements, Reference, codings
from cards.record.records import Condition, Observation, ServiceRequest
from cards.record.side import Side
from cards.value_sets.addresses import canonical, is_same
from cards.value_sets.systems import SNOMED

Site = CodeableConcept | list[CodeableConcept] | None

BODY_SITE = "http://hl7.org/fhir/StructureDefinition/bodySite"
_QUALIFIER = re.compile(r"=\s*(\d{6,18})")
_LONGEST = 10_000  # bytes of an extension, characters of a code


class _Extension(Struct, gc=False):
    url: str | None = None
    valueCoding: Code | None = None
    valueCodeableConcept: CodeableConcept | None = None
    valueReference: Reference | None = None
    extension: Raw = NOTHING


_EXTENSIONS = Element[list[_Extension]](Elements[_Extension], "extension")
_decode_concepts: Callable[[Raw], Site] = msgspec.json.Decoder(CodeableConcept | list[CodeableConcept]).decode


def side(record: Condition | Observation | ServiceRequest, codes: Codes) -> Side:
    """The side that the body site of a record states, or else an extension that stands for one."""
    stated = site_side(record.bodySite, codes)
    if stated is not Side.UNKNOWN or isinstance(record, ServiceRequest) or record.extension is NOTHING:
        return stated
    sites = [one for one in _extensions(bytes(record.extension)) if is_same(one.url or "", BODY_SITE)]
    contained = record.contained or ()
    return codes.side_among(coding for one in sites for coding in (*_values(one), *_structure(one, contained)))


def site_side(site: Site, codes: Codes) -> Side:
    """The side that a bodySite states in its codings, their qualifiers and its extensions."""
    return codes.side_among(_codings(site)) if site is not None else Side.UNKNOWN


def _codings(site: Site) -> Iterator[Code | Coding]:
    for coding in codings(site):
        yield coding
        if coding.code and "=" in coding.code and canonical(coding.system or "") == SNOMED:
            yield from (Code(SNOMED, code) for code in _QUALIFIER.findall(coding.code[:_LONGEST]))
        if coding.extension is not NOTHING:
            yield from (value for one in _extensions(bytes(coding.extension)) for value in _values(one))
    for concept in site if isinstance(site, list) else [site] if site else []:
        if concept.extension is not NOTHING:
            yield from (value for one in _extensions(bytes(concept.extension)) for value in _values(one))


def _values(extension: _Extension) -> Iterator[Code | Coding]:
    if extension.valueCoding is not None:
        yield extension.valueCoding
    yield from codings(extension.valueCodeableConcept)


def _structure(extension: _Extension, contained: Sequence[Contained]) -> Iterable[Code | Coding]:
    """The codings of the contained BodyStructure that an extension refers to."""
    wanted = (extension.valueReference.reference or "").lstrip("#") if extension.valueReference else ""
    for inner in contained:
        if wanted and (inner.id or "").lstrip("#") == wanted:
            yield from (coding for raw in (inner.location, inner.locationQualifier) for coding in _in_concepts(raw))


@lru_cache(maxsize=1000)
def _extensions(raw: bytes) -> tuple[_Extension, ...]:
    """The extensions, and those inside them; none when they cannot be read."""
    extensions = _EXTENSIONS.read(Raw(raw), "", []) if len(raw) <= _LONGEST else None
    if extensions is None:
        return ()
    inner = (more for one in extensions if one.extension is not NOTHING for more in _extensions(bytes(one.extension)))
    return (*extensions, *inner)


def _in_concepts(raw: Raw) -> Sequence[Code | Coding]:
    """The codings of a concept or a list of concepts, kept as JSON; none when it is something else."""
    try:
        return () if raw is NOTHING else codings(_decode_concepts(raw))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ()
