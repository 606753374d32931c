"""The guideline that each card names: one for each rule, and one for each branch that has its own.

They are in cards/rules/sources.toml; the key of a branch is `"rule-id.branch"`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files

from msgspec import Struct


class Source(Struct, frozen=True, kw_only=True, cache_hash=True):
    """A primary source: what the card shows as `source.label` and links to.

    `kind` is guideline, cohort, review, label, safety communication or judgement; `evidence` are the numbers in the
    clinical evidence table. `strength` is that of the recommendation: strong, conditional or expert judgement.
    `branch` says which branch of a rule is based on it, and `conflict` in one line where guidance disagrees on it.
    """

    label: str
    url: str = ""
    year: int = 0
    kind: str = ""
    evidence: tuple[str, ...] = ()
    strength: str = ""
    branch: str = ""
    conflict: str = ""

    @property
    def is_judgement(self) -> bool:
        """Whether no source fits this branch, so that it is expert judgement."""
        return self.kind == "judgement"


def _load() -> Mapping[str, Source]:
    entries = tomllib.loads(files("cards").joinpath("rules/sources.toml").read_text(encoding="utf-8"))
    return {
        key: Source(
            label=entry["label"],
            url=entry.get("url", ""),
            year=entry.get("year", 0),
            kind=entry.get("kind", ""),
            evidence=tuple(entry.get("evidence", ())),
            strength=entry.get("strength", ""),
            branch=entry.get("branch", ""),
            conflict=entry.get("conflict", ""),
        )
        for key, entry in entries.items()
    }


SOURCES: Mapping[str, Source] = _load()


def branches(rule: str) -> tuple[Source, ...]:
    """The sources of those branches of a rule that are not based on the rule's own source."""
    return tuple(source for key, source in SOURCES.items() if key.startswith(f"{rule}."))
