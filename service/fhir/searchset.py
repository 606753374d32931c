"""What a FHIR server's answer contains: records, nothing, an error, or something that was not requested."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import attrgetter
from types import NoneType
from typing import Any, get_args

import msgspec
from msgspec import Struct, structs

from cards.record.defects import Defect
from cards.record.records import Bundle, Entry, OperationOutcome, Other, Resource

_bytes = b"".join  # of one Raw: three times as fast as bytes()
_resource, _search = attrgetter("resource"), attrgetter("search")
_BESIDE = frozenset({"include", "outcome"})
_HARMLESS = frozenset({"information", "warning", "success"})
# What EHRs include with a search under any key; it does not count as a misfit.
_COMPANIONS = frozenset({"Medication"})
_ALONE: dict[str, set[type[Any]]] = {kind.resourceType: {kind} for kind in get_args(Resource)}
_ISSUE_CODE = re.compile(r"[a-z-]{1,30}")


class Contents(Struct, frozen=True):
    """The records of one answer; `error` says in words that the answer is not data, or not all of it."""

    records: Sequence[Resource] = ()
    error: str = ""
    defects: Sequence[Defect] = ()
    next: str = ""  # the link to the page after this one
    total: int | None = None  # the number of matching records, by the Bundle
    matches: int = 0  # how many of them it contains


def next_link(page: Resource) -> str:
    """The link to the page after this one; empty if there is none."""
    if not isinstance(page, Bundle) or not page.link:
        return ""
    return next((link.url for link in page.link if link.relation == "next" and link.url), "")


def is_empty(answer: Resource) -> bool:
    """Whether it is a search without results that says nothing else, as for most keys."""
    return (
        type(answer) is Bundle
        and not answer.entry
        and not (answer.total or answer.link or answer.is_lost or answer.is_cut)
    )


def contents(answer: Resource, kind: str, where: str) -> Contents | None:
    """The contents of an answer to a read or a search of `kind`; None if it is something else.

    OperationOutcomes among the entries are not data: an error makes the answer an error, and one that only
    informs ("no results") changes nothing. Entries without resourceType are left out and counted. `where`
    names the answer in the defects.
    """
    if answer.resourceType == kind:
        return Contents((answer,))
    if not isinstance(answer, Bundle):
        return Contents(error=_error(answer)) if isinstance(answer, OperationOutcome) else None
    following = next_link(answer) if answer.link else ""
    if answer.is_cut:
        return Contents(_records_of(answer, kind), "more entries that do not fit than are read", next=following)
    if not answer.entry:
        return None if answer.is_lost else Contents(next=following, total=answer.total)  # not an empty answer
    entries = answer.entry
    records = list(map(_resource, entries))
    types, total = set(map(type, records)), answer.total
    if NoneType in types:
        types.remove(NoneType)
        records = [record for record in records if record is not None]
        if not answer.is_by_entry:  # any other holds nothing: no match, and nothing lost
            entries = [entry for entry in entries if entry.resource is not None]
    if types == _ALONE[kind]:  # nearly always: everything is as requested
        return Contents(records, next=following, total=total, matches=_matches(entries))
    held = _mixed(records, types, kind, where, following)
    if held is None:
        return None
    of_kind = [entry for entry in entries if entry.resource is None or entry.resource.resourceType == kind]
    return structs.replace(held, total=total, matches=_matches(of_kind))


def _matches(entries: Sequence[Entry]) -> int:
    """The number of entries that match the search; included resources and the server's remarks do not count."""
    first = _bytes((entries[0].search,)) if entries else b""
    if _bytes(map(_search, entries)) == first * len(
        entries
    ):  # nearly always: all are alike, and no Python step is needed for each
        return 0 if _mode(first) in _BESIDE else len(entries)
    return sum(_mode(_bytes((entry.search,))) not in _BESIDE for entry in entries)


@lru_cache(maxsize=1000)
def _mode(search: bytes) -> str:
    """The mode in an entry's `search`; empty if it has none that can be read."""
    try:
        value = msgspec.json.decode(search) if search else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    mode = value.get("mode") if isinstance(value, dict) else None
    return mode.strip().lower() if isinstance(mode, str) else ""


def _records_of(answer: Bundle, kind: str) -> list[Resource]:
    records = [entry.resource for entry in answer.entry or () if entry.resource is not None]
    return [record for record in records if record.resourceType == kind or record.resourceType in _COMPANIONS]


def _mixed(records: list[Resource], types: set[type[Any]], kind: str, where: str, following: str) -> Contents | None:
    """The contents of a Bundle in which not every record is of `kind`."""
    kinds = _kinds(records, types)
    error = ""
    if "OperationOutcome" in kinds:
        outcomes = [record for record in records if isinstance(record, OperationOutcome)]
        records = [record for record in records if not isinstance(record, OperationOutcome)]
        kinds.remove("OperationOutcome")
        error = next((_error(outcome) for outcome in outcomes if _is_error(outcome)), "")
    if kinds - _COMPANIONS and kind not in kinds:
        return Contents(error=error) if error else None
    defects: tuple[Defect, ...] = ()
    if None in kinds:
        records = [record for record in records if not _is_untyped(record)]
        defects = (Defect(where, "resourceType", "is missing in an entry", dropped=True),)
    return Contents(records, error, defects, following)


def _kinds(records: list[Resource], types: set[type[Any]]) -> set[str | None]:
    """The resource types among records; None for a record without a type."""
    kinds: set[str | None] = {kind.resourceType for kind in types}
    if Other in types and any(_is_untyped(record) for record in records):
        kinds.add(None)
    return kinds


def _is_untyped(record: Resource) -> bool:
    return isinstance(record, Other) and not record.is_typed


def only(records: Iterable[Resource], kind: str) -> list[Resource] | None:
    """The one record of `kind`, or none; None if there are several and none can be chosen."""
    of_kind = [record for record in records if record.resourceType == kind]
    return of_kind if len(of_kind) < 2 else None


def _is_error(outcome: OperationOutcome) -> bool:
    return not outcome.issue or any((issue.severity or "").strip().lower() not in _HARMLESS for issue in outcome.issue)


def _error(outcome: OperationOutcome) -> str:
    code = next((issue.code for issue in outcome.issue or () if issue.code), "")
    return f"an OperationOutcome ({code})" if _ISSUE_CODE.fullmatch(code) else "an OperationOutcome"
