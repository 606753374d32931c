"""Limits on the size of JSON, checked before it is decoded: bytes, levels, and objects.

A decoded JSON object may take fifty times the memory of its text. So counting bounds the memory of a request: it counts
the objects of a body, the elements of a list, and the bytes of anything that does not fit and is read object by object.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from itertools import islice
from random import randrange
from types import NoneType
from typing import Any, Self

import msgspec
from msgspec import Raw, Struct

from cards.record.defects import MOST_DEFECTS
from cards.record.elements import NOTHING
from cards.record.errors import TooLargeError, UnreadableError

MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 100
TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"
MOST_LOOSELY = 256 * 1024
"""Bytes of JSON that are read loosely in one piece, as generic objects, which take up to 35 times the text."""

_SEARCHED = 64 * 1024  # bytes: in a larger body, measuring the depth would cost a tenth of the request or more
_SHORT = 4 * 1024  # bytes: the size of a record, and almost no record has enough brackets
_PIECE = 64 * 1024  # bytes that are processed at a time, where the result is larger than the input

# A decoded object takes at most about 230 bytes (a site with one coding, which is two objects), so that these take at
# most 66 MiB plus three times the body. A chart has an object every 90 bytes, a terse chart every 40.
_FEWEST_OBJECTS = 300_000
_BYTES_AN_OBJECT = 80
# An element of a list that is kept as JSON takes 56 bytes. A chart has a comma every 47 bytes.
_FEWEST_ELEMENTS = 800_000
_BYTES_AN_ELEMENT = 20
_WINDOW, _WINDOWS = 256, 256  # bytes of each, and how many of a large body are examined

_NOT_A_BRACKET = bytes(byte for byte in range(256) if byte not in b"[]{}")
_NOT_A_MARK = bytes(byte for byte in range(256) if byte not in b'[]{}"')
_ONE_KIND = bytes.maketrans(b"{}", b"[]")


def check_body(body: bytes) -> None:
    """Refuse a body that is too large, is not UTF-8, is nested over 100 levels deep, or holds too many JSON objects.

    Raises TooLargeError or UnreadableError. In a body over 64 KiB, the limit of 100 levels applies only to parts that
    are decoded into objects. Parts that no rule reads are skipped, and only the decoder's own recursion limit applies
    to them: 1,000 to 10,000 levels, depending on the Python version.
    """
    if len(body) > MAX_BYTES:
        raise TooLargeError(f"the body is larger than {MAX_BYTES // (1024 * 1024)} MiB")
    if not body.isascii():
        _check_utf8(body)
    if len(body) <= _SEARCHED and is_too_deep(body):
        raise UnreadableError(f"the body is {TOO_DEEP}")
    most = _FEWEST_OBJECTS + len(body) // _BYTES_AN_OBJECT
    if _may_hold_more(body, most) and body.count(b"{") > most:
        raise TooLargeError(f"the body holds more than {most} JSON objects")


def _check_utf8(body: bytes) -> None:
    decoder, view = codecs.getincrementaldecoder("utf-8")(), memoryview(body)
    try:
        for start in range(0, len(body), _PIECE):
            decoder.decode(view[start : start + _PIECE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise UnreadableError("the body is not UTF-8") from None


def _may_hold_more(body: bytes, objects: int) -> bool:
    """Whether sampled windows hold over half as many objects as that. Counting all costs a tenth of a request."""
    if len(body) < len(b"{},") * objects:
        return False
    starts = (randrange(len(body) - _WINDOW) for _ in range(_WINDOWS))  # a sender must not be able to predict them
    seen = sum(body.count(b"{", start, start + _WINDOW) for start in starts)
    return seen * len(body) * 2 > objects * _WINDOW * _WINDOWS


def is_too_deep(text: bytes) -> bool:
    """Whether brackets nest deeper than `MAX_DEPTH`; innermost pairs are removed until none is left."""
    if len(text) <= _SHORT and text.count(b"{") + text.count(b"[") <= MAX_DEPTH:
        return False
    if _levels(text.translate(_ONE_KIND, _NOT_A_BRACKET)) <= MAX_DEPTH:
        return False
    return _levels(_outside_strings(text)) > MAX_DEPTH


def _outside_strings(text: bytes) -> bytes:
    """The brackets of a text that are outside its strings."""
    marks = text.replace(b"\\\\", b"").replace(b'\\"', b"").translate(_ONE_KIND, _NOT_A_MARK)
    outside, is_inside = [], False
    for start in range(0, len(marks), _PIECE):
        parts = marks[start : start + _PIECE].split(b'"')
        outside.append(b"".join(parts[is_inside::2]))
        is_inside ^= len(parts) % 2 == 0
    return b"".join(outside)


def _levels(brackets: bytes) -> int:
    """An upper bound of the depth; above `MAX_DEPTH` it is exact if every bracket has its partner."""
    for taken in range(MAX_DEPTH + 1):
        if len(brackets) <= 2 * MAX_DEPTH and (levels := taken + brackets.count(b"[")) <= MAX_DEPTH:
            return levels
        shorter = brackets.replace(b"[]", b"")
        if len(shorter) == len(brackets):
            return taken + brackets.count(b"[")
        brackets = shorter
    return MAX_DEPTH + 1


def starts_with(text: Raw | bytes, start: bytes) -> bool:
    """Whether a text begins with `start`; comparing the whole of a large text would copy it."""
    return bytes(memoryview(text)[: len(start)]) == start


_decode_list = msgspec.json.Decoder(list[Raw]).decode


def elements(text: Raw) -> list[Raw] | None:
    """The elements of a JSON list, kept as JSON; None if it is not a list, or has too many elements."""
    if _has_too_many(text):
        return None
    try:
        return _decode_list(text)
    except (msgspec.DecodeError, RecursionError):
        return None


def _has_too_many(text: Raw) -> bool:
    """Whether a list may have more elements than the limit allows."""
    return len(text) > MOST_LOOSELY and bytes(text).count(b",") > _FEWEST_ELEMENTS + len(text) // _BYTES_AN_ELEMENT


class RawEntry(Struct, gc=False):
    """An entry of a Bundle, kept as JSON."""

    resource: Raw = Raw(b"null")
    search: Raw = NOTHING


_OBJECT, _NULL = b"{n"  # their first bytes


class MixedEntries(Struct):
    """The entries of a list that also holds other things, and their numbers in it; nulls are skipped.

    An element that is neither is a stray: `strays` are the numbers of the first hundred, and `count` is how many there
    are; `is_astray` says that there is nothing else.
    """

    entries: list[RawEntry]
    numbers: list[int]
    strays: list[int]
    count: int
    is_astray: bool

    @classmethod
    def of(cls, mixed: Sequence[Any]) -> Self:
        """The entries among the elements of a list; an element that is neither a RawEntry nor None is a stray."""
        kinds = list(map(type, mixed))  # a Python loop over a list of numbers would cost as much as a whole chart
        held = kinds.count(RawEntry)
        count = len(kinds) - held - kinds.count(NoneType)
        places = (number for number, kind in enumerate(kinds, 1) if kind not in (RawEntry, NoneType))
        numbers = [number for number, kind in enumerate(kinds, 1) if kind is RawEntry] if held else []
        entries = [mixed[number - 1] for number in numbers]
        strays = list(islice(places, MOST_DEFECTS)) if count else []
        return cls(entries, numbers, strays, count, is_astray=count == len(kinds))


_decode_entry = msgspec.json.Decoder(RawEntry).decode
_decode_entries = msgspec.json.Decoder(list[RawEntry]).decode
_decode_anything = msgspec.json.Decoder(list[RawEntry | str | bool | int | float | list[Raw] | None]).decode


def raw_entries(entries: Raw) -> list[RawEntry] | MixedEntries | None:
    """The entries of a Bundle, given as one entry or as a list; None for anything else."""
    if starts_with(entries, b"{"):
        return MixedEntries.of([_entry(entries)])
    try:
        return _decode_entries(entries)
    except (msgspec.DecodeError, RecursionError):
        pass
    if _has_too_many(entries):
        return None
    try:
        return MixedEntries.of(_decode_anything(entries))
    except (msgspec.DecodeError, RecursionError):  # not a list, or a list with a number that is too long to be one
        texts = elements(entries)
        return None if texts is None else MixedEntries.of(list(map(_entry, texts)))


def resources(entries: Raw) -> list[Raw] | None:
    """The resource of each entry of a Bundle, kept as JSON; None if there is neither one entry nor a list of them."""
    held = raw_entries(entries)
    if held is None:
        return None
    return [entry.resource for entry in (held.entries if isinstance(held, MixedEntries) else held)]


def _entry(text: Raw) -> RawEntry | bool | None:
    """The entry in this text; None for null, and False for anything else."""
    start = memoryview(text)[0]  # letting the decoder refuse each of them costs ten times as much
    if start != _OBJECT:
        return None if start == _NULL else False
    try:
        return _decode_entry(text)
    except (msgspec.DecodeError, RecursionError):
        return False
