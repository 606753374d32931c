"""Which code system an address means: records write the same system in many ways (O10)."""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from cards.value_sets.systems import ATC, DOTTED, ICD10, ICD10CM, NCIT, SYSTEMS

_TABLES: Final[Mapping[str, Any]] = MappingProxyType(
    tomllib.loads(files(__package__).joinpath("systems.toml").read_text(encoding="utf-8"))
)
_OTHER_FORMS = {"http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl": NCIT}  # codes.md, section 2
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")
_DOT_AT = 3  # characters of an ICD-10 category


def _fold(address: str) -> str:
    """An address in the form used for comparison: lower case, `http` for `https`, no version, no final slash."""
    folded = address.partition("|")[0].strip().lower().removesuffix("/")
    return "http" + folded.removeprefix("https") if folded.startswith("https:") else folded


_ADDRESSES = (
    {_fold(system): system for system in SYSTEMS}
    | {_fold(form): table["canonical"] for table in _TABLES.values() for form in (table["canonical"], *table["alias"])}
    | {_fold(form): system for form, system in _OTHER_FORMS.items()}
)
_PATTERNS = [
    (re.compile(pattern, re.ASCII), table["canonical"])
    for table in _TABLES.values()
    for pattern in table.get("alias_pattern", ())
]
_ONLY_CM = frozenset(_TABLES["ICD"]["from_icd10"])
_ONLY_CM_PATTERNS = tuple(re.compile(pattern) for pattern in _TABLES["ICD"]["from_icd10_pattern"])
_MARKS = "".join(_TABLES["ICDGM"]["strip"])


@dataclass(frozen=True, slots=True)
class CodedExtension:
    """An extension of a coding: its address, the system of its value, and what each value means."""

    url: str
    system: str
    meanings: Mapping[str, str]


_GM = _TABLES["ICDGM"]
SIDE_OF_CODING: Final = CodedExtension(_GM["side_extension"], _GM["side_system"], _GM["side"])
"""The side that an ICD-10-GM coding states: left, right or bilateral."""
CERTAINTY_OF_CODING: Final = CodedExtension(
    _GM["certainty_extension"],
    _GM["certainty_system"],
    dict.fromkeys(_GM["certainty_not_counted"], "not-counted") | dict.fromkeys(_GM["certainty_history"], "history"),
)
"""The certainty that an ICD-10-GM coding states: `not-counted` (excluded, suspected) or `history`; any other counts."""


def canonical(address: str) -> str:
    """The system that an address means; the address itself, without outer spaces, if it is none of our systems."""
    folded = _fold(address)
    system = _ADDRESSES.get(folded)
    if system is None:
        system = next((system for pattern, system in _PATTERNS if pattern.match(folded)), None)
    return address.strip() if system is None else system


def is_same(one: str, other: str) -> bool:
    """Whether two addresses mean the same system, known or not."""
    return _fold(one) == _fold(other)


def forms(system: str) -> tuple[str, ...]:
    """The other addresses that the bindings list for a system."""
    return next((tuple(table["alias"]) for table in _TABLES.values() if table["canonical"] == system), ())


def written(system: str, code: str) -> str:
    """A code as its system publishes it: without outer spaces; ATC in capitals, ICD-10 with the dot as well."""
    code = code.strip()
    if not code.isascii():
        code = "".join(sign for sign in code.translate(_DASHES) if unicodedata.category(sign) != "Cf").strip()
    if system not in DOTTED:
        return code.upper() if system == ATC else code
    plain = code.upper().replace(".", "")
    return f"{plain[:_DOT_AT]}.{plain[_DOT_AT:]}" if len(plain) > _DOT_AT else plain


def readings(system: str, code: str) -> Iterable[tuple[str, str]]:
    """The system and the published form of each code in the text; ICD-10 may write two codes with marks."""
    if system not in DOTTED or system == ICD10CM:
        yield system, written(system, code)
        return
    for part in code.split():
        name = written(system, part.rstrip(_MARKS))
        yield (ICD10CM if system == ICD10 and _is_only_cm(name) else system), name


def _is_only_cm(code: str) -> bool:
    """Whether a code sent as ICD-10 exists only in ICD-10-CM."""
    return code in _ONLY_CM or any(pattern.search(code) for pattern in _ONLY_CM_PATTERNS)
