"""Files with value sets expanded by a terminology server; their codes are added to those of a key (O18)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import msgspec
from msgspec import Struct, field

from cards.value_sets.addresses import canonical
from cards.value_sets.value_set import VALUE_SETS

MOST_BYTES = 32 * 1024 * 1024
_DEEPEST = 20  # levels of `contains`

Codes = dict[str, list[str]]


class _Concept(Struct, gc=False):
    system: str | None = None
    code: str | None = None
    abstract: bool = False
    contains: list[_Concept] = field(default_factory=list)


class _Expansion(Struct):
    total: int | None = None
    contains: list[_Concept] = field(default_factory=list)


class _ValueSet(Struct):
    resourceType: str
    expansion: _Expansion | None = None


def read_expansions(files: Mapping[str, str]) -> dict[str, Codes]:
    """The codes of each key, by system. Raises ValueError, which names the key, the file and what is wrong."""
    return {key: _read(key, file) for key, file in files.items()}


@lru_cache(maxsize=100)
def _read(key: str, file: str) -> Codes:
    if key not in VALUE_SETS:
        raise ValueError(f"{key}: there is no such key; see cards/value_sets for the names")
    expansion = _decoded(key, file)
    systems = _systems(key.partition(".")[0])
    codes: Codes = {}
    count = 0
    for concept in _concepts(expansion.contains):
        count += 1
        if concept.abstract or not concept.code:
            continue
        system = canonical(concept.system or "")
        if system not in systems:
            raise ValueError(f"{key}: {file} holds a code of {system[:100] or 'no system'}, which no such key knows")
        codes.setdefault(system, []).append(concept.code)
    if expansion.total is not None and expansion.total > count:
        raise ValueError(f"{key}: {file} holds {count} of {expansion.total} codes: expand it whole, without paging")
    if not codes:
        raise ValueError(f"{key}: the expansion in {file} holds no code")
    return codes


def _decoded(key: str, file: str) -> _Expansion:
    path = Path(file)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"{key}: {file} is larger than {MOST_BYTES // (1024 * 1024)} MiB")
        value_set = msgspec.json.decode(path.read_bytes(), type=_ValueSet)
    except OSError:
        raise ValueError(f"{key}: {file} cannot be read") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError(f"{key}: {file} is not a FHIR ValueSet in JSON") from None
    if value_set.resourceType != "ValueSet":
        raise ValueError(f"{key}: {file} is not a FHIR ValueSet in JSON")
    if value_set.expansion is None:
        raise ValueError(f"{key}: {file} has no expansion: ask the terminology server for $expand")
    return value_set.expansion


def _concepts(concepts: list[_Concept], depth: int = 0) -> Iterator[_Concept]:
    for concept in concepts if depth < _DEEPEST else ():
        yield concept
        yield from _concepts(concept.contains, depth + 1)


def _systems(domain: str) -> frozenset[str]:
    """The code systems for facts of one domain."""
    own = [value_set for key, value_set in VALUE_SETS.items() if key.startswith(f"{domain}.")]
    return frozenset(system for one in own for system in (*one.listed, *(family for family, _ in one.all_patterns)))
