"""What the status elements of records say, as records really hold them (O2).

They are compared trimmed and without case, as codes or as R4 displays them ("Entered in Error"). A code, a concept, and
a list of one of them mean the same. Several that disagree, and a word that R4 does not know, are UNREADABLE: they are
never taken for the dangerous or for the reassuring status.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Raw

from cards.record.elements import NOTHING

UNREADABLE: Final = "unreadable"

ACTIVE = frozenset({"active", "recurrence", "relapse"})
OVER = frozenset({"inactive", "remission", "resolved"})
NOT_TRUE = frozenset({"refuted", "entered-in-error"})
_CLINICAL = ACTIVE | OVER
_VERIFICATION = NOT_TRUE | {"unconfirmed", "provisional", "differential", "confirmed", "presumed"}
_UNCERTAIN = _VERIFICATION - NOT_TRUE
_REQUEST = frozenset({"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"})
_MEDICATION = _REQUEST - {"revoked"} | {"cancelled", "stopped", "intended", "not-taken"}
RESULT = frozenset(
    {"registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown"}
)
"""The statuses that R4 knows for an Observation."""
_KNOWN = {
    "Observation": RESULT,
    "DiagnosticReport": RESULT | {"partial", "appended"},
    "ServiceRequest": _REQUEST,
    "DeviceRequest": _REQUEST,
    "MedicationRequest": _MEDICATION,
    "MedicationStatement": _MEDICATION,
    "Procedure": frozenset({"preparation", "in-progress", "not-done", "on-hold", "stopped", "completed"})
    | {"entered-in-error", "unknown"},
    "Device": frozenset({"active", "inactive", "entered-in-error", "unknown"}),
}
_LONGEST = 100  # characters of a status; one that is remembered may have ten times as many bytes
_MEMO_ENTRIES = 1_000
_clinical: dict[bytes, str | None] = {}
_verification: dict[bytes, str | None] = {}


def status(resource_type: str, written: str | None) -> str | None:
    """The status of a record as R4 writes it; None when it has none, UNREADABLE when R4 does not know it."""
    known = _KNOWN[resource_type]
    if not written or written in known:
        return written or None
    return _chosen([written], known)


def clinical_status(raw: Raw) -> str | None:
    """A clinicalStatus: one of ACTIVE or of OVER; None when there is none."""
    return _read(raw, _CLINICAL, (ACTIVE, OVER), _clinical)


def verification_status(raw: Raw) -> str | None:
    """A verificationStatus: one of NOT_TRUE says that it was never true; None when there is none."""
    return _read(raw, _VERIFICATION, (NOT_TRUE, _UNCERTAIN), _verification)


def flat(value: object) -> str | None:
    """A status that is not a string, as one word; UNREADABLE when it holds several words or none."""
    words = {word.strip().lower() for word in _words(value)} - {""}
    if value is None or value in ([], {}):
        return None
    return words.pop() if len(words) == 1 else UNREADABLE


def _read(
    raw: Raw, known: frozenset[str], kinds: tuple[frozenset[str], ...], memo: dict[bytes, str | None]
) -> str | None:
    if raw is NOTHING:
        return None
    text = bytes(raw)
    if text in memo:
        return memo[text]
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return UNREADABLE
    said = _agreed(value, known, kinds)
    if len(text) <= 10 * _LONGEST and len(memo) < _MEMO_ENTRIES:
        memo[text] = said
    return said


def _agreed(value: Any, known: frozenset[str], kinds: tuple[frozenset[str], ...]) -> str | None:
    if value is None or value in ([], {}, ""):
        return None
    items = value if isinstance(value, list) else [value]
    return _chosen([_chosen(_words(item), known, kinds) for item in items], known | {UNREADABLE}, kinds)


def _chosen(words: Iterable[str], known: frozenset[str], kinds: tuple[frozenset[str], ...] = ()) -> str:
    """The one word of R4 among words that mean the same."""
    said = {word.strip().lower().replace(" ", "-") for word in words if len(word) <= _LONGEST} & known
    if len(said) == 1 or any(said and said <= kind for kind in kinds):
        return min(said)
    return UNREADABLE


def _words(value: Any) -> list[str]:
    """The words of a status: its codes; without any, its displays, then its text."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [word for item in value for word in _words(item)]
    if not isinstance(value, dict):
        return []
    codings = value.get("coding", [value])
    codings = [coding for coding in (codings if isinstance(codings, list) else [codings]) if isinstance(coding, dict)]
    for name in ("code", "display"):
        if words := [word for coding in codings if isinstance(word := coding.get(name), str) and word.strip()]:
            return words
    return [value["text"]] if isinstance(value.get("text"), str) else []
