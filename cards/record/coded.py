"""What the codes of records mean. They stay JSON until then: of a thousand, few differ and fewer matter."""

from __future__ import annotations

from msgspec import Raw

from cards.record.codes import Codes, Meaning
from cards.record.decoding import CODE, NO_JSON, Defect
from cards.record.records import Resource

_bytes = b"".join  # of one Raw: three times as fast as bytes(), and done once a record


class Coded:
    """Looks up the codes of one chart's records; the same code, to the letter, once. What cannot be read is counted."""

    def __init__(self, codes: Codes, defects: list[Defect]) -> None:
        self._codes = codes
        self._defects = defects
        self._known: dict[bytes, tuple[Meaning, ...]] = {b"": ()}
        self._silent = {b""}

    def meanings(self, record: Resource, code: Raw) -> tuple[Meaning, ...]:
        """What a record's code means: every meaning of every coding, each once."""
        text = _bytes((code,))
        found = self._known.get(text)
        if found is not None:
            return found
        try:
            found = self._known[text] = self._codes.meanings(CODE.decode(code))
        except NO_JSON:  # it is read, as far as it can be, and counted for each record
            return self._codes.meanings(CODE.read(code, record, self._defects))
        if not found:
            self._silent.add(text)
        return found

    def is_silent(self, code: Raw) -> bool:
        """Whether a code is known already to mean nothing here, as nearly every one of a chart."""
        return _bytes((code,)) in self._silent

    def keys(self, record: Resource, code: Raw, domain: str) -> tuple[str, ...]:
        """The keys of one domain (`condition`, `order`, ...) that a record's code means."""
        found = self.meanings(record, code)
        return tuple(dict.fromkeys(m.key for m in found if m.key.startswith(domain + "."))) if found else ()
