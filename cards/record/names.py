"""Names of medicines and allergies in the words of a record: whole words, in any case, without accents."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_WORD = re.compile(r"[^\W_]+")
_UNSEEN = frozenset({"Mn", "Mc", "Me", "Cf"})  # marks, and invisible characters such as a soft hyphen
_SPACES = re.compile(r"\s+")
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")
_SEARCHED = 1000  # characters of one text
_MEMO_ENTRIES = 20_000
_MEMO_LENGTH = 200
Keys = tuple[str, ...]


def folded(text: str) -> str:
    """A text in the form in which names are compared: without case and accents, whatever its dashes and spaces."""
    if not text.isascii():
        signs = unicodedata.normalize("NFKD", text.translate(_DASHES))
        text = "".join(sign for sign in signs if unicodedata.category(sign) not in _UNSEEN).casefold()
    return _SPACES.sub(" ", text.lower())


class Names:
    """Finds every name in one pass over a text: looks up each word, and compares the names that begin with it."""

    def __init__(self) -> None:
        self._by_first_word: dict[str, dict[str, Keys]] = {}
        self._memo: dict[str, Keys] = {}

    def add(self, key: str, names: Iterable[str]) -> None:
        """Add names that mean this key."""
        for name in map(folded, names):
            first = _WORD.match(name)
            if first is not None:
                starting = self._by_first_word.setdefault(first[0], {})
                starting[name] = (*starting.get(name, ()), key)

    def keys(self, text: str) -> Keys:
        """The keys whose names appear in a text as whole words."""
        keys = self._memo.get(text)
        if keys is None:
            keys = tuple(dict.fromkeys(key for _, these in self._matches(text) for key in these))
            if len(text) <= _MEMO_LENGTH and len(self._memo) < _MEMO_ENTRIES:
                self._memo[text] = keys
        return keys

    def first_of(self, text: str, wanted: Iterable[str]) -> str:
        """The first name of these keys that appears in a text, as it is written there; empty when there is none."""
        keys = frozenset(wanted)
        for start, name, these in self._places(text):
            if not keys.isdisjoint(these):
                written = text[start : start + len(name)]
                return written if folded(written) == name else name
        return ""

    def first_key(self, text: str) -> str:
        """The key of the first name in a text; empty when there is none."""
        return next(iter(self.keys(text)), "")

    def _matches(self, text: str) -> Iterable[tuple[str, Keys]]:
        return ((name, keys) for _, name, keys in self._places(text))

    def _places(self, text: str) -> Iterable[tuple[int, str, Keys]]:
        said = folded(text[:_SEARCHED])
        for word in _WORD.finditer(said):
            starting = self._by_first_word.get(word[0])
            for name, keys in starting.items() if starting else ():
                end = word.start() + len(name)
                if said.startswith(name, word.start()) and _WORD.match(said, end) is None:
                    yield word.start(), name, keys
