"""Words of the record as plain text: no character in them does anything but show itself."""

from __future__ import annotations

import unicodedata

_BREAKS = frozenset({"Cc", "Zl", "Zp"})  # control characters, including escape; line and paragraph separators
_UNSEEN = frozenset({"Cf", "Cs", "Co", "Cn"})  # bidirectional marks and other invisible characters, halves of a pair


def printable(words: str) -> str:
    """The words on one line: a control character or a break becomes a space, and invisible characters are removed."""
    if words.isprintable():
        return words  # nearly all
    kinds = ((character, unicodedata.category(character)) for character in words)
    return "".join(" " if kind in _BREAKS else character for character, kind in kinds if kind not in _UNSEEN)
