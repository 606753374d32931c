"""A hook request, decoded in one pass, or member by member if that pass fails.

A fault in something optional never prevents the answer: a prefetch key that is not FHIR is dropped and listed in
the defects, and an optional member of the wrong type counts as absent. If a required member is missing, the request
is refused with the name of the member.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, field

from cards.record.body import MOST_LOOSELY, TOO_DEEP, check_body, starts_with
from cards.record.defects import Defect, Defects
from cards.record.drafts import NO_DRAFTS, ORDER_HOOKS, DraftOrders, read_draft_orders
from cards.record.errors import TooLargeError, UnreadableError
from cards.record.prefetch_keys import PREFETCH_KEYS
from cards.record.records import FHIR_ID, Resource
from cards.record.strings import cleaned, mended
from service.profiles.profile import STRICT, Profile
from service.wire.authorization import FhirAuthorization
from service.wire.identity import bare_id
from service.wire.prefetch import Prefetch, RawPrefetch, Splitting, read_prefetch
from service.wire.refusal import MissingDataRefusedError, RefusedError, TooLargeRefusedError

ABSENT = Raw(b"null")
"""A member of the context that is absent."""
_REQUESTERS = frozenset({"Practitioner", "PractitionerRole", "Patient", "RelatedPerson"})

_NO_ID = "context.patientId is not a FHIR id: 1 to 64 of the characters A-Z, a-z, 0-9, hyphen and full stop"

T = TypeVar("T")


class Context(Struct):
    """The context of the hook; Bundles are kept as sent."""

    patientId: str | None = None
    userId: str | None = None
    encounterId: str | None = None
    draftOrders: Raw = ABSENT
    conditions: Raw = ABSENT
    selections: Raw = ABSENT


class _RawContext(Struct):
    patientId: Raw = ABSENT
    userId: Raw = ABSENT
    encounterId: Raw = ABSENT
    draftOrders: Raw = ABSENT
    conditions: Raw = ABSENT
    selections: Raw = ABSENT


class _RawBody(Struct):
    hook: Raw = ABSENT
    hookInstance: Raw = ABSENT
    fhirServer: Raw = ABSENT
    fhirAuthorization: Raw = ABSENT
    context: Raw = ABSENT
    prefetch: Raw = ABSENT
    user: Raw = ABSENT


class _Body(Struct):
    hook: str | None = None
    hookInstance: str | None = None
    fhirServer: str | None = None
    fhirAuthorization: FhirAuthorization | None = None
    context: Context | None = None
    prefetch: Prefetch | None = None  # type: ignore[valid-type]
    user: str | None = None


class HookRequest(Struct):
    """One call of a hook. A prefetch key that is missing is unknown; one that is null is known to be empty."""

    hook: str
    hookInstance: str
    context: Context
    fhirServer: str | None = None
    fhirAuthorization: FhirAuthorization | None = None
    prefetch: dict[str, Resource | None] = field(default_factory=dict)
    draft_orders: DraftOrders = NO_DRAFTS
    selections: list[str] | None = None
    defects: Defects = field(default_factory=Defects)

    @property
    def patient_id(self) -> str:
        """The id of the patient to whom every record must belong."""
        return self.context.patientId or ""

    @property
    def is_ordering(self) -> bool:
        """Whether orders are being written, so that the context holds the drafts."""
        return self.hook in ORDER_HOOKS

    @property
    def requester(self) -> str | None:
        """The requester of a suggested order: the user, if its type is allowed there in R4."""
        kind, _, identity = (self.context.userId or "").strip().partition("/")
        return f"{kind}/{identity}" if kind in _REQUESTERS and identity and "/" not in identity else None


_splitting = Splitting(_Body)


def read(body: bytes, hook: str | None = None, profile: Profile = STRICT) -> HookRequest:
    """The request in `body`, which must be for `hook` if that is given.

    Raises RefusedError: 413 for a body that is too large, 400 for one that is not a hook request in JSON, 412 for one
    from which the EHR of the profile left out the drafts, 422 for one whose access token is for another patient.
    """
    defects = Defects()
    try:
        members = _mended(cleaned(body), defects)
    except TooLargeError as error:
        raise TooLargeRefusedError(str(error)) from None
    except UnreadableError as error:
        raise RefusedError(str(error)) from None
    return _checked(members, hook, defects, profile)


def _mended(body: bytes, defects: list[Defect]) -> _Body:
    """The request, if necessary without the characters that JSON does not allow in a string (O15)."""
    try:
        check_body(body)
        return _decode(body, defects)
    except TooLargeError:
        raise
    except UnreadableError:
        other = mended(body)
        if other == body:
            raise
    check_body(other)
    defects.append(Defect("request", "", "held characters that no text holds: they are left out"))
    return _decode(other, defects)


def _decode(body: bytes, defects: list[Defect]) -> _Body:
    try:
        members: _Body | None = _splitting.decode(body, defects)
    except RecursionError:
        raise UnreadableError(f"the body is {TOO_DEEP}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UnreadableError("the body is not JSON") from None
    return members or _read_members(body, defects)


def _read_members(body: bytes, defects: list[Defect]) -> _Body:
    """The request member by member, for a body in which a member has the wrong type."""
    members = _members(body, _RawBody)
    if members is None:
        raise RefusedError("the body is not a JSON object")
    return _Body(
        hook=_demand(members.hook, "hook"),
        hookInstance=_demand(members.hookInstance, "hookInstance"),
        fhirServer=_take(members.fhirServer, "fhirServer", str, defects),
        fhirAuthorization=_take(members.fhirAuthorization, "fhirAuthorization", FhirAuthorization, defects),
        context=_read_context(members.context, defects),
        prefetch=_read_prefetch(members.prefetch, defects),
        user=_take(members.user, "user", str, defects),
    )


def _members(raw: bytes | Raw, kind: type[T]) -> T | None:
    """Those members of an object that `kind` has, each as JSON; None if it is not an object."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UnreadableError("the body is not JSON") from None


