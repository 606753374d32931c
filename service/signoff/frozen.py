"""What was signed, kept next to the file of sign-offs, so that it can be compared with the rule as it is today."""

from __future__ import annotations

from pathlib import Path

import msgspec

from service.signoff.description import Description
from service.signoff.records import RefusedSignoffError


def place(file: Path, rule: str, sha256: str) -> Path:
    """Where the description of a signed rule is kept, next to the file of sign-offs."""
    return file.with_suffix("") / f"{rule}.{sha256[:16]}.json"


def keep(file: Path, description: Description) -> Path:
    """Write a description next to the file of sign-offs. Raises RefusedSignoffError."""
    kept = place(file, description.rule, description.sha256)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(msgspec.json.format(msgspec.json.encode(description, order="deterministic"), indent=1) + b"\n")
    except OSError as error:
        raise RefusedSignoffError(f"{kept} cannot be written: {error.strerror}") from None
    return kept


def kept(file: Path, rule: str, sha256: str) -> Description | None:
    """The description that was signed; None if it is missing, or not the one that was signed."""
    try:
        description = msgspec.json.decode(place(file, rule, sha256).read_bytes(), type=Description)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return description if description.sha256 == sha256 else None
