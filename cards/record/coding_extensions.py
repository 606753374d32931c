"""What an ICD-10-GM coding states in its extensions: a side, and a certainty."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from msgspec import Raw, Struct

from cards.record.decoding import Element
from cards.record.elements import NOTHING, Elements
from cards.record.side import Side
from cards.value_sets.addresses import CERTAINTY_OF_CODING, SIDE_OF_CODING, CodedExtension, is_same

NOT_COUNTED: Final = "not-counted"
HISTORY: Final = "history"
_LONGEST = 10_000  # bytes: a longer extension is not one of ours


class _Value(Struct, gc=False):
    system: str | None = None
    code: str | None = None


class _Extension(Struct, gc=False):
    url: str | None = None
    valueCoding: _Value | None = None


_EXTENSIONS = Element[list[_Extension]](Elements[_Extension], "extension")


def side(extension: Raw) -> Side | None:
    """The side that the extensions of a coding state; None when they state none."""
    stated = _stated(extension, SIDE_OF_CODING)
    return None if stated is None else Side.BOTH if stated == "bilateral" else Side(stated)


def certainty(extension: Raw) -> str | None:
    """NOT_COUNTED for an excluded or suspected diagnosis, HISTORY for one in the past; None for any other."""
    return _stated(extension, CERTAINTY_OF_CODING)


def _stated(extension: Raw, kind: CodedExtension) -> str | None:
    return None if extension is NOTHING or len(bytes(extension)) > _LONGEST else _read(bytes(extension), kind.url)


@lru_cache(maxsize=1000)
def _read(extension: bytes, url: str) -> str | None:
    kind = SIDE_OF_CODING if url == SIDE_OF_CODING.url else CERTAINTY_OF_CODING
    extensions = _EXTENSIONS.read(Raw(extension), "", [])
    values = [one.valueCoding for one in extensions or () if one.valueCoding and is_same(one.url or "", kind.url)]
    ours = (value for value in values if is_same(value.system or "", kind.system))
    return next((kind.meanings.get((value.code or "").strip().upper()) for value in ours), None)
