"""The prefetch of a hook request: its keys in one pass, or each by itself if one does not fit."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from cards.record.body import starts_with
from cards.record.decoding import SplitBundle, join, read_resource
from cards.record.defects import Defect
from cards.record.prefetch_keys import PREFETCH_KEYS
from cards.record.records import Decoded

# Anything under a key that has no template is ignored, however large it is.
Prefetch = msgspec.defstruct("Prefetch", [(key, Decoded | None | UnsetType, UNSET) for key in PREFETCH_KEYS])
RawPrefetch = msgspec.defstruct("RawPrefetch", [(key, Raw, Raw()) for key in PREFETCH_KEYS])
ALL = frozenset(name for name, key in PREFETCH_KEYS.items() if not key.read_by)
"""The keys whose records come from a search, in a Bundle."""
_WHOLE: frozenset[str] = frozenset()
# The place of a misfit in the decoder's message; the text before it may contain data from the record.
_PLACE = re.compile(r" - at `\$\.prefetch\.(\w+)\.entry\[[^`]*`\Z")


def read_prefetch(members: Any, defects: list[Defect]) -> Any:
    """A Prefetch from a RawPrefetch; a key that is not a resource is dropped and counted."""
    prefetch = Prefetch()
    for key in PREFETCH_KEYS:
        _read_key(prefetch, key, getattr(members, key), defects)
    return prefetch


class Splitting:
    """Decodes the body of a request as `kind`, with the entries of some Bundles in its prefetch kept as JSON.

    It starts with the Bundles that needed this in the last body: a sender of records that do not fit will send more,
    and decoding the other Bundles in one pass costs half as much. The result is the same.
    """

    def __init__(self, kind: type[Struct]) -> None:
        self._kind = kind
        self._decoders: dict[frozenset[str], Callable[[bytes], Any]] = {_WHOLE: msgspec.json.Decoder(kind).decode}
        self._split = _WHOLE

    def decode(self, body: bytes, defects: list[Defect]) -> Any:
        """The body; None if something other than a record does not fit. Raises msgspec's error if it is not JSON."""
        split: frozenset[str] | None = self._split
        while split is not None:
            try:
                return self._read(self._decoder(split)(body), split, defects)
            except msgspec.ValidationError as error:
                split = _wider(split, str(error))
        return None

    def _decoder(self, split: frozenset[str]) -> Callable[[bytes], Any]:
        """The decoder for these keys: there is at most one for no key, one for each key and one for all keys."""
        decode = self._decoders.get(split)
        if decode is None:
            members = [
                (key, (SplitBundle if key in split else Decoded) | None | UnsetType, UNSET) for key in PREFETCH_KEYS
            ]
            prefetch = msgspec.defstruct("SplitPrefetch", members)
            body = msgspec.defstruct("Body", [("prefetch", prefetch | None, None)], bases=(self._kind,))
            decode = self._decoders[split] = msgspec.json.Decoder(body).decode
        return decode

    def _read(self, members: Any, split: frozenset[str], defects: list[Defect]) -> Any:
        if split and members.prefetch is not None:
            members.prefetch, misfits = _joined(members.prefetch, defects)
            self._split = misfits if len(misfits) < 2 else ALL
        return members


def _wider(split: frozenset[str], error: str) -> frozenset[str] | None:
    """The keys to keep as JSON after a record did not fit; None if that would not help."""
    place = _PLACE.search(error)
    if place is None or place[1] not in ALL - split:
        return None
    return ALL if split else frozenset({place[1]})


def _joined(split: Any, defects: list[Defect]) -> tuple[Any, frozenset[str]]:
    """A Prefetch from one with entries kept as JSON, and the keys in which an entry did not fit."""
    prefetch, misfits = Prefetch(), []
    for key in PREFETCH_KEYS:
        value = getattr(split, key)
        if isinstance(value, SplitBundle):
            value, fits = join(value, key, defects)
            if not fits:
                misfits.append(key)
        setattr(prefetch, key, value)
    return prefetch, frozenset(misfits)


def _read_key(prefetch: Any, key: str, value: Raw, defects: list[Defect]) -> None:
    if not value:
        return
    if starts_with(value, b"null"):
        setattr(prefetch, key, None)
    elif (resource := read_resource(value, key, defects)) is not None:
        setattr(prefetch, key, resource)