def _demand(member: Raw, name: str, where: str = "") -> str | None:
    """A text that the hook requires. Raises RefusedError if it is of another type."""
    try:
        return msgspec.json.decode(member, type=str | None)
    except msgspec.DecodeError:
        raise RefusedError(f"{where}{name} is of the wrong type", f"{where}{name}") from None


def _take(member: Raw, name: str, kind: Any, defects: list[Defect], where: str = "") -> Any:
    """An optional member: one of the wrong type counts as absent and is added to the defects."""
    try:
        return msgspec.json.decode(member, type=kind | None)
    except msgspec.DecodeError:
        defects.append(Defect(where.rstrip(".") or "request", name, "is of the wrong type"))
        return None


def _read_context(raw: Raw, defects: list[Defect]) -> Context | None:
    if starts_with(raw, b"null"):
        return None
    members = _members(raw, _RawContext)
    if members is None:
        raise RefusedError("context is not an object", "context")
    return Context(
        patientId=_demand(members.patientId, "patientId", "context."),
        userId=_take(members.userId, "userId", str, defects, "context."),
        encounterId=_take(members.encounterId, "encounterId", str, defects, "context."),
        draftOrders=members.draftOrders,
        conditions=members.conditions,
        selections=members.selections,
    )


def _read_selections(raw: Raw, defects: list[Defect]) -> list[str] | None:
    if raw is ABSENT:
        return None
    if len(raw) > MOST_LOOSELY:
        defects.append(Defect("context", "selections", f"is larger than {MOST_LOOSELY // 1024} KiB"))
        return None
    member = _take(raw, "selections", list[Any] | str, defects, "context.")
    selections = [member] if isinstance(member, str) else member or []
    return [selection for selection in selections if isinstance(selection, str)] or None


def _read_prefetch(raw: Raw, defects: list[Defect]) -> Any:
    members = _members(raw, RawPrefetch)
    if members is None:
        if not starts_with(raw, b"null"):
            defects.append(Defect("prefetch", "", "is not an object", dropped=True))
        return Prefetch()
    return read_prefetch(members, defects)


def _supplied(prefetch: Any) -> dict[str, Resource | None]:
    """The keys that were sent."""
    if prefetch is None:
        return {}
    return {key: value for key in PREFETCH_KEYS if (value := getattr(prefetch, key)) is not UNSET}


def _checked(body: _Body, hook: str | None, defects: Defects, profile: Profile) -> HookRequest:
    """The request, checked for everything that its hook requires. Raises RefusedError."""
    hook_sent = _required(body.hook, "hook")
    if hook is not None and hook_sent != hook:
        raise RefusedError(f"hook must be {hook}, the only one that this service answers", "hook")
    instance = _required(body.hookInstance, "hookInstance")
    if body.context is None:
        raise RefusedError("context is missing", "context")
    context = body.context
    context.patientId = _patient_id(context)
    if body.fhirAuthorization is not None:
        body.fhirAuthorization.check_patient(context.patientId)
    context.encounterId = bare_id(context.encounterId or "", "Encounter") or None
    context.userId = context.userId or body.user  # where clients of versions before 1.0 send it
    if hook_sent in ORDER_HOOKS and not starts_with(context.draftOrders, b"{"):
        if profile.stripped and starts_with(context.draftOrders, b"null"):
            raise MissingDataRefusedError(f"context.draftOrders is missing. {profile.stripped}", "context.draftOrders")
        raise RefusedError("context.draftOrders must be a Bundle", "context.draftOrders")
    if hook_sent == "problem-list-item-create" and not starts_with(context.conditions, b"{"):
        raise RefusedError("context.conditions must be a Bundle", "context.conditions")
    return HookRequest(
        hook=hook_sent,
        hookInstance=instance,
        context=context,
        fhirServer=body.fhirServer,
        fhirAuthorization=body.fhirAuthorization if body.fhirServer else None,
        prefetch=_supplied(body.prefetch),
        draft_orders=NO_DRAFTS if context.draftOrders is ABSENT else read_draft_orders(context.draftOrders),
        selections=_read_selections(context.selections, defects),
        defects=defects,
    )


def _patient_id(context: Context) -> str:
    """The bare id of the patient, which becomes part of addresses and the subject of suggested orders."""
    identity = bare_id(_required(context.patientId, "context.patientId"), "Patient")
    if not identity:
        raise RefusedError("context.patientId is empty", "context.patientId")
    if not FHIR_ID.fullmatch(identity):
        raise RefusedError(_NO_ID, "context.patientId")
    return identity


def _required(value: str | None, name: str) -> str:
    if value is None:
        raise RefusedError(f"{name} is missing", name)
    if not value.strip():
        raise RefusedError(f"{name} is empty", name)
    return value.strip()
