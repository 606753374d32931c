"""Value sets: what counts as one clinical fact, one TOML file each, read once at import."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from cards.value_sets.systems import SYSTEMS

_TEXTS = {"title", "includes", "source"}
_LISTS = {"names", "names_class", "conditions"}
_BY_SYSTEM = {"old", "new", "patterns", "patterns_new", "no_side"}
_MEMBERS = _TEXTS | {"excludes", "side_from_code", "side_from_pattern", "meanings"} | _LISTS | _BY_SYSTEM | SYSTEMS

BySystem = Mapping[str, Mapping[str, str]]


_compiled = lru_cache(maxsize=1000)(re.compile)


@dataclass(frozen=True, slots=True)
class ValueSet:
    """What counts as one clinical fact, in every terminology that codes it."""

    key: str
    """Its name in rules and settings, such as `condition.foot-drop`."""
    title: str
    includes: str
    """What counts, in words."""
    excludes: str
    """What looks similar but does not count; may be empty."""
    source: str
    """Where its codes and their displays were checked."""
    codes: BySystem
    """System -> code -> official display; orders are sent with the first code of a system."""
    old: BySystem
    """Codes that count only for a Condition whose onset is more than 14 days ago or not known."""
    new: BySystem
    """Codes that count only for a Condition whose onset is known and at most 14 days ago."""
    names: tuple[str, ...]
    """Names by which it is recognised in text; only for medicines and allergies."""
    names_class: tuple[str, ...]
    """Names of other medicines of its class, which count only where a site turns them on."""
    conditions: tuple[str, ...]
    """The conditions whose codes all count for this lesion, whatever the onset."""
    sides: Mapping[str, str]
    """Code -> the side that the code itself states."""
    side_patterns: Mapping[str, str]
    """Regular expression -> the side stated by those of its own codes that match."""
    no_side: Mapping[str, tuple[str, ...]]
    """System -> codes for which no side is read from the body site."""
    patterns: Mapping[str, tuple[str, ...]]
    """System -> anchored regular expressions over codes as published (upper case, with the dot)."""
    patterns_new: Mapping[str, tuple[str, ...]]
    """Patterns whose codes count under the same condition as those of `new`."""
    meanings: Mapping[str, str]
    """Code -> its meaning for the rules; MR safety only."""
    name: str
    """The title without the kind of record in front, such as `MRI of the lumbar spine`."""

    @property
    def listed(self) -> dict[str, dict[str, str]]:
        """Every listed code, including those that depend on the onset."""
        systems: dict[str, dict[str, str]] = {}
        for codes in (self.codes, self.old, self.new):
            for system, names in codes.items():
                systems.setdefault(system, {}).update(names)
        return systems

    def side_stated(self, code: str) -> str | None:
        """The side (left, right or bilateral) that one of its own codes states, as published; None if there is none."""
        by_pattern = (side for pattern, side in self.side_patterns.items() if _compiled(pattern).search(code))
        return self.sides.get(code) or next(by_pattern, None)

    @property
    def all_patterns(self) -> tuple[tuple[str, str], ...]:
        """System and pattern of every family of codes, including those that depend on the onset."""
        families = (self.patterns, self.patterns_new)
        return tuple((system, one) for family in families for system, listed in family.items() for one in listed)


def read(file: str, text: str) -> ValueSet:
    """The value set in one file. Raises ValueError, naming the member, if one is unknown or missing."""
    data: dict[str, Any] = tomllib.loads(text)
    for member in data.keys() - _MEMBERS:
        raise ValueError(f"{file}: unknown member {member!r}")
    for member in (system for table in _BY_SYSTEM for system in data.get(table, {}) if system not in SYSTEMS):
        raise ValueError(f"{file}: unknown member {member!r}")
    for member in _TEXTS - {name for name, value in data.items() if value}:
        raise ValueError(f"{file}: {member!r} is missing")
    return ValueSet(
        key=file.removesuffix(".toml"),
        title=data["title"],
        includes=data["includes"],
        excludes=data.get("excludes", ""),
        source=data["source"],
        codes=_codes(data),
        old=_codes(data.get("old", {})),
        new=_codes(data.get("new", {})),
        names=tuple(data.get("names", ())),
        names_class=tuple(data.get("names_class", ())),
        conditions=tuple(data.get("conditions", ())),
        sides=MappingProxyType(data.get("side_from_code", {})),
        side_patterns=MappingProxyType(data.get("side_from_pattern", {})),
        no_side=_lists(data.get("no_side", {})),
        patterns=_lists(data.get("patterns", {})),
        patterns_new=_lists(data.get("patterns_new", {})),
        meanings=MappingProxyType(data.get("meanings", {})),
        name=_name(data["title"]),
    )


def _codes(tables: Mapping[str, Any]) -> BySystem:
    return MappingProxyType({s: MappingProxyType(tables[s]) for s in tables if s in SYSTEMS})


def _lists(table: Mapping[str, list[str]]) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({system: tuple(listed) for system, listed in table.items()})


def _name(title: str) -> str:
    words = title.partition(": ")[2] or title
    return words if words[1:2].isupper() else words[:1].upper() + words[1:]


def _read_all() -> dict[str, ValueSet]:
    tables = (file for file in files(__package__).iterdir() if file.name.count(".") > 1)
    sets = (read(table.name, table.read_text(encoding="utf-8")) for table in tables)
    return {value_set.key: value_set for value_set in sorted(sets, key=lambda value_set: value_set.key)}


VALUE_SETS: Final[Mapping[str, ValueSet]] = MappingProxyType(_read_all())
