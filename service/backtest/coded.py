"""Codes and references in the JSON of a record, and the codes that a query names."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from cards.record.decoding import NO_JSON
from cards.record.records import reference_id

_ESCAPED = re.compile(r"\\([,|$])")  # how FHIR writes these characters in a query


class _Coding(Struct, gc=False):
    code: str | None = None


class _Concept(Struct, gc=False):
    coding: list[_Coding] | _Coding | None = None


_decode_concept = msgspec.json.Decoder(_Concept | None).decode


def codes_in(query: str) -> frozenset[str]:
    """The codes of the parameter `code` of a query, as records write them."""
    listed = next((part[len("code=") :] for part in query.split("&") if part.startswith("code=")), "")
    return frozenset(_ESCAPED.sub(r"\1", unquote(code)) for code in listed.split(","))


def coded(text: bytes) -> Collection[str]:
    """The codes of a concept; of anything else every text, so that the line is kept and looked at later."""
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
    """The ids of the resources of a type that a record points at, anywhere in it."""
    try:
        named = (reference_id(text, kind) for text in _strings(raw) if kind in text)
    except NO_JSON:
        return set()
    return {identity for identity in named if identity}
