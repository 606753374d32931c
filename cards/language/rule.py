"""Rule: one recommendation, what it reads and what it stands on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from cards.language.finding import Finding, reads_of
from cards.language.sources import SOURCES, Source
from cards.language.verdict import Verdict

Advise = Callable[..., Verdict]
"""`advise(chart)`, or `advise(chart, imaging_need)` for a rule that asks for the imaging need."""


class Rule(Struct, frozen=True, kw_only=True, cache_hash=True):
    """One recommendation: what it reads, what it stands on, and the function that decides.

    A rule that needs foot drop is asked only when there is one. One that `asks_imaging_need` is handed a
    callable that tells what the imaging cards ask for. `suggests` are the orders that it may place, as keys of
    the catalogue. `reads` are keys of bindings.toml: what it declares and, in a RuleBook, what its gates and the
    rules that it asks read besides.
    """

    id: str
    title: str
    hooks: tuple[str, ...]
    reads: frozenset[str]
    source: Source
    strength: str
    quality: str
    reviewed: str
    version: str
    suggests: tuple[str, ...]
    overrides: tuple[str, ...]
    needs_foot_drop: bool
    asks_imaging_need: bool
    advise: Advise


def rule(
    id: str,
    *,
    hooks: Iterable[str],
    reads: Iterable[str | frozenset[str] | Finding[Any]],
    strength: str,
    quality: str,
    reviewed: str,
    version: str,
    overrides: Iterable[str],
    suggests: Iterable[str] = (),
    needs_foot_drop: bool = True,
    asks_imaging_need: bool = False,
    source: Source | None = None,
) -> Callable[[Advise], Rule]:
    """Make the function below the rule `id`; the first line of its docstring is the advice.

    `reads` are keys of bindings.toml and findings. `source` is the guideline that it names, when
    cards/rules/sources.toml does not hold it; raises KeyError when neither does.
    """

    def make(advise: Advise) -> Rule:
        return Rule(
            id=id,
            title=(advise.__doc__ or "").strip().partition("\n")[0],
            hooks=tuple(hooks),
            reads=reads_of(*reads),
            source=source or SOURCES[id],
            strength=strength,
            quality=quality,
            reviewed=reviewed,
            version=version,
            suggests=tuple(suggests),
            overrides=tuple(overrides),
            needs_foot_drop=needs_foot_drop,
            asks_imaging_need=asks_imaging_need,
            advise=advise,
        )

    return make
