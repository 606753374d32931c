"""Value sets: what counts as one clinical fact, one TOML file each, read once at import."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from cards.value_sets.systems import SYSTEMS

_TEXTS = {"title", "includes", "source"}
_MEMBERS = _TEXTS | {"excludes", "names", "side_from_code", "patterns", "meanings"} | SYSTEMS


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
    codes: Mapping[str, Mapping[str, str]]
    """System -> code -> official display; orders are sent with the first code of a system."""
    names: tuple[str, ...]
    """Names by which it is recognised in text; medicines only."""
    sides: Mapping[str, str]
    """Code -> the side that the code itself states."""
    patterns: Mapping[str, tuple[str, ...]]
    """System -> anchored regular expressions over codes as published (upper case, with the dot)."""
    meanings: Mapping[str, str]
    """Code -> its meaning for the rules; MR safety only."""
    name: str
    """The title without the kind of record in front, such as `MRI of the lumbar spine`."""


def read(file: str, text: str) -> ValueSet:
    """The value set in one file. Raises ValueError that names a member which is unknown or missing."""
    data: dict[str, Any] = tomllib.loads(text)
    for member in data.keys() - _MEMBERS:
        raise ValueError(f"{file}: unknown member {member!r}")
    for member in _TEXTS - {name for name, value in data.items() if value}:
        raise ValueError(f"{file}: {member!r} is missing")
    return ValueSet(
        key=file.removesuffix(".toml"),
        title=data["title"],
        includes=data["includes"],
        excludes=data.get("excludes", ""),
        source=data["source"],
        codes=MappingProxyType({s: MappingProxyType(data[s]) for s in data if s in SYSTEMS}),
        names=tuple(data.get("names", ())),
        sides=MappingProxyType(data.get("side_from_code", {})),
        patterns=MappingProxyType({s: tuple(p) for s, p in data.get("patterns", {}).items()}),
        meanings=MappingProxyType(data.get("meanings", {})),
        name=_name(data["title"]),
    )


def _name(title: str) -> str:
    words = title.partition(": ")[2] or title
    return words if words[1:2].isupper() else words[:1].upper() + words[1:]


def _read_all() -> dict[str, ValueSet]:
    tables = (file for file in files(__package__).iterdir() if file.name.endswith(".toml"))
    sets = (read(table.name, table.read_text(encoding="utf-8")) for table in tables)
    return {value_set.key: value_set for value_set in sorted(sets, key=lambda value_set: value_set.key)}


VALUE_SETS: Final[Mapping[str, ValueSet]] = MappingProxyType(_read_all())
