"""Ids, which some clients send as references."""

from __future__ import annotations

from cards.record.records import reference_id


def bare_id(identity: str, kind: str) -> str:
    """The bare id of an id or a reference to a resource of this kind."""
    identity = identity.strip()
    if "/" not in identity:
        return identity
    return reference_id(identity, kind) or identity.removeprefix(f"{kind}/")
