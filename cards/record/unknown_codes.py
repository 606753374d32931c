"""The codes of a record that no value set knows, and which of them look like one of ours (O16)."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from itertools import chain
from operator import attrgetter

import msgspec
from msgspec import Raw, Struct

from cards.record.codes import Codes
from cards.record.elements import CodeableConcept
from cards.record.medicines import allergy_keys, names_in
from cards.record.names import Names, folded
from cards.record.prefetch_keys import PREFETCH_KEYS
from cards.record.records import Resource
from cards.value_sets.systems import EXAM
from cards.value_sets.value_set import VALUE_SETS

MOST = 20  # codes of a prefetch key that are listed
_MOST_COUNTED = 5_000  # different codes of a prefetch key
_LONGEST = 10_000  # bytes of a code
_LONGEST_SEEN = 1_000  # bytes of one that is remembered
_CODED = ("code", "codeCodeableConcept", "medicationCodeableConcept", "type")  # elements that hold codes
_SHOWN = 80  # characters of an address, a code or a display
_WORD = re.compile(r"[^\W_]+")
_bytes = b"".join  # of one Raw: three times as fast as bytes()
_KEY_OF_TYPE = {prefetch.resource_type: key for key, prefetch in PREFETCH_KEYS.items()}
# What the facts of a prefetch key may be, so that an order is not taken for a report.
_DOMAINS = {
    "conditions": ("condition",),
    "observations": ("observation",),
    "reports": ("report",),
    "orders": ("order",),
    "deviceOrders": ("order",),
    "devices": ("device", "order"),
    "procedures": ("procedure",),
    "medications": ("medication",),
    "statements": ("medication",),
    "allergies": ("allergy", "medication"),
}
_COMMON = frozenset(
    {"active", "acute", "chronic", "history", "disease", "disorder", "pain", "weight", "body", "blood", "pressure"}
    | {"score", "rating", "scale", "order", "plan", "referral", "assessment", "monitoring", "care", "loss", "risk"}
    | {"dysfunction", "injury", "failure", "suspected", "abnormal", "normal"}
)
# Words that people use for what a title calls something else.
_ALSO = {
    "footdrop": "condition.foot-drop",
    "fibular": "condition.peroneal-neuropathy",
    "afo": "order.afo",
    "emg": "order.emg-ncs",
    "ncs": "order.emg-ncs",
    "mr": "order.mri-lumbar",
}
_decode = msgspec.json.Decoder(CodeableConcept).decode


class UnknownCode(Struct, frozen=True):
    """A code that no value set knows: how often it occurs, and the key that it looks like, if any."""

    system: str
    code: str
    display: str
    times: int
    looks_like: str = ""

    @property
    def setting(self) -> str:
        """The line of the settings that maps it; empty when it does not look like one of ours."""
        if not self.looks_like:
            return ""
        quoted = msgspec.json.encode
        return f'codes."{self.looks_like}".{quoted(self.system).decode()} = [{quoted(self.code).decode()}]'


class Unknown(Struct, frozen=True):
    """The most frequent unknown codes of one prefetch key, and how many more there are."""

    codes: tuple[UnknownCode, ...]
    more: int = 0


def unknown_codes(records: Iterable[Resource], codes: Codes) -> dict[str, Unknown]:
    """The codes that no value set knows, by prefetch key: first those that look like ours, then the most frequent."""
    counted: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    displays: dict[tuple[str, str], str] = {}
    for (key, text), times in _texts_in(records).items():
        for place, words in (_seen if len(text) <= _LONGEST_SEEN else _unread)(text, codes, key):
            if place in counted[key] or len(counted[key]) < _MOST_COUNTED:
                counted[key][place] += times
                displays.setdefault(place, words)
    return {key: _most(counted[key], displays, key) for key in PREFETCH_KEYS if counted.get(key)}


def _most(counted: Counter[tuple[str, str]], displays: Mapping[tuple[str, str], str], key: str) -> Unknown:
    every = [
        UnknownCode(place[0], place[1], displays[place], times, looks_like(displays[place], _DOMAINS[key]))
        for place, times in counted.items()
    ]
    every.sort(key=lambda one: (-one.times, not one.looks_like, one.system, one.code))
    alike = [one for one in every if one.looks_like][:MOST]
    rest = [one for one in every if not one.looks_like][: MOST - len(alike)]
    listed = sorted([*alike, *rest], key=lambda one: (-one.times, not one.looks_like, one.system, one.code))
    return Unknown(tuple(listed), len(every) - len(listed))


def _texts_in(records: Iterable[Resource]) -> Counter[tuple[str, bytes]]:
    """How often the JSON of each code occurs in the records of a prefetch key."""
    texts = Counter[tuple[str, bytes]]()
    by_kind: defaultdict[type[Resource], list[Resource]] = defaultdict(list)
    for record in records:
        by_kind[type(record)].append(record)
    for kind, of_kind in by_kind.items():
        key = _KEY_OF_TYPE.get(of_kind[0].resourceType, "")
        for name in _elements(kind) if key in _DOMAINS else ():
            for text, times in Counter(chain.from_iterable(map(_texts, map(attrgetter(name), of_kind)))).items():
                texts[key, text] += times
    return texts


def _texts(value: object) -> Iterable[bytes]:
    """The JSON of the codes in an element."""
    if type(value) is Raw:
        return (_bytes((value,)),) if 0 < len(value) <= _LONGEST else ()
    if isinstance(value, list):
        return chain.from_iterable(map(_texts, value))
    return (msgspec.json.encode(value),) if isinstance(value, CodeableConcept) else ()


@cache
def _elements(kind: type[Resource]) -> tuple[str, ...]:
    """The elements of a type that hold its codes."""
    return tuple(name for name in _CODED if name in kind.__struct_fields__)


def _unread(raw: bytes, codes: Codes, key: str) -> tuple[tuple[tuple[str, str], str], ...]:
    concept = _read(raw)
    return () if concept is None else tuple(_unknown(concept, codes, key))


_seen = lru_cache(maxsize=4_000)(_unread)  # the same codes come again and again


def _read(raw: bytes) -> CodeableConcept | None:
    try:
        return _decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _unknown(concept: CodeableConcept, codes: Codes, key: str) -> Iterator[tuple[tuple[str, str], str]]:
    """The codings of a concept, if none of them means anything here and the concept names no medicine either."""
    if codes.meanings(concept):
        return
    if key in ("medications", "statements") and codes.named(names_in(concept), "medication"):
        return
    if key == "allergies" and allergy_keys(concept, codes):
        return
    for coding in concept.coding or ():
        if coding.code and coding.code.strip():
            words = coding.display or concept.text or ""
            yield ((coding.system or "").strip()[:_SHOWN], coding.code.strip()[:_SHOWN]), words[:_SHOWN]


@lru_cache(maxsize=10_000)
def looks_like(words: str, domains: tuple[str, ...]) -> str:
    """The key whose title or names appear in the words, as a whole or by a telling word; empty when there is none."""
    said = frozenset(_WORD.findall(folded(words)))
    for domain in domains:
        if key := _names(domain).first_key(words):
            return key
        titles = [(title, key) for title, key in _titles(domain) if title & said]
        whole = [(title, key) for title, key in titles if title <= said]
        telling = [(title, key) for title, key in titles if title & said & _telling(domain)]
        if whole or telling:
            return max(whole or telling, key=lambda one: len(one[0] & said) - len(one[0] - said) / 10)[1]
    return next((key for word, key in _ALSO.items() if word in said and key.partition(".")[0] in domains), "")


@cache
def _names(domain: str) -> Names:
    names = Names()
    for key, value_set in VALUE_SETS.items():
        if key.startswith(f"{domain}."):
            names.add(key, (*value_set.names, *value_set.names_class))
    return names


@cache
def _titles(domain: str) -> tuple[tuple[frozenset[str], str], ...]:
    """The telling words of each title, with its key; each bedside finding has its own title."""
    titles = {key: value_set.name for key, value_set in VALUE_SETS.items() if key.startswith(f"{domain}.")}
    for key in tuple(titles):
        exam = VALUE_SETS[key].codes.get(EXAM, {})
        if domain == "observation" and len(exam) > 1:
            del titles[key]
            titles |= {f"{domain}.{code}": display.removeprefix("MRC grade, ") for code, display in exam.items()}
    return tuple((_words(title), key) for key, title in titles.items())


def _words(title: str) -> frozenset[str]:
    said = (word for word in _WORD.findall(folded(title)) if len(word) > 2)
    return frozenset(word for word in said if word not in ("the", "and", "without", "with"))


@cache
def _telling(domain: str) -> frozenset[str]:
    """Words that by themselves make a display look like ours: acronyms, and long words of few titles."""
    times = Counter(word for title, _ in _titles(domain) for word in title)
    names = (value_set.name for key, value_set in VALUE_SETS.items() if key.startswith(f"{domain}."))
    acronyms = {word.lower() for name in names for word in _WORD.findall(name) if word.isupper()}
    rare = {word for word, count in times.items() if len(word) > 6 and count < 5}
    return frozenset((rare | acronyms) - _COMMON)
