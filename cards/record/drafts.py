"""The orders that are being written: context.draftOrders, decoded once, each with its JSON kept for the echo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, TypeVar

import msgspec
from msgspec import Raw, Struct

from cards.record import medicines, sites
from cards.record.body import TOO_DEEP, elements, is_too_deep, resources, starts_with
from cards.record.codes import Codes
from cards.record.decoding import CODE, DOSAGE_INSTRUCTION, read_resource
from cards.record.defects import Defect, Defects
from cards.record.errors import OtherPatientError, UnreadableError
from cards.record.facts import Draft
from cards.record.medicines import Resolve
from cards.record.moments import Clock
from cards.record.newest import by_key
from cards.record.records import (
    Medication,
    MedicationRequest,
    Resource,
    ServiceRequest,
    local_id,
    reference,
)
from cards.record.requests import priority
from cards.record.side import Side
from cards.record.whose import Whose, whose
from cards.value_sets.value_set import VALUE_SETS

ORDER_HOOKS = frozenset({"order-select", "order-sign"})
"""The hooks in which orders are being written: the questions are about the drafts."""

# An order that can no longer be placed is not a draft; the order hooks also carry orders beyond the draft state.
_OVER = frozenset({"revoked", "cancelled", "entered-in-error", "stopped", "completed", "ended", "rejected"})
_ORDERS = frozenset({"ServiceRequest", "DeviceRequest", "MedicationRequest"})

_NOT_SENT_BACK = Raw(b"null")


MOST_DRAFTS = 500  # resources of context.draftOrders: more than anybody writes at once

T = TypeVar("T")


class _Bundle(Struct):
    entry: Raw = Raw(b"null")


class Drafted(NamedTuple):
    """One resource of context.draftOrders, and its JSON as it was sent."""

    record: Resource
    text: Raw


class DraftOrders(Struct, frozen=True):
    """Every resource of context.draftOrders: the orders, and the resources alongside them.

    `defects` are those of the resources; `drafts` reads what a draft keeps as JSON. Only the first `MOST_DRAFTS` are
    read, and `is_cut` says that there were more.
    """

    entries: tuple[Drafted, ...] = ()
    defects: Sequence[Defect] = ()
    is_cut: bool = False

    def medications(self) -> list[str]:
        """References to Medications that are not among the drafts themselves."""
        here = {record.id for record, _ in self.entries if isinstance(record, Medication) and record.id is not None}
        pointers = (record.pointer for record, _ in self.entries if isinstance(record, MedicationRequest))
        written = [pointer.reference for pointer in pointers if pointer and pointer.reference]
        return [text for text in written if not text.startswith("#") and local_id(text, "Medication") not in here]

    def drafts(
        self,
        selections: Sequence[str] | None,
        codes: Codes,
        clock: Clock,
        defects: list[Defect],
        *,
        patient_id: str,
        records: Iterable[Resource] = (),
    ) -> tuple[Draft, ...]:
        """Every draft that can be ordered; anything in them that cannot be read is added to `defects`.

        A draft is selected when `selections` names it; if it names none of them, all are selected. A draft that names
        no patient at all is ours. If the patient of a draft cannot be read, its JSON is not kept: the draft is judged,
        never sent back. Raises OtherPatientError when anything among the drafts is another patient's.
        """
        defects += self.defects
        if not self.entries:
            return ()
        entries = [
            (record, text if _is_ours(record, patient_id, defects) else _NOT_SENT_BACK) for record, text in self.entries
        ]
        known = (*records, *(record for record, _ in self.entries))
        medications = {
            record.id: record for record in known if isinstance(record, Medication) and record.id is not None
        }
        wanted = self._selected(selections or ())
        drafts = [
            _draft(
                record,
                text,
                codes,
                clock,
                medications.get,
                defects,
                selected=not wanted or reference(record) in wanted,
                patient_id=patient_id,
            )
            for record, text in entries
            if isinstance(record, ServiceRequest | MedicationRequest) and _can_be_ordered(record)
        ]
        return (*_bounded(drafts, defects), *((_UNREAD,) if self.is_cut else ()))

    def _selected(self, selections: Sequence[str]) -> set[str]:
        """The references of the drafts that selections name: by type and id, or by an id that only one of them has."""
        drafts = [record for record, _ in self.entries]
        references = {reference(record) for record in drafts}
        by_id = Counter(record.id for record in drafts)
        wanted = {_relative(selection) for selection in selections}
        alone = {_id_alone(selection) for selection in selections}
        return wanted & references | {reference(one) for one in drafts if one.id in alone and by_id[one.id] == 1}


_UNREAD = Draft(reference="", when=None, text="", type="", keys=(), selected=False, is_unread=True, raw=_NOT_SENT_BACK)
"""Stands for all drafts beyond those that are read."""
NO_DRAFTS = DraftOrders()
"""The drafts of a request that holds none."""


def read_draft_orders(raw: Raw | bytes) -> DraftOrders:
    """The resources of a Bundle or a list of drafts; anything that is not a resource is left out."""
    defects = Defects()
    drafted = _resources(raw)
    read = islice(drafted, MOST_DRAFTS)
    entries = tuple(Drafted(record, text) for text in read if (record := _read(text, defects)) is not None)
    is_cut = next(drafted, None) is not None
    if is_cut:
        defects.append(Defect("draftOrders", "entry", f"only the first {MOST_DRAFTS} are read", dropped=True))
    return DraftOrders(entries, defects, is_cut)


def _resources(raw: Raw | bytes) -> Iterator[Raw]:
    """The JSON of each draft: from a Bundle's entries (or its one entry), or from a list of resources."""
    if not raw or starts_with(raw, b"null"):
        return
    drafted = elements(Raw(raw))
    if drafted is None:
        bundle = _decoded(raw, _Bundle)
        drafted = resources(bundle.entry) if bundle is not None else None
    for text in drafted or ():
        if text and not starts_with(text, b"null"):
            yield text


