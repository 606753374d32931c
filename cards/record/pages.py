"""Reads the pages of a FHIR server into records, in steps that are short whatever a page holds."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Raw, Struct

from cards.record.decoding import NO_JSON, TOTAL, read_resource
from cards.record.defects import Defect
from cards.record.elements import NOTHING, Link
from cards.record.errors import TooLargeError, UnreadableError
from cards.record.records import Bundle, Entry, Resource

# Each call of the decoder holds the interpreter's lock. With these bounds none takes longer than a tenth of a
# second, whatever is sent; honest records have about 60 bytes for each object, so a page may hold some ten MiB.
_AT_ONCE = 256 * 1024  # bytes
_PAGE_OBJECTS = 150_000
_PAGE_MARKS = 1_000_000  # commas, brackets and escapes
_RECORD_OBJECTS = 20_000

_TOO_MUCH = "it holds more elements than are read"


class _RawEntry(Struct, gc=False):
    resource: Raw = Raw(b"null")
    search: Raw = NOTHING


class _RawBundle(Struct):
    resourceType: str | None = None
    total: Raw = NOTHING
    entry: list[_RawEntry] | None = None
    link: list[Link] | None = None


_decode_raw_bundle = msgspec.json.Decoder(_RawBundle).decode


def read_page(raw: bytes, where: str, defects: list[Defect], go_on: Callable[[], object]) -> Resource | None:
    """Like `read_resource`, for a page of any size: `go_on` is called between its entries, and may raise to stop.

    A page that holds too many elements is refused; a record that does is left out. Raises UnreadableError, and
    whatever `go_on` raises.
    """
    if len(raw) <= _AT_ONCE:
        return read_resource(raw, where, defects)
    objects = raw.count(b"{")
    if objects > _PAGE_OBJECTS or sum(raw.count(mark) for mark in (b",", b"[", b"\\")) > _PAGE_MARKS:
        raise TooLargeError(_TOO_MUCH)
    go_on()
    try:
        bundle = _decode_raw_bundle(raw)
    except msgspec.ValidationError:
        raise UnreadableError("it is neither a Bundle nor a resource") from None
    except NO_JSON:
        raise UnreadableError("the text is not JSON") from None
    if bundle.resourceType == "Bundle" and bundle.entry is not None:
        total = TOTAL.read(bundle.total, where, defects)
        entries = _entries(bundle.entry, where, defects, go_on)
        return Bundle(entry=entries, link=bundle.link, total=total, is_by_entry=True)
    if objects + raw.count(b"[") > _RECORD_OBJECTS:
        raise TooLargeError(_TOO_MUCH)
    go_on()
    return read_resource(raw, where, defects)


def _entries(entries: list[_RawEntry], where: str, defects: list[Defect], go_on: Callable[[], object]) -> list[Entry]:
    records = []
    for number, entry in enumerate(entries, 1):
        raw = bytes(entry.resource)
        if raw == b"null":
            continue  # a link or an outcome of the search, not a record
        go_on()
        place = f"{where}, entry {number}"
        if len(raw) > _RECORD_OBJECTS and raw.count(b"{") + raw.count(b"[") > _RECORD_OBJECTS:
            defects.append(Defect(place, "", "holds too many elements", dropped=True))
            continue
        records.append(Entry(read_resource(raw, place, defects), entry.search))
    return records
