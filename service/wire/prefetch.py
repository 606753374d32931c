"""The prefetch of a hook request: its keys in one pass, or each by itself where one does not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from cards.record.body import starts_with
from cards.record.decoding import SplitBundle, join, read_resource
from cards.record.defects import Defect
from cards.record.prefetch_keys import PREFETCH_KEYS
from cards.record.records import Decoded

# What is sent under a key that no template has is passed over, however much it is.
Prefetch = msgspec.defstruct("Prefetch", [(key, Decoded | None | UnsetType, UNSET) for key in PREFETCH_KEYS])
RawPrefetch = msgspec.defstruct("RawPrefetch", [(key, Raw, Raw()) for key in PREFETCH_KEYS])
_SplitPrefetch = msgspec.defstruct(
    "SplitPrefetch",
    [
        (name, (Decoded if key.read_by else SplitBundle) | None | UnsetType, UNSET)
        for name, key in PREFETCH_KEYS.items()
    ],
)


def read_prefetch(members: Any, defects: list[Defect]) -> Any:
    """A Prefetch of a RawPrefetch; a key that is no resource is dropped, and counted."""
    prefetch = Prefetch()
    for key in PREFETCH_KEYS:
        _read_key(prefetch, key, getattr(members, key), defects)
    return prefetch


def split_decoder(kind: type[Struct]) -> Callable[[bytes], Any]:
    """What decodes the body of a request as `kind`, with the entries of the Bundles in its prefetch kept as JSON."""
    body = msgspec.defstruct("Body", [("prefetch", _SplitPrefetch | None, None)], bases=(kind,))
    return msgspec.json.Decoder(body).decode


def read_split(split: Any, defects: list[Defect]) -> tuple[Any, bool]:
    """A Prefetch of one whose entries were kept as JSON, and whether each of these did fit."""
    prefetch, fits = Prefetch(), True
    for key in PREFETCH_KEYS:
        value = getattr(split, key)
        if isinstance(value, SplitBundle):
            value, fits_here = join(value, key, defects)
            fits = fits and fits_here
        setattr(prefetch, key, value)
    return prefetch, fits


def _read_key(prefetch: Any, key: str, value: Raw, defects: list[Defect]) -> None:
    if not value:
        return
    if starts_with(value, b"null"):
        setattr(prefetch, key, None)
    elif (resource := read_resource(value, key, defects)) is not None:
        setattr(prefetch, key, resource)
