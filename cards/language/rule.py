"""Rule: one recommendation, what it reads and the evidence for it."""

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
    """One recommendation: what it reads, the evidence for it, and the function that decides.

    A rule that needs foot drop is evaluated only when there is foot drop. A rule that `asks_imaging_need` gets a
    callable that returns what the imaging cards ask for. `suggests` are the orders that it may place, as keys of
    the catalogue. `reads` are keys of bindings.toml: those that the rule declares and, in a RuleBook, also those that
    its gates and the rules that it asks read.
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
    """Make the decorated function the rule `id`; the first line of its docstring is the advice.

    `reads` are keys of bindings.toml and findings. `source` is the guideline that the rule names, if it is not in
    cards/rules/sources.toml. Raises KeyError if neither has it.
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
