"""The guideline that each card names, from cards/rules/sources.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files

from msgspec import Struct


class Source(Struct, frozen=True, kw_only=True):
    """A primary source: what the card shows as `source.label` and links to.

    `kind` is guideline, cohort, review, label or safety communication; `evidence` are the numbers of the
    clinical evidence table.
    """

    label: str
    url: str = ""
    year: int = 0
    kind: str = ""
    evidence: tuple[str, ...] = ()


def _load() -> Mapping[str, Source]:
    entries = tomllib.loads(files("cards").joinpath("rules/sources.toml").read_text(encoding="utf-8"))
    return {
        key: Source(
            label=entry["label"],
            url=entry.get("url", ""),
            year=entry.get("year", 0),
            kind=entry.get("kind", ""),
            evidence=tuple(entry.get("evidence", ())),
        )
        for key, entry in entries.items()
    }


SOURCES: Mapping[str, Source] = _load()
