"""The prefetch of a hook request: its keys in one pass, or each by itself where one does not fit."""

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

# What is sent under a key that no template has is passed over, however much it is.
Prefetch = msgspec.defstruct("Prefetch", [(key, Decoded | None | UnsetType, UNSET) for key in PREFETCH_KEYS])
RawPrefetch = msgspec.defstruct("RawPrefetch", [(key, Raw, Raw()) for key in PREFETCH_KEYS])
ALL = frozenset(name for name, key in PREFETCH_KEYS.items() if not key.read_by)
"""The keys whose records are searched, and come in a Bundle."""
_WHOLE: frozenset[str] = frozenset()
# Where a record does not fit, as the decoder says it; what the record holds may stand before it.
_PLACE = re.compile(r" - at `\$\.prefetch\.(\w+)\.entry\[[^`]*`\Z")


def read_prefetch(members: Any, defects: list[Defect]) -> Any:
    """A Prefetch of a RawPrefetch; a key that is no resource is dropped, and counted."""
    prefetch = Prefetch()
    for key in PREFETCH_KEYS:
        _read_key(prefetch, key, getattr(members, key), defects)
    return prefetch


class Splitting:
    """Decodes the body of a request as `kind`, with the entries of some Bundles in its prefetch kept as JSON.

    Which these are begins with those of the last body: who writes a record that does not fit writes more, and to
    decode the others in one pass costs half as much. It makes no difference to what is read.
    """

    def __init__(self, kind: type[Struct]) -> None:
        self._kind = kind
        self._decoders: dict[frozenset[str], Callable[[bytes], Any]] = {_WHOLE: msgspec.json.Decoder(kind).decode}
        self._split = _WHOLE

    def decode(self, body: bytes, defects: list[Defect]) -> Any:
        """The body; None when something else than records does not fit. Raises what msgspec does for no JSON."""
        split: frozenset[str] | None = self._split
        while split is not None:
            try:
                return self._read(self._decoder(split)(body), split, defects)
            except msgspec.ValidationError as error:
                split = _wider(split, str(error))
        return None

    def _decoder(self, split: frozenset[str]) -> Callable[[bytes], Any]:
        """One for none of the keys, one for each and one for all of them: no more than these are ever made."""
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
    """What else to keep as JSON after a record of it did not fit; None when that would not help."""
    place = _PLACE.search(error)
    if place is None or place[1] not in ALL - split:
        return None
    return ALL if split else frozenset({place[1]})


def _joined(split: Any, defects: list[Defect]) -> tuple[Any, frozenset[str]]:
    """A Prefetch of one whose entries were kept as JSON, and the keys in which one of these did not fit."""
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