def _decoded(raw: Raw | bytes, kind: type[T]) -> T | None:
    """The JSON as `kind`; None when it is something else."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.ValidationError, RecursionError):
        return None


def _read(text: Raw, defects: list[Defect]) -> Resource | None:
    if is_too_deep(bytes(text)):
        defects.append(Defect("draftOrders", "", f"is {TOO_DEEP}", dropped=True))
        return None  # it would be sent back whole
    try:
        return read_resource(text, "draftOrders", defects, draft=True)
    except UnreadableError:
        return None


def _can_be_ordered(record: ServiceRequest | MedicationRequest) -> bool:
    """Whether it can be ordered, whatever its intent (O6); a status that cannot be read counts as that of a draft."""
    status = (record.status or "").strip().lower()
    return record.resourceType in _ORDERS and status not in _OVER and not record.doNotPerform


def _is_ours(record: Resource, patient_id: str, defects: list[Defect]) -> bool:
    """Whether a draft may be sent back; one that names no patient at all is written for this patient."""
    belongs = whose(record, patient_id, Whose.OURS)
    if belongs is Whose.ANOTHERS:
        raise OtherPatientError("a draft order belongs to a patient other than context.patientId")
    if belongs is Whose.NOBODYS:
        defects.append(Defect("draftOrders", "subject", "names no patient by reference: the order is not sent back"))
    return belongs is Whose.OURS


def _draft(
    record: ServiceRequest | MedicationRequest,
    text: Raw,
    codes: Codes,
    clock: Clock,
    find: Resolve,
    defects: list[Defect],
    *,
    selected: bool,
    patient_id: str,
) -> Draft:
    """The draft. It stays even if it cannot be read: whatever it is, it is being ordered."""
    try:
        ordered = (
            _medicine(record, codes, find, defects, patient_id)
            if isinstance(record, MedicationRequest)
            else _service(record, codes, defects)
        )
    except Exception as error:
        defects.append(Defect(reference(record), "", f"cannot be read ({type(error).__name__})"))
        ordered = _Ordered(is_unread=True)
    return Draft(
        reference=reference(record),
        when=clock.read(record.authoredOn),
        side=ordered.side,
        text=ordered.name,
        type=record.resourceType,
        keys=ordered.keys,
        priority=priority(record),
        daily_mg=ordered.daily_mg,
        selected=selected,
        subject=f"Patient/{patient_id}",
        is_unread=ordered.is_unread,
        raw=text,
    )


def _id_alone(selection: str) -> str | None:
    """The id of a selection that names no type: a bare id, a urn:uuid, or an absolute address without one (O7)."""
    *before, identity = _unversioned(selection).split("/")
    is_typed = bool(before) and (before[-1] in _ORDERS or "://" not in selection)
    return None if is_typed else local_id(identity, "") or identity or None


def _bounded(drafts: list[Draft], defects: list[Defect]) -> list[Draft]:
    """The newest drafts where there are more of a kind than anybody writes at once, with the highest dose of each."""
    highest: dict[tuple[object, ...], Draft] = {}
    for draft in drafts:
        if draft.daily_mg is not None:
            highest[_kind(draft)] = max(highest.get(_kind(draft), draft), draft, key=lambda one: one.daily_mg or 0)
    always = {id(draft) for draft in highest.values()}
    kept = by_key(drafts, lambda draft: (id(draft),) if id(draft) in always else (_kind(draft),))
    if len(kept) < len(drafts):
        defects.append(Defect("draftOrders", "", f"{len(drafts) - len(kept)} are too many of a kind", dropped=True))
    return kept


def _kind(draft: Draft) -> tuple[object, ...]:
    """What a rule asks about a draft, apart from its dose."""
    urgency = draft.priority if draft.priority in ("stat", "asap", "urgent") else ""
    return draft.keys, draft.selected, urgency, draft.daily_mg is None


class _Ordered(NamedTuple):
    """What a draft orders."""

    keys: tuple[str, ...] = ()
    name: str = ""
    side: Side = Side.UNKNOWN
    daily_mg: float | None = None
    is_unread: bool = False


def _medicine(
    record: MedicationRequest, codes: Codes, find: Resolve, defects: list[Defect], patient_id: str
) -> _Ordered:
    substance = medicines.substance_of(record, find, defects, patient_id)
    keys = medicines.medicine_keys(substance, codes)
    name = medicines.medicine_name(substance, keys)
    try:
        daily_mg = medicines.daily_dose(DOSAGE_INSTRUCTION.read(record.dosageInstruction, record, defects))
    except Exception as error:
        defects.append(Defect(reference(record), "dosageInstruction", f"cannot be read ({type(error).__name__})"))
        daily_mg = None
    return _Ordered(keys, name, daily_mg=daily_mg)


def _service(record: ServiceRequest, codes: Codes, defects: list[Defect]) -> _Ordered:
    written = (record.code, record.codeCodeableConcept)
    concepts = [CODE.read(raw, "draftOrders", defects, draft=True) for raw in written]
    keys = codes.keys(concepts[0] or concepts[1], "order")
    return _Ordered(keys, VALUE_SETS[keys[0]].name if keys else "", sites.side(record, codes))


def _relative(selection: str) -> str:
    """`Type/id` of a selection that may be absolute or versioned."""
    return "/".join(_unversioned(selection).split("/")[-2:])


def _unversioned(selection: str) -> str:
    return selection.strip().partition("/_history")[0].rstrip("/")
