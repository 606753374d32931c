"""The prefetch templates: the queries that the rules need, derived from what they read."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from urllib.parse import quote

from cards.record.codes import Codes
from cards.record.prefetch_keys import PREFETCH_KEYS, supplied_by
from cards.record.reports import STRUCTURAL
from cards.value_sets.value_set import VALUE_SETS

_BLOOD_PRESSURE_PANEL = "85354-9"  # its components are the pressures; a search by their codes does not find it


def templates(reads: AbstractSet[str], codes: Codes) -> dict[str, str]:
    """The prefetch templates, by prefetch key, for the facts of these keys of bindings.toml."""
    wanted = {name for key in reads for name in supplied_by(key)}
    if any(key.startswith("lesion.") for key in reads):
        wanted.add("observations")  # the side of a report's lesion is in the result
    return {key: template(key, codes) for key in PREFETCH_KEYS if key in wanted}


def template(key: str, codes: Codes) -> str:
    """The template of one prefetch key."""
    prefetch = PREFETCH_KEYS[key]
    if prefetch.read_by:
        return f"{prefetch.resource_type}/{{{{context.{prefetch.read_by}}}}}"
    only = f"&code={','.join(_observation_codes(codes))}" if key == "observations" else ""
    return f"{prefetch.resource_type}?patient={{{{context.patientId}}}}{only}&_count=200"


def _observation_codes(codes: Codes) -> dict[str, None]:
    """Every code of an observation or lesion, without the system, since records write systems in many ways."""
    built_in = (value_set.listed for key, value_set in VALUE_SETS.items() if _is_observed(key))
    added = (*codes.overlay.items(), *codes.expansions.items())
    site = (systems for key, systems in added if _is_observed(key))
    codings = [code for systems in (*built_in, *site) for listed in systems.values() for code in listed]
    return dict.fromkeys(_in_a_query(code) for code in (*codings, _BLOOD_PRESSURE_PANEL))


def _is_observed(key: str) -> bool:
    """Whether an Observation may have this key: as what it observes, or as the disease that a result names (D62)."""
    return key.startswith(("observation.", "lesion.")) or key in VALUE_SETS[STRUCTURAL].conditions


def _in_a_query(code: str) -> str:
    """A code as one value of a search parameter, with the escapes of FHIR and then those of a URL."""
    for mark in "\\,|$":
        code = code.replace(mark, f"\\{mark}")
    return quote(code.strip(), safe="")
