"""What has changed in a rule since it was signed: a diff of its cases, its words, and everything else signed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from service.signoff.description import Description

_KINDS = {
    "rule": "words of the rule",
    "card": "words of every card",
    "sources": "source",
    "orders": "order",
    "override_reasons": "override reason",
    "page": "words of the page",
}


def changes(signed: Description, now: Description) -> list[str]:
    """One line for each change: `+` is new, `-` is gone, `~` is different."""
    return [
        *_single(signed, now),
        *_cases(signed, now),
        *_words(signed, now),
        *_mapped("threshold", _short(signed.thresholds), _short(now.thresholds)),
        *_mapped("precedence.toml,", signed.precedence, now.precedence),
        *_codes(signed.value_sets, now.value_sets),
        *_code(signed.code, now.code),
    ]


def _single(signed: Description, now: Description) -> Iterator[str]:
    for name in ("version", "title"):
        was, is_now = getattr(signed, name), getattr(now, name)
        if was != is_now:
            yield f"~ {name}: {was} -> {is_now}"


def _cases(signed: Description, now: Description) -> Iterator[str]:
    was = {case["name"]: case for case in signed.cases}
    is_now = {case["name"]: case for case in now.cases}
    for name in sorted(was.keys() | is_now.keys()):
        if name not in is_now:
            yield f"- case: {name}"
        elif name not in was:
            yield f"+ case: {name}"
        elif was[name] != is_now[name]:
            yield f"~ case: {name}"
            yield from (f"    {line}" for line in _mapped("", was[name], is_now[name]))


def _words(signed: Description, now: Description) -> Iterator[str]:
    for kind, label in _KINDS.items():
        was, is_now = (set(_flat(one.texts.get(kind))) for one in (signed, now))
        yield from (f"- {label}: {text}" for text in sorted(was - is_now))
        yield from (f"+ {label}: {text}" for text in sorted(is_now - was))


def _flat(value: Any) -> Iterator[str]:
    """The texts in a value, each as one line."""
    if isinstance(value, Mapping):
        yield from (text for one in value.values() for text in _flat(one))
    elif isinstance(value, list | tuple):
        yield from (text for one in value for text in _flat(one))
    elif value not in (None, ""):
        yield str(value)


def _mapped(label: str, was: Mapping[str, Any], is_now: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(was.keys() | is_now.keys()):
        named = f"{label} {name}".strip()
        if name not in is_now:
            yield f"- {named}: {_plain(was[name])}"
        elif name not in was:
            yield f"+ {named}: {_plain(is_now[name])}"
        elif was[name] != is_now[name]:
            yield f"~ {named}: {_plain(was[name])} -> {_plain(is_now[name])}"


def _codes(was: Mapping[str, Any], is_now: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(was.keys() | is_now.keys()):
        if key not in is_now or key not in was:
            yield f"{'-' if key in was else '+'} value set: {key}"
        elif was[key] != is_now[key]:
            old, new = set(_entries(was[key])), set(_entries(is_now[key]))
            yield from (f"- {key}: {entry}" for entry in sorted(old - new))
            yield from (f"+ {key}: {entry}" for entry in sorted(new - old))
            if old == new:
                yield f"~ {key}: the order of its codes; the first of them is sent"


def _entries(value_set: Mapping[str, Any]) -> Iterator[str]:
    """What a value set holds, one line for each code or name."""
    for member, value in value_set.items():
        if not isinstance(value, Mapping):
            listed = value if isinstance(value, list) else [value]
            yield from (f"{member} {_plain(one)}" for one in listed)
            continue
        for name, inner in value.items():
            listed = inner if isinstance(inner, list) else [inner]
            yield from (f"{member} {name} {_plain(one)}" for one in listed)


def _code(was: Mapping[str, str], is_now: Mapping[str, str]) -> Iterator[str]:
    """The definitions that differ. The effect shows in the cases, unless no case covers it yet."""
    for name in sorted(was.keys() | is_now.keys()):
        if was.get(name) != is_now.get(name):
            sign = "+" if name not in was else "-" if name not in is_now else "~"
            yield f"{sign} definition: {name}"


def _short(thresholds: Mapping[str, str]) -> dict[str, str]:
    return {path.removeprefix("cards."): value for path, value in thresholds.items()}


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
