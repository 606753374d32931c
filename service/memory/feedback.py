"""A message of feedback, read entry by entry: an entry that breaks the rules does not spoil the others.

Epic writes `overrideReasons`, and puts the reasons of its own build into an extension; both are read.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct, structs

from cards.orders.override_reasons import OVERRIDE_REASONS
from cards.record.body import MOST_LOOSELY, TOO_DEEP, check_body, elements, starts_with
from cards.record.errors import TooLargeError, UnreadableError
from cards.record.strings import cleaned, mended
from cards.record.words import printable
from service.profiles.codes import read_back
from service.profiles.profile import Profile
from service.wire.refusal import RefusedError, TooLargeRefusedError

OUTCOMES = ("accepted", "overridden")
MOST_ENTRIES = 10_000  # of a message: a day's cards of a large hospital
MOST_SUGGESTIONS = 50  # of an entry
_LONGEST_ID = 200  # characters
_LONGEST_TEXT = 500  # of a code, a system or a display
_LONGEST_COMMENT = 4000
_LONGEST_EXTENSION = 4000
_END = 253_402_300_800_000  # of the year 9999, in milliseconds since 1970

_ABSENT = Raw(b"null")
_TOO_MANY = f"a message holds more than {MOST_ENTRIES} entries"


class Reason(Struct, frozen=True):
    """Why a card was overridden: a code, ours or the client's own, and the display that the client shows its user."""

    code: str = ""
    system: str = ""
    display: str = ""


class Entry(Struct, frozen=True):
    """What became of a card. `at` is in milliseconds since 1970; None when `stamp` is not an RFC 3339 time."""

    card: str
    outcome: str
    stamp: str
    at: int | None
    suggestions: tuple[str, ...] = ()
    reason: Reason = Reason()
    extension: str = ""
    comment: str = ""


class Message(Struct):
    """The entries that could be read, and what is wrong with the others."""

    entries: list[Entry]
    refused: list[RefusedError]


class _Body(Struct):
    feedback: Raw = _ABSENT


class _BadEntryError(ValueError):
    """An entry breaks the rules: what is wrong, and in which member."""

    def __init__(self, why: str, member: str) -> None:
        super().__init__(why)
        self.member = member


def meant(reason: Reason, profile: Profile) -> Reason:
    """What a client means by a reason: our code, where its EHR reports it back without hyphens."""
    ours = read_back(reason.code, OVERRIDE_REASONS) if profile.plain_codes else None
    return structs.replace(reason, code=ours) if ours else reason


def read_feedback(body: bytes) -> Message:
    """The entries of a message.

    Raises RefusedError if the body is not a message of feedback: 413 if it is too large, otherwise 400.
    """
    message = Message([], [])
    for number, text in enumerate(_entries(body)):
        try:
            message.entries.append(_entry(text))
        except _BadEntryError as error:
            where = f"feedback[{number}]{'.' if error.member else ''}{error.member}"
            message.refused.append(RefusedError(f"{where} {error}", where))
    return message


def _entries(body: bytes) -> list[Raw]:
    try:
        held = _held(body)
    except TooLargeError as error:
        raise TooLargeRefusedError(str(error)) from None
    except UnreadableError as error:
        raise RefusedError(str(error)) from None
    if starts_with(held, b"null"):
        raise RefusedError("feedback is missing", "feedback")
    entries = [held] if starts_with(held, b"{") else elements(held)
    if entries is None:
        raise RefusedError("feedback is not a list", "feedback")
    if len(entries) > MOST_ENTRIES:
        raise TooLargeRefusedError(_TOO_MANY)
    return entries


def _held(body: bytes) -> Raw:
    """The member `feedback` as JSON. Raises UnreadableError."""
    text = mended(cleaned(body))
    check_body(text)
    try:
        return msgspec.json.decode(text, type=_Body).feedback
    except msgspec.ValidationError:
        raise UnreadableError("the body is not a JSON object") from None
    except RecursionError:
        raise UnreadableError(f"the body is {TOO_DEEP}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UnreadableError("the body is not JSON") from None


def _entry(text: Raw) -> Entry:
    members = _members(text)
    outcome = members.get("outcome")
    if outcome not in OUTCOMES:
        raise _BadEntryError(f"is not one of {', '.join(OUTCOMES)}", "outcome")
    stamp = _text(members.get("outcomeTimestamp"), _LONGEST_ID)
    card = _identity(members.get("card"), "card")
    suggestions: tuple[str, ...] = ()
    if outcome == "accepted":
        suggestions = _suggestions(members.get("acceptedSuggestions"))
        if not suggestions:
            raise _BadEntryError("names no suggestion by its id", "acceptedSuggestions")
    name = "overrideReason" if members.get("overrideReason") is not None else "overrideReasons"
    reason, extension, comment = _reason(members.get(name), name)
    return Entry(card, outcome, stamp, _milliseconds(stamp), suggestions, reason, extension, comment)


def _members(text: Raw) -> dict[str, Any]:
    if len(text) > MOST_LOOSELY:
        raise _BadEntryError("is too large", "")
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise _BadEntryError("is not a JSON object", "") from None


def _identity(value: object, member: str) -> str:
    """A uuid in lower case, as we write it."""
    identity = _text(value, _LONGEST_ID + 1).strip().lower()
    if not 0 < len(identity) <= _LONGEST_ID:
        raise _BadEntryError("is missing, or is not a UUID", member)
    return identity


def _suggestions(value: object) -> tuple[str, ...]:
    """The uuids of accepted suggestions, each once and in order."""
    listed = value if isinstance(value, list) else [value]
    ids = [_text(one.get("id") if isinstance(one, dict) else one, _LONGEST_ID).strip().lower() for one in listed]
    return tuple(sorted({"".join(identity.split()) for identity in ids} - {""}))[:MOST_SUGGESTIONS]


def _reason(value: object, member: str) -> tuple[Reason, str, str]:
    """The reason, the client's own extension as JSON, and the comment."""
    if isinstance(value, list):
        value = next(iter(value), {})
    if value is None:
        return Reason(), "", ""
    if not isinstance(value, dict):
        raise _BadEntryError("is not an object", member)
    coding = value.get("reason")
    coding = coding if isinstance(coding, dict) else {}
    reason = Reason(*(_text(coding.get(name), _LONGEST_TEXT).strip() for name in ("code", "system", "display")))
    comment = _text(value.get("userComment"), _LONGEST_COMMENT).strip()
    extension = _extension(value.get("extension"))
    if not (reason.code or reason.display or comment or extension):
        raise _BadEntryError("holds neither a reason nor a comment", member)
    return reason, extension, comment


def _extension(value: object) -> str:
    """An extension as JSON; empty if it is too long or cannot be written."""
    if not value or not isinstance(value, dict | list):
        return ""
    try:
        text = msgspec.json.encode(value, order="sorted").decode()
    except (ValueError, RecursionError):
        return ""
    return text if len(text) <= _LONGEST_EXTENSION else ""


def _text(value: object, longest: int) -> str:
    return printable(value[:longest]) if isinstance(value, str) else ""


def _milliseconds(stamp: str) -> int | None:
    try:
        moment = datetime.fromisoformat(stamp.strip().upper())
        since = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
    # Some programs write year 1 when they know no time. An offset can lead to year 10000, which cannot be printed.
    return since if 0 <= since < _END else None
