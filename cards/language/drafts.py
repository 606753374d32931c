"""The orders that are being written: context.draftOrders as drafts, each with its JSON kept for the echo."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Raw, Struct

from cards.language.codes import Codes
from cards.language.decoding import Defect, UnreadableError, read_resource
from cards.language.extraction import OtherPatientError, priority, reference, reference_id
from cards.language.facts import Draft
from cards.language.moments import Clock
from cards.language.records import Resource
from cards.value_sets import VALUE_SETS

# What can no longer be ordered is no draft; the order hooks also carry orders beyond the draft state.
_OVER = frozenset({"revoked", "cancelled", "entered-in-error", "stopped", "completed", "ended", "rejected"})
_ORDERS = frozenset({"ServiceRequest", "DeviceRequest", "MedicationRequest"})


class _Entry(Struct):
    resource: Raw = Raw(b"null")


class _Bundle(Struct):
    entry: list[_Entry] | _Entry | None = None


def read_drafts(
    raw: Raw | bytes,
    selections: Sequence[str] | None,
    codes: Codes,
    clock: Clock,
    defects: list[Defect],
    *,
    patient_id: str,
) -> tuple[Draft, ...]:
    """Every order of the Bundle (or list) of drafts that can be ordered and names what it orders.

    A draft is selected when `selections` names it; all are when it names none of them. Raises
    OtherPatientError when a draft is another patient's.
    """
    read = [(record, text) for text in _resources(raw) if (record := _read(text, defects)) is not None]
    for record, _ in read:
        _check_patient(record, patient_id)
    wanted = {_relative(each) for each in selections or ()} & {reference(record) for record, _ in read}
    return tuple(
        _draft(record, text, codes, clock, selected=not wanted or reference(record) in wanted)
        for record, text in read
        if record.resourceType in _ORDERS and record.status not in _OVER and not record.doNotPerform
    )


def _resources(raw: Raw | bytes) -> Iterator[Raw]:
    if not bytes(raw):
        return
    for kind in (_Bundle, list[Raw]):
        try:
            found = msgspec.json.decode(raw, type=kind)
        except (msgspec.ValidationError, RecursionError):
            continue
        if isinstance(found, list):
            yield from found
        elif isinstance(found, _Bundle) and found.entry is not None:
            entries = found.entry if isinstance(found.entry, list) else [found.entry]
            yield from (entry.resource for entry in entries)
        return


def _read(text: Raw, defects: list[Defect]) -> Resource | None:
    try:
        return read_resource(text, "draftOrders", defects, draft=True)
    except UnreadableError:
        return None


def _check_patient(record: Resource, patient_id: str) -> None:
    named = reference_id(record.subject.reference if record.subject else None, "Patient")
    if named is not None and named != patient_id:
        raise OtherPatientError("a draft order belongs to another patient than context.patientId")


def _draft(record: Resource, text: Raw, codes: Codes, clock: Clock, *, selected: bool) -> Draft:
    concept = record.code or record.codeCodeableConcept
    keys = codes.keys(concept, "order")
    return Draft(
        reference=reference(record),
        when=clock.read(record.authoredOn),
        side=codes.side(record.bodySite),
        text=VALUE_SETS[keys[0]].title if keys else "",
        type=record.resourceType or "",
        keys=keys,
        priority=priority(record),
        selected=selected,
        raw=text,
    )


def _relative(selection: str) -> str:
    """`Type/id` of a selection that may be absolute or versioned."""
    parts = selection.strip().split("/_history")[0].split("/")
    return "/".join(parts[-2:])
